"""A customer: a phone number that paid or called before, and what they prefer.

Two calls of one number may write at once: one row results, on both databases. A withheld
caller is no customer.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from ivr.customers.caller import Caller
from ivr.customers.tables import customer
from ivr.platform.clock import Clock
from ivr.platform.database.engine import insert_of
from ivr.platform.ids import Ids


@dataclass(frozen=True, slots=True)
class Customer:
    """Someone we have met."""

    id: str
    phone: str
    language: str | None
    slow_speech: bool = False


def find_by_phone(tx: sa.Connection, phone: str) -> Customer | None:
    """The customer of this number, in E.164."""
    row = tx.execute(
        sa.select(customer.c.id, customer.c.phone, customer.c.language, customer.c.slow_speech).where(
            customer.c.phone == phone
        )
    ).one_or_none()
    return Customer(*row) if row else None


def kept_under(tx: sa.Connection, caller: Caller) -> str | None:
    """The number under which this caller is kept, in E.164; None for a withheld one.

    That is the one identity of all forms of the number. Only where two customers of an earlier release could
    not become one, because one of them has a saved card, each stays under the very form that calls.
    """
    if caller.number is None or caller.dial in {None, caller.number}:
        return caller.number
    return caller.dial if find_by_phone(tx, str(caller.dial)) else caller.number


def of_caller(tx: sa.Connection, caller: Caller) -> Customer | None:
    """The customer who calls, if we have met them."""
    phone = kept_under(tx, caller)
    return None if phone is None else find_by_phone(tx, phone)


def meet(tx: sa.Connection, phone: str, *, clock: Clock, ids: Ids) -> str:
    """The id of this number's customer, who is new where there was none."""
    insert = insert_of(tx)
    now = clock.now()
    new = insert(customer).values(id=ids.new("customer"), phone=phone, created_at=now, updated_at=now)
    tx.execute(new.on_conflict_do_nothing(index_elements=[customer.c.phone]))
    return str(tx.execute(sa.select(customer.c.id).where(customer.c.phone == phone)).scalar_one())


def remember_language(tx: sa.Connection, phone: str, language: str, *, clock: Clock, ids: Ids) -> str:
    """The customer of this number speaks this language from now on; gives the customer's id."""
    return _remember(tx, phone, {"language": language}, clock, ids)


def remember_pace(tx: sa.Connection, phone: str, *, slow: bool, clock: Clock, ids: Ids) -> str:
    """The customer of this number hears slow speech from now on, or no more; gives the customer's id."""
    return _remember(tx, phone, {"slow_speech": slow}, clock, ids)


def _remember(tx: sa.Connection, phone: str, what: Mapping[str, object], clock: Clock, ids: Ids) -> str:
    now = clock.now()
    # The two databases share the clause, and SQLAlchemy has it once for each.
    insert = insert_of(tx)
    statement = insert(customer).values(
        id=ids.new("customer"), phone=phone, created_at=now, updated_at=now, **what
    )
    kept = statement.on_conflict_do_update(
        index_elements=[customer.c.phone], set_={**what, "updated_at": now}
    ).returning(customer.c.id)
    return str(tx.execute(kept).scalar_one())


def phones_beginning_with(tx: sa.Connection, codes: Collection[str]) -> set[str]:
    """The numbers of customers that begin with one of these codes, such as +54."""
    begins = sa.or_(*(customer.c.phone.like(f"{code}%") for code in codes))
    return set(tx.execute(sa.select(customer.c.phone).where(begins)).scalars())
