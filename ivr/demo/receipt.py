"""What came of a call: the payment in the ledger, and its confirmation, waited for a moment.

Reads the database that the processes write.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from ivr.platform.clock import Clock
from ivr.platform.database.engine import make_engine, reading
from ivr.platform.database.schema import attempt, call, confirmation, ledger_entry

WAIT_S_MAX = 20
UNDER_WAY = frozenset({"reserved", "authorizing", "authorized", "claimed", "unknown", "approved"})
TOLD = frozenset({"sent", "delivered", "spoken"})


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
    query = (
        sa.select(confirmation.c.body, confirmation.c.state)
        .join(attempt, attempt.c.id == confirmation.c.attempt_id)
        .join(call, call.c.id == attempt.c.call_id)
        .where(call.c.call_sid == call_sid, confirmation.c.purpose == "link")
        .order_by(confirmation.c.created_at.desc())
    )
    engine = make_engine(database_url)
    try:
        for _ in range(WAIT_S_MAX * 4):
            with reading(engine) as connection:
                row = connection.execute(query).first()
            if row is None or row.state in TOLD:
                return None if row is None else str(row.body)
            clock.sleep(0.25)
    finally:
        engine.dispose()
    return None


def _receipt(connection: sa.Connection, call_sid: str) -> Receipt | None:
    query = (
        sa.select(
            attempt.c.reference,
            attempt.c.amount_minor,
            attempt.c.currency,
            confirmation.c.channel,
            confirmation.c.state,
            confirmation.c.body,
        )
        .join(call, call.c.id == attempt.c.call_id)
        .join(ledger_entry, ledger_entry.c.source_id == attempt.c.id)
        .join(confirmation, confirmation.c.attempt_id == attempt.c.id)
        .where(
            call.c.call_sid == call_sid,
            confirmation.c.purpose == "receipt",
            confirmation.c.state.in_(TOLD),
            ledger_entry.c.kind == "charge",
        )
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Receipt(*row)


def _is_under_way(connection: sa.Connection, call_sid: str) -> bool:
    query = (
        sa.select(sa.func.count())
        .select_from(attempt.join(call, call.c.id == attempt.c.call_id))
        .where(call.c.call_sid == call_sid, attempt.c.state.in_(UNDER_WAY))
    )
    return bool(connection.execute(query).scalar_one())
