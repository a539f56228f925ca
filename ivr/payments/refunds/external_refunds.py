"""Refunds of our payments that this server did not make, such as those made in the gateway's dashboard.

A webhook that says "refunded" does not say by whom, and can come while our own refunds are unknown, declined
or returned. So it is only noted; once the payment is approved, the gateway is asked for the sum of refunds
that have no key of ours. The sum that finance was told is kept, and only another sum is reported.
"""

import sqlalchemy as sa
import structlog

from ivr.payments.attempts import store as attempt_store
from ivr.payments.attempts.states import State
from ivr.payments.attempts.store import Attempt
from ivr.payments.attempts.transitions import Transitions
from ivr.payments.history import Difference
from ivr.platform.money import plain

log = structlog.get_logger()


def note_report(transitions: Transitions, tx: sa.Connection, attempt: Attempt) -> None:
    """Notes that a webhook says: some of it was refunded, or came back. `attempt` was read by `store.locked`.
    The gateway is asked once the attempt is approved: see `Transitions`.
    """
    attempt_store.update(tx, attempt.id, external_refund_heard_at=transitions.clock.now())
    if attempt.state is State.APPROVED:
        transitions.recheck(tx, attempt)


def is_asked(attempt: Attempt) -> bool:
    """Whether the gateway still has to be asked how much of it was refunded elsewhere."""
    return attempt.state is State.APPROVED and attempt.external_refund_heard_at is not None


def record(transitions: Transitions, tx: sa.Connection, attempt: Attempt, in_all_minor: int) -> None:
    """Stores the gateway's answer, and reports it if the sum has changed. The books do not change."""
    before_minor = attempt.refunded_externally_minor
    if in_all_minor != before_minor:
        log.error("given_back_elsewhere", attempt_id=attempt.id, in_all_minor=in_all_minor)
        amount = plain(in_all_minor, attempt.currency)
        note = f"{amount} in total was refunded at the gateway, and not by this server"
        if in_all_minor < before_minor:
            note += f"; it was {plain(before_minor, attempt.currency)} before: the rest came back"
        transitions.add_history(tx, attempt, Difference.REFUNDED_EXTERNALLY, note)
    transitions.end_recheck(
        tx, attempt, external_refund_heard_at=None, refunded_externally_minor=in_all_minor
    )


def give_up(transitions: Transitions, tx: sa.Connection, attempt: Attempt) -> None:
    """Stops asking: the gateway did not answer for a day, and a person has to look."""
    transitions.end_recheck(tx, attempt, external_refund_heard_at=None)
