"""Money of a payment that others than us gave back, such as somebody in the gateway's dashboard.

A notice that something was given back does not say by whom, and comes while our own refunds are unknown,
refused or come back, or before we know that the payment was taken: no sum of our books tells those apart. So
it is only marked, for as long as it takes, and once the payment is approved the gateway is asked what bears
no key of ours: an answer that is right whatever our refunds do. What could go wrong is that the same money is
told again and again: what was told is kept, and only another sum than that is news.
"""

import sqlalchemy as sa
import structlog

from ivr.payments import tables
from ivr.payments.attempts.states import State
from ivr.payments.attempts.store import Attempt
from ivr.payments.attempts.transitions import Transitions
from ivr.payments.discrepancies import Difference
from ivr.platform.money import plain

log = structlog.get_logger()


def hear(transitions: Transitions, tx: sa.Connection, attempt: Attempt) -> None:
    """A notice says that something of it was given back, or came back; `attempt` was read by
    `records.locked`. One that is not approved is asked about when it is: see `Transitions`.
    """
    here = tables.attempt.c.id == attempt.id
    tx.execute(sa.update(tables.attempt).where(here).values(given_back_heard_at=transitions.clock.now()))
    if attempt.state is State.APPROVED:
        transitions.verify(tx, attempt)


def is_asked(attempt: Attempt) -> bool:
    """Whether the gateway is to say what others gave back of it."""
    return attempt.state is State.APPROVED and attempt.given_back_heard_at is not None


def record(transitions: Transitions, tx: sa.Connection, attempt: Attempt, in_all_minor: int) -> None:
    """The gateway's answer: kept, and told where it is another than before. The books stay as they are."""
    before_minor = attempt.given_back_elsewhere_minor
    if in_all_minor != before_minor:
        log.error("given_back_elsewhere", attempt_id=attempt.id, in_all_minor=in_all_minor)
        amount = plain(in_all_minor, attempt.currency)
        note = f"{amount} in total was refunded at the gateway, and not by this server"
        if in_all_minor < before_minor:
            note += f"; it was {plain(before_minor, attempt.currency)} before: the rest came back"
        transitions.write_down(tx, attempt.id, Difference.GIVEN_BACK_ELSEWHERE, attempt.state, note)
    transitions.verified(tx, attempt, given_back_heard_at=None, given_back_elsewhere_minor=in_all_minor)


def give_up(transitions: Transitions, tx: sa.Connection, attempt: Attempt) -> None:
    """The gateway does not say: from now on a person looks."""
    transitions.verified(tx, attempt, given_back_heard_at=None)
