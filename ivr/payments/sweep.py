"""The sweep: asks again for the job of every attempt and refund whose job is overdue, which means that it was
lost.

Each row says when it is looked at next (`look_at`), and its state says by which job. A job that is merely
slow does no harm: the second one has a number of its own, and each job reads the state anew.
"""

from datetime import timedelta

import sqlalchemy as sa
import structlog

from ivr.jobs.job_list import REFUND_PAYMENT, RESOLVE_REFUND, VERIFY_ATTEMPT, VERIFY_REFUND, Job
from ivr.payments import timeouts
from ivr.payments.attempts import store as attempt_store
from ivr.payments.attempts.transitions import NEXT_JOB, Transitions
from ivr.payments.refunds import store as refund_store
from ivr.payments.refunds.store import RefundState
from ivr.payments.refunds.transitions import RefundTransitions
from ivr.platform.database.engine import reading

log = structlog.get_logger()
AT_ONCE_MAX = 100

REFUND_JOBS: dict[RefundState, Job] = {
    RefundState.ASKED: REFUND_PAYMENT,
    RefundState.UNKNOWN: RESOLVE_REFUND,
}


def sweep(engine: sa.Engine, attempts: Transitions, refunds: RefundTransitions) -> int:
    """How many lost jobs were asked for again."""
    late = attempts.clock.now() - timedelta(seconds=timeouts.LOST_AFTER_S)
    with reading(engine) as tx:
        attempt_ids = attempt_store.overdue(tx, late, AT_ONCE_MAX)
        refund_ids = refund_store.overdue(tx, late, AT_ONCE_MAX)
    return sum(_ask_attempt(engine, attempts, id_) for id_ in attempt_ids) + sum(
        _ask_refund(engine, refunds, id_) for id_ in refund_ids
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


def _ask_refund(engine: sa.Engine, transitions: RefundTransitions, refund_id: str) -> bool:
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
