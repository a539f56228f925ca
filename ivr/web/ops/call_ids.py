"""The call to which a piece of background work belongs: each line that the work logs names it."""

from collections.abc import Mapping

import sqlalchemy as sa

from ivr.jobs import job_list as jobs
from ivr.jobs.job_list import Job
from ivr.platform.database.engine import reading
from ivr.platform.database.schema import attempt, confirmation, outcome, refund, saved_card

_THROUGH: Mapping[Job, sa.Table] = {
    jobs.REFUND_PAYMENT: refund,
    jobs.RESOLVE_REFUND: refund,
    jobs.VERIFY_REFUND: refund,
    jobs.SEND_CONFIRMATION: confirmation,
    jobs.CHECK_CONFIRMATION: confirmation,
    jobs.DELIVER_OUTCOME: outcome,
    jobs.SAVE_CARD: saved_card,
    jobs.FORGET_CARD: saved_card,
}
"""Jobs whose subject is a row that names its payment; that of the others is the payment itself."""
_OF_NO_CALL = frozenset({jobs.READ_PAYOUT})


def call_of(engine: sa.Engine, job: Job, subject_id: str) -> str | None:
    """The id of the call; None where the work belongs to none."""
    if job in _OF_NO_CALL:
        return None
    if job == jobs.END_SILENT_CALL:
        return subject_id
    query = sa.select(attempt.c.call_id)
    if (table := _THROUGH.get(job)) is None:
        query = query.where(attempt.c.id == subject_id)
    else:
        query = query.join(table, table.c.attempt_id == attempt.c.id).where(table.c.id == subject_id)
    with reading(engine) as tx:
        found: str | None = tx.execute(query).scalar_one_or_none()
    return found
