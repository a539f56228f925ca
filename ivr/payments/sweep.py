"""The sweep: asks again for the job of every attempt and refund whose job is overdue, which means that it was
lost.

Belt and braces behind the durable queue. It needs no list of states: each attempt that holds money, or that
the gateway contradicts, says itself when it is looked at next (`look_at`), and `moves.NEXT_JOB` says by which
job. What could go wrong is a job that is merely slow: it is asked for under a new number, and each job reads
the state anew.
"""

from datetime import timedelta

import sqlalchemy as sa
import structlog

from ivr.jobs.job_list import REFUND_PAYMENT, RESOLVE_REFUND, VERIFY_ATTEMPT, VERIFY_REFUND, Job
from ivr.payments import tables, timeouts
from ivr.payments.attempts import store as attempt_store
from ivr.payments.attempts.states import HOLDING
from ivr.payments.attempts.transitions import NEXT_JOB, Transitions
from ivr.payments.refunds import store as refund_store
from ivr.payments.refunds.states import REFUND_FINAL, RefundState
from ivr.platform.database.engine import reading

log = structlog.get_logger()
AT_ONCE_MAX = 100

REFUND_JOBS: dict[RefundState, Job] = {
    RefundState.ASKED: REFUND_PAYMENT,
    RefundState.UNKNOWN: RESOLVE_REFUND,
}
_attempts, _refunds = tables.attempt.c, tables.refund.c
_STUCK = (
    sa.select(_attempts.id)
    .where(
        _attempts.look_at < sa.bindparam("late"),
        sa.or_(_attempts.state.in_(HOLDING), _attempts.verify_since.is_not(None)),
    )
    .order_by(_attempts.look_at)
    .limit(AT_ONCE_MAX)
)
_OWED = (
    sa.select(_refunds.id)
    .where(
        _refunds.look_at < sa.bindparam("late"),
        sa.or_(_refunds.state.not_in(REFUND_FINAL), _refunds.verify_since.is_not(None)),
    )
    .order_by(_refunds.look_at)
    .limit(AT_ONCE_MAX)
)


def sweep(engine: sa.Engine, transitions: Transitions) -> int:
    """How many lost jobs were asked for again."""
    late = transitions.clock.now() - timedelta(seconds=timeouts.LOST_AFTER_S)
    with reading(engine) as tx:
        attempt_ids = list(tx.execute(_STUCK, {"late": late}).scalars())
        refund_ids = list(tx.execute(_OWED, {"late": late}).scalars())
    return sum(_ask_attempt(engine, transitions, id_) for id_ in attempt_ids) + sum(
        _ask_refund(engine, transitions, id_) for id_ in refund_ids
    )


def _ask_attempt(engine: sa.Engine, transitions: Transitions, attempt_id: str) -> bool:
    with engine.begin() as tx:
        attempt = attempt_store.locked(tx, attempt_id)
        job = NEXT_JOB.get(attempt.state) or (None if attempt.verify_since is None else VERIFY_ATTEMPT)
        if job is None:
            return False
        facts = {"attempt_id": attempt_id, "call_id": attempt.call_id, "state": str(attempt.state)}
        log.error("attempt_job_lost", job=job.name, **facts)
        transitions.ask(tx, attempt, job)
        return True


def _ask_refund(engine: sa.Engine, transitions: Transitions, refund_id: str) -> bool:
    with engine.begin() as tx:
        refund = refund_store.locked(tx, refund_id)
        job = REFUND_JOBS.get(refund.state, None if refund.verify_since is None else VERIFY_REFUND)
        if job is None:
            return False
        call_id = attempt_store.get(tx, refund.attempt_id).call_id
        facts = {"refund_id": refund_id, "call_id": call_id, "state": str(refund.state)}
        log.error("refund_job_lost", job=job.name, **facts)
        transitions.ask(tx, refund, job)
        return True
