"""An attempt as it is kept: frozen records, and how they are read and locked.

Whoever means to move one reads it by `locked`: the row is held until the transaction ends, so nobody decides
on a state that somebody else is changing. A card token and an authorization are secrets and mask themselves.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gateways.declines import Decline
from gateways.secret import Secret
from ivr.calls import views as calls_views
from ivr.payments import tables
from ivr.payments.attempts.states import Method, State


class NoSuchAttemptError(LookupError):
    """There is no attempt of that id."""


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
    """Refunded, or asked back and not refused."""
    currency: str
    gateway: str
    state: State
    token: Secret | None
    gateway_authorization: Secret | None
    brand: str | None
    last_four: str | None
    saved_card_id: str | None
    """The saved card that pays; None: one that was keyed."""
    holder: str | None
    """Of a saved card: whose it is, as the gateway knows them."""
    keep_card: bool
    """The payer agreed that the card is kept."""
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
    """How many jobs were asked for: the last one's number."""
    method: Method = Method.CARD
    card_entry_id: str | None = None
    """The card entry at the PCI process, which is told of the outcome; None: there was none."""
    verify_since: datetime | None = None
    """Since when the gateway is asked whether a notice that contradicts our books is right."""
    given_back_heard_at: datetime | None = None
    """When it told that something was given back, and has not been asked since by whom."""
    given_back_elsewhere_minor: int = 0
    """Given back by others than us, as finance was told."""
    order_description: str | None = None
    """What the payer reads of the order (see `order.py`)."""
    order_statement: str | None = None
    """The same on the card's statement."""


_ATTEMPT = [tables.attempt.c[field.name] for field in fields(Attempt)]
# Built once: they are read at every turn of a call, and to build one takes longer than to run it.
_ATTEMPT_OF_ID = sa.select(*_ATTEMPT).where(tables.attempt.c.id == sa.bindparam("wanted"))
_ATTEMPT_HELD = _ATTEMPT_OF_ID.with_for_update(key_share=True)
_ATTEMPT_MADE_FOR = sa.select(*_ATTEMPT).where(tables.attempt.c.made_for == sa.bindparam("wanted"))


def _attempt(row: sa.RowMapping) -> Attempt:
    held: dict[str, Any] = dict(row)
    held["state"] = State(held["state"])
    held["method"] = Method(held["method"])
    held["decline"] = None if held["decline"] is None else Decline(held["decline"])
    for name in ("token", "gateway_authorization"):
        held[name] = None if held[name] is None else Secret(held[name])
    return Attempt(**held)


def get(tx: sa.Connection, attempt_id: str) -> Attempt:
    """The attempt as it stands; raises NoSuchAttemptError."""
    return _one_attempt(tx, _ATTEMPT_OF_ID, attempt_id)


def locked(tx: sa.Connection, attempt_id: str) -> Attempt:
    """The attempt, held until the transaction ends; nobody else moves it. Lock it before its bill."""
    return _one_attempt(tx, _ATTEMPT_HELD, attempt_id)


def _one_attempt(tx: sa.Connection, query: sa.Select[Any], attempt_id: str) -> Attempt:
    row = tx.execute(query, {"wanted": attempt_id}).mappings().one_or_none()
    if row is None:
        raise NoSuchAttemptError(f"there is no attempt {attempt_id}")
    return _attempt(row)


def find_made_for(tx: sa.Connection, made_for: str) -> Attempt | None:
    """The attempt that was made for this turn."""
    row = tx.execute(_ATTEMPT_MADE_FOR, {"wanted": made_for}).mappings().one_or_none()
    return None if row is None else _attempt(row)


def bill_id_of(tx: sa.Connection, reference: str) -> str | None:
    """Whose payment was told to its payer under these eight digits: the bill's id."""
    attempts = tables.attempt.c
    return tx.execute(sa.select(attempts.bill_id).where(attempts.reference == reference)).scalar_one_or_none()


def other_of_charge(
    tx: sa.Connection, attempt: Attempt, gateway_reference: str, *where: sa.ColumnElement[bool]
) -> str | None:
    """The spoken reference of another payment that holds this charge of the same gateway; None: there is
    none, or none that is `where`.
    """
    columns = tables.attempt.c
    query = sa.select(columns.reference).where(
        columns.gateway == attempt.gateway,
        columns.gateway_reference == gateway_reference,
        columns.id != attempt.id,
        *where,
    )
    return tx.execute(query.limit(1)).scalar_one_or_none()


def state_since(tx: sa.Connection, attempt: Attempt) -> datetime:
    """When the attempt came into the state it is in."""
    moves = tables.attempt_move
    at = tx.execute(
        sa.select(moves.c.at)
        .where(moves.c.attempt_id == attempt.id, moves.c.state == attempt.state)
        .order_by(moves.c.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return attempt.created_at if at is None else at


def caller_waits(tx: sa.Connection, attempt: Attempt, now: datetime) -> bool:
    """Whether somebody still waits for it: its deadline is to come and its call, if any, is there."""
    return now < attempt.deadline_at and call_is_there(tx, attempt)


def call_is_there(tx: sa.Connection, attempt: Attempt) -> bool:
    """False where the call has ended; an attempt without a call goes by its deadline alone."""
    if attempt.call_id is None:
        return True
    query = sa.select(calls_views.IS_ACTIVE).where(calls_views.call.c.id == attempt.call_id)
    return bool(tx.execute(query).scalar_one_or_none())


def fit(column: sa.Column[str], value: str | None) -> str | None:
    """The text cut to what the column holds: a gateway's long code must not keep a charge from being
    recorded.
    """
    if value is None:
        return None
    length = getattr(column.type, "length", None)
    return value.replace("\x00", "")[:length]


def call_id_of(tx: sa.Connection, attempt_id: str) -> str | None:
    """The call in which this attempt was made; None: in none, or there is no such attempt."""
    query = sa.select(tables.attempt.c.call_id).where(tables.attempt.c.id == attempt_id)
    return tx.execute(query).scalar_one_or_none()


def in_call(tx: sa.Connection, call_id: str) -> list[Attempt]:
    """The attempts that were made in this call, the earliest first."""
    query = sa.select(*_ATTEMPT).where(tables.attempt.c.call_id == call_id)
    rows = tx.execute(query.order_by(tables.attempt.c.created_at, tables.attempt.c.id))
    return [_attempt(row) for row in rows.mappings()]
