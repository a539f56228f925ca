"""What came of a call: the payment in the ledger, and its confirmation, waited for a moment.

Reads the database that the processes write.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from ivr.calls import store as calls
from ivr.finance import ledger
from ivr.messaging import messages
from ivr.messaging.messages import Message, Purpose
from ivr.messaging.states import MessageState
from ivr.payments.attempts import store as attempt_store
from ivr.payments.attempts.states import State
from ivr.payments.attempts.store import Attempt
from ivr.platform.clock import Clock
from ivr.platform.database.engine import make_engine, reading

WAIT_S_MAX = 20
UNDER_WAY = frozenset(
    {State.RESERVED, State.AUTHORIZING, State.AUTHORIZED, State.CLAIMED, State.UNKNOWN, State.APPROVED}
)
TOLD = frozenset({MessageState.SENT, MessageState.DELIVERED, MessageState.SPOKEN})


class NotConfirmedError(Exception):
    """A payment was begun in the call, and it is not known yet what became of it."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A payment that is in the ledger and confirmed."""

    reference: str
    amount_minor: int
    currency: str
    channel: str
    state: str
    body: str


def wait_for_receipt(database_url: str, call_sid: str, clock: Clock) -> Receipt | None:
    """The receipt of the payment made in this call; None where nothing was paid. Raises NotConfirmedError
    where a payment is under way, or not confirmed, after WAIT_S_MAX.
    """
    engine = make_engine(database_url)
    try:
        for _ in range(WAIT_S_MAX * 4):
            with reading(engine) as connection:
                receipt = _receipt(connection, call_sid)
                if receipt is not None or not _is_under_way(connection, call_sid):
                    return receipt
            clock.sleep(0.25)
    finally:
        engine.dispose()
    raise NotConfirmedError


def link_text(database_url: str, call_sid: str, clock: Clock) -> str | None:
    """The text with the pay link in which this call ended, once it is sent; None: it ended in none."""
    engine = make_engine(database_url)
    try:
        for _ in range(WAIT_S_MAX * 4):
            with reading(engine) as connection:
                text = _link_message(connection, call_sid)
            if text is None or text.state in TOLD:
                return None if text is None else text.body
            clock.sleep(0.25)
    finally:
        engine.dispose()
    return None


def _attempts(tx: sa.Connection, call_sid: str) -> list[Attempt]:
    call_id = calls.id_of_sid(tx, call_sid)
    return [] if call_id is None else attempt_store.in_call(tx, call_id)


def _link_message(tx: sa.Connection, call_sid: str) -> Message | None:
    """The last message with a link."""
    found = [messages.of_payment(tx, one.id, Purpose.LINK) for one in _attempts(tx, call_sid)]
    return next((one for one in reversed(found) if one is not None), None)


def _receipt(tx: sa.Connection, call_sid: str) -> Receipt | None:
    """Raises ValueError where the call has several."""
    found = []
    for attempt in _attempts(tx, call_sid):
        message = messages.of_payment(tx, attempt.id, Purpose.OUTCOME)
        if message is None or message.state not in TOLD:
            continue
        if ledger.has(tx, ledger.EntryKind.CHARGE, attempt.id):
            found.append((attempt, message))
    if not found:
        return None
    ((attempt, message),) = found
    return Receipt(
        reference=attempt.reference,
        amount_minor=attempt.amount_minor,
        currency=attempt.currency,
        channel=message.channel,
        state=message.state,
        body=message.body,
    )


def _is_under_way(tx: sa.Connection, call_sid: str) -> bool:
    return any(attempt.state in UNDER_WAY for attempt in _attempts(tx, call_sid))
