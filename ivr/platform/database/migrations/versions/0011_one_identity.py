"""One identity for the two forms of a number (Argentina, Brazil, Mexico): customers and counts under another
form come under it.

Two customers who are one by this become one only where neither has a saved card: a card never moves to
somebody else by itself. Those that stay two are told by `paybycall doctor`, and each is known by the very
form that calls.
"""

from datetime import datetime

import sqlalchemy as sa
import structlog
from alembic import op

from ivr.platform.database.engine import Instant
from ivr.platform.phone_numbers import identity_of

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

log = structlog.get_logger()
_COUNTRIES = ("+549%", "+55%", "+521%")
_MOMENTS = (sa.column("created_at", Instant(timezone=True)), sa.column("updated_at", Instant(timezone=True)))
customer = sa.table("customer", sa.column("id"), sa.column("phone"), sa.column("language"), *_MOMENTS)
saved_card = sa.table("saved_card", sa.column("customer_id"), sa.column("state"))
timeline = sa.table("timeline", sa.column("customer_id"))
guess = sa.table("guess", sa.column("caller"))
card_try = sa.table("card_try", sa.column("caller"))
lock_out = sa.table("lock_out", *(sa.column(name) for name in ("id", "kind", "subject", "number")))


def upgrade() -> None:
    connection = op.get_bind()
    for number in _other_forms(connection, customer.c.phone):
        _one_customer(connection, number, identity_of(number))
    for table in (guess, card_try):
        for number in _other_forms(connection, table.c.caller):
            now = table.update().where(table.c.caller == number).values(caller=identity_of(number))
            connection.execute(now)
    for number in _other_forms(connection, lock_out.c.subject):
        _one_subject(connection, number, identity_of(number))


def _other_forms(connection: sa.Connection, column: sa.ColumnClause[str]) -> list[str]:
    """The numbers in this column that are not their own identity."""
    query = sa.select(column).where(sa.or_(*(column.like(one) for one in _COUNTRIES))).distinct()
    return sorted(one for one in connection.execute(query).scalars() if identity_of(one) != one)


def _one_customer(connection: sa.Connection, number: str, identity: str) -> None:
    [mine] = connection.execute(sa.select(customer).where(customer.c.phone == number)).all()
    other = connection.execute(sa.select(customer).where(customer.c.phone == identity)).one_or_none()
    if other is None:
        connection.execute(customer.update().where(customer.c.id == mine.id).values(phone=identity))
        return
    both = (mine.id, other.id)
    has_card = saved_card.c.customer_id.in_(both) & (saved_card.c.state != "forgotten")
    if connection.execute(sa.select(sa.literal(1)).where(has_card).limit(1)).first():
        log.warning("customers_stay_two", customer_ids=both)
        return
    for table in (saved_card, timeline):
        moved = table.update().where(table.c.customer_id == mine.id).values(customer_id=other.id)
        connection.execute(moved)
    connection.execute(customer.delete().where(customer.c.id == mine.id))
    last, first = sorted((mine, other), key=_last_change, reverse=True)
    values = {
        "language": last.language or first.language,
        "created_at": min(mine.created_at, other.created_at),
        "updated_at": last.updated_at,
    }
    connection.execute(customer.update().where(customer.c.id == other.id).values(**values))


def _last_change(row: sa.Row[tuple[object, ...]]) -> datetime:
    return row.updated_at  # type: ignore[no-any-return]


def _one_subject(connection: sa.Connection, number: str, identity: str) -> None:
    """Its lock-outs are numbered on behind those of the other form."""
    highest = sa.select(sa.func.coalesce(sa.func.max(lock_out.c.number), 0))
    behind = connection.execute(highest.where(lock_out.c.subject == identity)).scalar_one()
    mine = lock_out.update().where(lock_out.c.subject == number)
    connection.execute(mine.values(subject=identity, number=lock_out.c.number + behind))
