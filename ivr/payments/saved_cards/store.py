"""Saved cards as they are stored, each with its payer's consent, and all statements on their table.

The token is no card data, but it charges money: it is a secret that masks itself, and is wiped when the card
is deleted. The consent stays: it says why we had the card.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from gateways.secret import Secret
from ivr.customers.views import customer
from ivr.payments.attempts.states import State
from ivr.payments.tables import attempt, saved_card
from ivr.platform.phone_numbers import forms_of


class NoSuchCardError(LookupError):
    """There is no saved card of that id."""


class CardState(StrEnum):
    """Where a saved card stands."""

    AGREED = "agreed"
    """Its payer agreed, and the charge that it hangs on is not approved yet."""
    KEEPING = "keeping"
    """The charge is approved; the gateway is asked to keep the card."""
    KEPT = "kept"
    """It may be offered and charged: in this state alone."""
    FORGETTING = "forgetting"
    """Somebody wants it gone; the gateway is asked until it is certain."""
    FORGOTTEN = "forgotten"


@dataclass(frozen=True, slots=True)
class Consent:
    """What a payer agreed to."""

    wording: str
    """Word by word as it was spoken."""
    language: str
    prompt: str
    """`flow:prompt`."""
    release: str
    """Of this server, when it was spoken."""
    at: datetime


@dataclass(frozen=True, slots=True)
class SavedCard:
    """One card of one customer at one gateway. Its id is the gateway's idempotency key."""

    id: str
    customer_id: str
    phone: str
    """The customer's, in E.164."""
    attempt_id: str
    """The payment that it was keyed for."""
    gateway: str
    state: CardState
    gateway_customer_id: str | None
    """The gateway's name for the customer; until it has saved the card, the one that we told it, if any."""
    token: Secret | None
    brand: str
    last_four: str
    expiry_month: int
    expiry_year: int
    consent: Consent
    call_id: str
    """In which the payer agreed."""
    kept_at: datetime | None
    forgotten_by: str | None
    forget_asked_at: datetime | None
    forgotten_at: datetime | None
    sent_at: datetime | None
    """When the gateway was first asked to keep it; None: it has never heard of that."""
    jobs: int


_CONSENT = {
    "wording": "consent_wording",
    "language": "consent_language",
    "prompt": "consent_prompt",
    "release": "consent_release",
    "at": "consented_at",
}
_OWN = [field.name for field in fields(SavedCard) if field.name not in {"phone", "consent"}]
_IS_OF = customer.c.id == saved_card.c.customer_id
_SELECT = sa.select(
    *(saved_card.c[name].label(name) for name in _OWN),
    *(saved_card.c[name] for name in _CONSENT.values()),
    customer.c.phone,
).select_from(saved_card.join(customer, _IS_OF))


def _read(row: sa.RowMapping) -> SavedCard:
    held: dict[str, Any] = {name: row[name] for name in _OWN}
    held["state"] = CardState(held["state"])
    held["token"] = None if held["token"] is None else Secret(held["token"])
    consent = Consent(**{name: row[column] for name, column in _CONSENT.items()})
    return SavedCard(**held, phone=row["phone"], consent=consent)


def _one(tx: sa.Connection, query: sa.Select[Any], card_id: str) -> SavedCard:
    row = tx.execute(query.where(saved_card.c.id == card_id)).mappings().one_or_none()
    if row is None:
        raise NoSuchCardError(f"there is no saved card {card_id}")
    return _read(row)


def get(tx: sa.Connection, card_id: str) -> SavedCard:
    """The card as it stands; raises NoSuchCardError."""
    return _one(tx, _SELECT, card_id)


def locked(tx: sa.Connection, card_id: str) -> SavedCard:
    """The card, held until the transaction ends. Lock its customer before it, where both are needed."""
    return _one(tx, _SELECT.with_for_update(of=saved_card, key_share=True), card_id)


def of_attempt(tx: sa.Connection, attempt_id: str) -> SavedCard | None:
    """The card that was to be kept with this payment, locked."""
    query = _SELECT.where(saved_card.c.attempt_id == attempt_id).with_for_update(
        of=saved_card, key_share=True
    )
    row = tx.execute(query).mappings().one_or_none()
    return None if row is None else _read(row)


def lock_customer(tx: sa.Connection, customer_id: str) -> None:
    """Nobody else saves a card of this customer until the transaction ends."""
    tx.execute(sa.select(customer.c.id).where(customer.c.id == customer_id).with_for_update(key_share=True))


def of_phone(tx: sa.Connection, phone: str) -> list[SavedCard]:
    """A customer's cards, under any form of this number, the newest first; those forgotten, or hanging on a
    charge, are left out.
    """
    shown = (CardState.KEEPING, CardState.KEPT, CardState.FORGETTING)
    query = _SELECT.where(customer.c.phone.in_(forms_of(phone)), saved_card.c.state.in_(shown))
    rows = tx.execute(query.order_by(saved_card.c.consented_at.desc(), saved_card.c.id.desc()))
    return [_read(row) for row in rows.mappings()]


def kept_of(tx: sa.Connection, customer_id: str, gateway: str) -> list[SavedCard]:
    """What is kept of this customer at this gateway, the newest first."""
    query = _SELECT.where(
        saved_card.c.customer_id == customer_id,
        saved_card.c.gateway == gateway,
        saved_card.c.state == CardState.KEPT,
    )
    rows = tx.execute(query.order_by(saved_card.c.kept_at.desc(), saved_card.c.id.desc()))
    return [_read(row) for row in rows.mappings()]


def to_offer(tx: sa.Connection, phone: str, gateway: str, *, call_id: str, now: datetime) -> SavedCard | None:
    """The newest card of this number that is kept, not expired, and was not declined in this call."""
    declined_here = sa.exists().where(
        attempt.c.saved_card_id == saved_card.c.id,
        attempt.c.call_id == call_id,
        attempt.c.state == State.DECLINED,
    )
    query = _SELECT.where(
        customer.c.phone == phone,
        saved_card.c.gateway == gateway,
        saved_card.c.state == CardState.KEPT,
        sa.not_(expired(now)),
        sa.not_(declined_here),
    )
    newest = query.order_by(saved_card.c.kept_at.desc(), saved_card.c.id.desc()).limit(1)
    row = tx.execute(newest).mappings().one_or_none()
    return None if row is None else _read(row)


def saved_since(tx: sa.Connection, moment: datetime) -> list[tuple[str, str]]:
    """Cards that are saved since then or later, by ID, and their customers' numbers."""
    is_kept = sa.and_(saved_card.c.state == CardState.KEPT, saved_card.c.kept_at >= moment)
    query = sa.select(saved_card.c.id, customer.c.phone).select_from(saved_card.join(customer, _IS_OF))
    return [(row.id, row.phone) for row in tx.execute(query.where(is_kept))]


def overdue(tx: sa.Connection, since: datetime, states: Iterable[CardState], limit: int) -> list[str]:
    """IDs of cards in these states whose job should have run before that moment."""
    return _ids(tx, limit, saved_card.c.look_at < since, saved_card.c.state.in_(tuple(states)))


def expired_ids(tx: sa.Connection, now: datetime, limit: int) -> list[str]:
    """IDs of saved cards that have expired."""
    return _ids(tx, limit, expired(now), saved_card.c.state == CardState.KEPT)


def _ids(tx: sa.Connection, limit: int, *which: sa.ColumnElement[bool]) -> list[str]:
    query = sa.select(saved_card.c.id).where(*which).order_by(saved_card.c.id).limit(limit)
    return list(tx.execute(query).scalars())


def expired(now: datetime) -> sa.ColumnElement[bool]:
    """Cards whose last month is over."""
    year, month = saved_card.c.expiry_year, saved_card.c.expiry_month
    return sa.or_(year < now.year, sa.and_(year == now.year, month < now.month))


def is_kept(
    tx: sa.Connection, phone: str, gateway: str, *, brand: str, last_four: str, month: int, year: int
) -> bool:
    """Whether this very card is kept for this number already, or about to be."""
    query = (
        sa.select(saved_card.c.id)
        .select_from(saved_card.join(customer, _IS_OF))
        .where(
            customer.c.phone == phone,
            saved_card.c.gateway == gateway,
            saved_card.c.brand == brand,
            saved_card.c.last_four == last_four,
            saved_card.c.expiry_month == month,
            saved_card.c.expiry_year == year,
            saved_card.c.state.in_((CardState.KEEPING, CardState.KEPT)),
        )
    )
    return tx.execute(query.limit(1)).first() is not None


def insert(tx: sa.Connection, consent: Consent, **values: Any) -> None:
    """A card that its payer agreed to."""
    said = {column: getattr(consent, name) for name, column in _CONSENT.items()}
    tx.execute(sa.insert(saved_card).values(**values, **said, state=CardState.AGREED))


def delete(tx: sa.Connection, card_id: str) -> None:
    """As if its payer had never agreed: nothing was saved."""
    tx.execute(sa.delete(saved_card).where(saved_card.c.id == card_id))


def update(tx: sa.Connection, card_id: str, **values: Any) -> SavedCard:
    """The card with these columns changed; its caller holds it."""
    tx.execute(sa.update(saved_card).where(saved_card.c.id == card_id).values(**values))
    return get(tx, card_id)


def attempt_id_of(tx: sa.Connection, saved_card_id: str) -> str | None:
    """The payment that this saved card belongs to; None: there is no such saved card."""
    query = sa.select(saved_card.c.attempt_id).where(saved_card.c.id == saved_card_id)
    return tx.execute(query).scalar_one_or_none()
