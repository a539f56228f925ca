"""The call to which a piece of background work belongs: each line that the work logs names it."""

from collections.abc import Callable, Mapping

import sqlalchemy as sa

from ivr.integrations import webhooks_out
from ivr.jobs import job_list as jobs
from ivr.jobs.job_list import Job
from ivr.messaging import messages
from ivr.payments.attempts import store as attempt_store
from ivr.payments.refunds import store as refund_store
from ivr.payments.saved_cards import store as card_store
from ivr.platform.database.engine import reading

AttemptIdOf = Callable[[sa.Connection, str], str | None]
_ATTEMPT_ID_OF: Mapping[Job, AttemptIdOf] = {
    jobs.REFUND_PAYMENT: refund_store.attempt_id_of,
    jobs.RESOLVE_REFUND: refund_store.attempt_id_of,
    jobs.VERIFY_REFUND: refund_store.attempt_id_of,
    jobs.SEND_CONFIRMATION: messages.attempt_id_of,
    jobs.CHECK_CONFIRMATION: messages.attempt_id_of,
    jobs.DELIVER_OUTCOME: webhooks_out.attempt_id_of,
    jobs.SAVE_CARD: card_store.attempt_id_of,
    jobs.FORGET_CARD: card_store.attempt_id_of,
}
"""Jobs whose subject belongs to a payment; that of the others is the payment itself."""
_OF_NO_CALL = frozenset({jobs.READ_PAYOUT})


def call_of(engine: sa.Engine, job: Job, subject_id: str) -> str | None:
    """The id of the call; None where the work belongs to none."""
    if job in _OF_NO_CALL:
        return None
    if job == jobs.END_SILENT_CALL:
        return subject_id
    attempt_id_of = _ATTEMPT_ID_OF.get(job)
    with reading(engine) as tx:
        attempt_id = subject_id if attempt_id_of is None else attempt_id_of(tx, subject_id)
        return None if attempt_id is None else attempt_store.call_id_of(tx, attempt_id)
