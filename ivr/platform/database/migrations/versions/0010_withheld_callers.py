"""Customers of withheld callers: one number stood for all of them, so each was offered another's card.

Nobody is kept under a number that `ivr.platform.phone_numbers` now calls withheld or none: cards are to be
forgotten (the worker's sweep has the gateway forget them), languages and guesses dropped, no text leaves any
more. Payments and open links go on; their confirmation is the reference that was spoken.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from ivr.platform.database.engine import Instant
from ivr.platform.phone_numbers import PhoneNumber, read

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

AT_ONCE = 500
BY = "nobody's number: a withheld caller"
_KEPT_UNDER = {
    "customer": "phone",
    "bill": "payer_phone",
    "call": "from_number",
    "attempt": "payer_phone",
    "confirmation": "recipient",
    "guess": "caller",
    "card_try": "caller",
}
customer = sa.table("customer", sa.column("id"), sa.column("phone"))
timeline = sa.table(
    "timeline",
    sa.column("at", Instant(timezone=True)),
    *(sa.column(name) for name in ("kind", "customer_id", "call_id", "attempt_id")),
    sa.column("facts", sa.JSON),
)
saved_card = sa.table(
    "saved_card",
    *(sa.column(name) for name in ("id", "customer_id", "call_id", "attempt_id", "state", "token")),
    *(sa.column(name) for name in ("brand", "last_four", "forgotten_by")),
    *(
        sa.column(name, Instant(timezone=True))
        for name in ("consented_at", "forget_asked_at", "forgotten_at", "look_at", "sent_at")
    ),
)


def upgrade() -> None:
    connection = op.get_bind()
    nobody = sorted({number for table in _KEPT_UNDER for number in _numbers(connection, table)})
    for first in range(0, len(nobody), AT_ONCE):
        numbers = nobody[first : first + AT_ONCE]
        _forget_cards(connection, numbers)
        _drop(connection, numbers)


def _numbers(connection: sa.Connection, table: str) -> Iterator[str]:
    """Those under which nobody is kept any more."""
    column: sa.ColumnClause[str] = sa.column(_KEPT_UNDER[table])
    query = sa.select(column).select_from(sa.table(table)).where(column.is_not(None)).distinct()
    for number in connection.execute(query).scalars():
        if number.startswith("+") and not isinstance(read(number, ""), PhoneNumber):
            yield number


def _forget_cards(connection: sa.Connection, numbers: Sequence[str]) -> None:
    """Neither offered nor charged from now on. What no gateway was asked to keep is forgotten already; for
    the rest the sweep asks the gateway, as for every card whose job is overdue.
    """
    now = datetime.now(UTC)
    theirs = sa.select(customer.c.id).where(customer.c.phone.in_(numbers))
    is_theirs = saved_card.c.customer_id.in_(theirs)
    at_a_gateway = sa.or_(
        saved_card.c.state == "kept",
        sa.and_(saved_card.c.state == "keeping", saved_card.c.sent_at.is_not(None)),
    )
    nowhere = sa.and_(saved_card.c.state.in_(("agreed", "keeping")), sa.not_(at_a_gateway))
    for card in connection.execute(
        sa.select(saved_card).where(is_theirs, sa.or_(at_a_gateway, nowhere))
    ).all():
        facts = {"card_id": card.id, "brand": card.brand, "last_four": card.last_four, "by": BY}
        told = {"customer_id": card.customer_id, "call_id": card.call_id, "attempt_id": card.attempt_id}
        connection.execute(timeline.insert().values(at=now, kind="card.forgotten", facts=facts, **told))
    asked = {"forgotten_by": BY, "forget_asked_at": now}
    forgotten = {"state": "forgotten", "token": None, "forgotten_at": now, "look_at": None}
    connection.execute(saved_card.update().where(is_theirs, nowhere).values(**asked, **forgotten))
    forgetting = {"state": "forgetting", "look_at": saved_card.c.consented_at}  # overdue: asked for at once
    connection.execute(saved_card.update().where(is_theirs, at_a_gateway).values(**asked, **forgetting))


def _drop(connection: sa.Connection, numbers: Sequence[str]) -> None:
    """Language, guesses, texts that have not left, and the number wherever it would let somebody in."""

    def change(table: str, *more: sa.ColumnElement[bool], **values: object) -> None:
        column = _KEPT_UNDER[table]
        target = sa.table(table, *(sa.column(name) for name in {column, *values}))
        connection.execute(target.update().where(target.c[column].in_(numbers), *more).values(**values))

    change("customer", language=None)
    change("bill", payer_phone=None)
    change("call", from_number=None)
    change("attempt", sa.column("settled_at").is_(None), payer_phone=None)
    change("card_try", caller="withheld")
    guesses = sa.table("guess", sa.column("caller"))
    connection.execute(guesses.delete().where(guesses.c.caller.in_(numbers)))
    not_sent = sa.column("state").in_(("queued", "sending", "maybe_sent"))
    change("confirmation", not_sent, state="failed", error_code="withheld")
