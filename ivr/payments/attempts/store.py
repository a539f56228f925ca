"""Attempts as they are stored: frozen records, and all statements on their table.

An attempt that is to be changed is read by `locked`: the row is held until the transaction ends, so nobody
decides on a state that somebody else is changing. Card token and authorization are secrets that mask
themselves.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gateways.declines import Decline
from gateways.secret import Secret
from ivr.calls import views as calls_views
from ivr.payments import tables
from ivr.payments.attempts.states import HOLDING, Method, State


class NoSuchAttemptError(LookupError):
    """There is no attempt of that id."""


class LostRaceError(Exception):
    """The attempt is no longer in the state it was read in: it was moved without its lock, a bug."""


@dataclass(frozen=True, slots=True)
class NewAttempt:
    """What a call or a page asks to be charged. `made_for` names the turn: the same name makes no second
    attempt.
    """

    made_for: str
    bill_id: str
    amount_minor: int
    currency: str
    language: str
    call_id: str | None = None
    payer_phone: str | None = None
    """Who is texted, in E.164; None: nobody."""
    method: Method = Method.CARD
    card_entry_id: str | None = None
    """The card entry that the card came from, or will come from."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to have one amount of one bill paid. Its id is the gateway's idempotency key."""

    id: str
    made_for: str
    reference: str
    """Eight digits, spoken to the caller."""
    bill_id: str
    call_id: str | None
    payer_phone: str | None
    language: str
    amount_minor: int
    refunded_minor: int
    """Of all refunds that are not declined."""
    currency: str
    gateway: str
    state: State
    token: Secret | None
    gateway_authorization: Secret | None
    brand: str | None
    last_four: str | None
    saved_card_id: str | None
    """The saved card that pays; None: one that was keyed."""
    gateway_customer_id: str | None
    """Of a saved card: the gateway's name for the customer."""
    keep_card: bool
    """The payer agreed that the card is saved."""
    gateway_reference: str | None
    authorisation_code: str | None
    decline: Decline | None
    gateway_code: str | None
    created_at: datetime
    deadline_at: datetime
    charge_asked_at: datetime | None
    claimed_at: datetime | None
    unknown_since: datetime | None
    promised_at: datetime | None
    """The caller left without hearing the outcome: whatever it is, they are texted."""
    settled_at: datetime | None
    jobs: int
    """The number of the job that was scheduled last."""
    method: Method = Method.CARD
    card_entry_id: str | None = None
    """The card entry at the PCI process, which is told of the outcome; None: there was none."""
    verify_since: datetime | None = None
    """Since when the gateway is asked about a webhook: a charge that our books deny, or a refund."""
    external_refund_heard_at: datetime | None = None
    """When a webhook said that money was refunded, and the gateway was not asked since by whom."""
    refunded_externally_minor: int = 0
    """Refunded at the gateway and not by us, as finance was told."""
    order_description: str | None = None
    """What the payer reads of the order (see `order.py`)."""
    order_statement: str | None = None
    """The same on the card's statement."""


_COLUMNS = [tables.attempt.c[field.name].label(field.name) for field in fields(Attempt)]
# Built once: they are read at every turn of a call, and to build one takes longer than to run it.
_OF_ID = sa.select(*_COLUMNS).where(tables.attempt.c.id == sa.bindparam("wanted"))
_OF_ID_LOCKED = _OF_ID.with_for_update(key_share=True)
_MADE_FOR = sa.select(*_COLUMNS).where(tables.attempt.c.made_for == sa.bindparam("wanted"))


def _record(row: sa.RowMapping) -> Attempt:
    held: dict[str, Any] = dict(row)
    held["state"] = State(held["state"])
    held["method"] = Method(held["method"])
    held["decline"] = None if held["decline"] is None else Decline(held["decline"])
    for name in ("token", "gateway_authorization"):
        held[name] = None if held[name] is None else Secret(held[name])
    return Attempt(**held)


# Reading ----------------------------------------------------------------------------------------------------


def get(tx: sa.Connection, attempt_id: str) -> Attempt:
    """The attempt as it stands; raises NoSuchAttemptError."""
    return _one(tx, _OF_ID, attempt_id)


def locked(tx: sa.Connection, attempt_id: str) -> Attempt:
    """The attempt, held until the transaction ends; nobody else moves it. Lock it before its bill."""
    return _one(tx, _OF_ID_LOCKED, attempt_id)


def _one(tx: sa.Connection, query: sa.Select[Any], attempt_id: str) -> Attempt:
    row = tx.execute(query, {"wanted": attempt_id}).mappings().one_or_none()
    if row is None:
        raise NoSuchAttemptError(f"there is no attempt {attempt_id}")
    return _record(row)


def find_made_for(tx: sa.Connection, made_for: str) -> Attempt | None:
    """The attempt that was made for this turn."""
    row = tx.execute(_MADE_FOR, {"wanted": made_for}).mappings().one_or_none()
    return None if row is None else _record(row)


def bill_id_of(tx: sa.Connection, reference: str) -> str | None:
    """The bill of the payment whose payer was told these eight digits: the bill's id."""
    attempts = tables.attempt.c
    return tx.execute(sa.select(attempts.bill_id).where(attempts.reference == reference)).scalar_one_or_none()


def other_of_charge(
    tx: sa.Connection, attempt: Attempt, gateway_reference: str, state: State | None = None
) -> str | None:
    """The spoken reference of another payment that holds this charge of the same gateway, if there is one;
    of those in `state` alone, where it is given.
    """
    columns = tables.attempt.c
    query = sa.select(columns.reference).where(
        columns.gateway == attempt.gateway,
        columns.gateway_reference == gateway_reference,
        columns.id != attempt.id,
    )
    if state is not None:
        query = query.where(columns.state == state)
    return tx.execute(query.limit(1)).scalar_one_or_none()


def overdue(tx: sa.Connection, since: datetime, limit: int) -> list[str]:
    """IDs of attempts whose job should have run before that moment."""
    columns = tables.attempt.c
    has_job = sa.or_(columns.state.in_(HOLDING), columns.verify_since.is_not(None))
    query = sa.select(columns.id).where(columns.look_at < since, has_job)
    return list(tx.execute(query.order_by(columns.look_at).limit(limit)).scalars())


def caller_waits(tx: sa.Connection, attempt: Attempt, now: datetime) -> bool:
    """Whether the caller still waits for it: its deadline is not past, and its call, if any, is there."""
    return now < attempt.deadline_at and call_is_there(tx, attempt)


def call_is_there(tx: sa.Connection, attempt: Attempt) -> bool:
    """False where the call has ended; True for an attempt without a call."""
    if attempt.call_id is None:
        return True
    query = sa.select(calls_views.IS_ACTIVE).where(calls_views.call.c.id == attempt.call_id)
    return bool(tx.execute(query).scalar_one_or_none())


def call_id_of(tx: sa.Connection, attempt_id: str) -> str | None:
    """The call in which this attempt was made; None: in none, or there is no such attempt."""
    query = sa.select(tables.attempt.c.call_id).where(tables.attempt.c.id == attempt_id)
    return tx.execute(query).scalar_one_or_none()


def in_call(tx: sa.Connection, call_id: str) -> list[Attempt]:
    """The attempts that were made in this call, the earliest first."""
    query = sa.select(*_COLUMNS).where(tables.attempt.c.call_id == call_id)
    rows = tx.execute(query.order_by(tables.attempt.c.created_at, tables.attempt.c.id))
    return [_record(row) for row in rows.mappings()]


# Writing ----------------------------------------------------------------------------------------------------


def insert(tx: sa.Connection, **values: Any) -> Attempt | None:
    """None where another attempt has the same reference, or was made for the same turn."""
    new = sa.insert(tables.attempt).values(**values).returning(*_COLUMNS)
    try:
        with tx.begin_nested():
            return _record(tx.execute(new).mappings().one())
    except sa.exc.IntegrityError:
        return None


def move(tx: sa.Connection, attempt: Attempt, state: State, **values: Any) -> Attempt:
    """The attempt in its new state; raises LostRaceError where it is not in the state any more that it was
    read in.
    """
    columns = tables.attempt.c
    moved = (
        sa.update(tables.attempt)
        .where(columns.id == attempt.id, columns.state == attempt.state)
        .values(**values, state=state)
        .returning(*_COLUMNS)
    )
    row = tx.execute(moved).mappings().one_or_none()
    if row is None:
        raise LostRaceError(f"attempt {attempt.id} is no longer {attempt.state}")
    return _record(row)


def update(tx: sa.Connection, attempt_id: str, **values: Any) -> None:
    """Sets these columns; none of them is the state."""
    tx.execute(sa.update(tables.attempt).where(tables.attempt.c.id == attempt_id).values(**values))


def reserve_refund(tx: sa.Connection, attempt_id: str, amount_minor: int) -> bool:
    """Takes the amount off what can still be refunded; False where there is not so much left."""
    columns = tables.attempt.c
    taken = tx.execute(
        sa.update(tables.attempt)
        .where(
            columns.id == attempt_id,
            columns.state == State.APPROVED,
            columns.refunded_minor + amount_minor <= columns.amount_minor,
        )
        .values(refunded_minor=columns.refunded_minor + amount_minor)
    )
    return taken.rowcount == 1


def release_refund(tx: sa.Connection, attempt_id: str, amount_minor: int) -> None:
    """The refund was declined: the amount can be refunded again."""
    update(tx, attempt_id, refunded_minor=tables.attempt.c.refunded_minor - amount_minor)


def fit(column: sa.Column[str], value: str | None) -> str | None:
    """The text cut to what the column holds, so that a gateway's long code does not keep a charge from being
    recorded.
    """
    if value is None:
        return None
    length = getattr(column.type, "length", None)
    return value.replace("\x00", "")[:length]
