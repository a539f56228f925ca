"""Card entries as rows: how one is read, locked, changed, and how the answer of each turn is kept.

A function that takes `tx` writes in the caller's transaction and never commits. What was keyed is here as
sealed bytes alone.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from gateways.contract import Order
from ivr.pci.fields import Field
from ivr.pci.tables import card_entry, card_entry_turn


class EntryStatus(StrEnum):
    """Where an entry stands."""

    KEYING = "keying"
    SENDING = "sending"
    """Whole, and on its way to the gateway."""
    FINISHED = "finished"


class EntryOutcome(StrEnum):
    """How an entry ended."""

    COLLECTED = "collected"
    GAVE_UP = "gave_up"
    LEFT = "left"
    UNAVAILABLE = "unavailable"
    DECLINED = "declined"
    AUTHORIZATION_UNKNOWN = "authorization_unknown"
    """The issuer may hold the amount: the worker looks the attempt up."""
    ENDED = "ended"
    """The caller is gone."""


@dataclass(frozen=True, slots=True)
class CardEntryRow:
    """One row of `card_entry`."""

    id: str
    request_digest: str
    call_sid: str
    account_sid: str
    language: str
    slow: bool
    return_url: str
    wants_postal_code: bool
    authorize_key: str | None
    authorize_amount_minor: int | None
    authorize_currency: str | None
    authorize_description: str | None
    authorize_metadata: Mapping[str, str] | None
    authorize_statement: str | None
    status: str
    outcome: str | None
    turn: int
    field: str
    mistakes: int
    star_last: bool
    fallbacks: int
    brand: str | None
    key_kept: bool
    sealed_number: bytes | None
    sealed_expiry: bytes | None
    sealed_code: bytes | None
    sealed_postal_code: bytes | None
    result_generation: str | None
    result_key: bytes | None
    sealed_result: bytes | None
    decline: str | None
    claimant: str | None
    sending_since: datetime | None
    spoken_at: datetime | None
    lease_owner: str | None
    lease_until: datetime | None
    claims: int
    created_at: datetime
    finished_at: datetime | None

    def sealed(self, field: Field) -> bytes | None:
        """What was keyed into that field so far, sealed."""
        found: bytes | None = getattr(self, f"sealed_{field}")
        return found

    @property
    def authorize(self) -> Order | None:
        """What to authorize; None where the gateway makes a token."""
        if self.authorize_key is None:
            return None
        return Order(
            key=self.authorize_key,
            amount_minor=self.authorize_amount_minor or 0,
            currency=self.authorize_currency or "",
            description=self.authorize_description or "",
            metadata=self.authorize_metadata or {},
            statement=self.authorize_statement or "",
        )


_COLUMNS = [card_entry.c[one.name] for one in dataclasses.fields(CardEntryRow)]
# Built once: each turn needs them, and to build one takes longer than to run it.
_OF_ID = sa.select(*_COLUMNS).where(card_entry.c.id == sa.bindparam("wanted"))
_HELD = _OF_ID.with_for_update()
_CHANGE = card_entry.update().where(card_entry.c.id == sa.bindparam("wanted"))
_IDS_OF_CALL = (
    sa.select(card_entry.c.id)
    .where(card_entry.c.call_sid == sa.bindparam("wanted"))
    .order_by(card_entry.c.created_at)
)
_KEEP_TURN = card_entry_turn.insert()


def find(connection: sa.Connection, entry_id: str) -> CardEntryRow | None:
    """The entry, as it stands this moment."""
    return _one(connection.execute(_OF_ID, {"wanted": entry_id}))


def lock(tx: sa.Connection, entry_id: str) -> CardEntryRow | None:
    """The entry, held until `tx` ends: no other turn, and no answer of the gateway, changes it meanwhile."""
    return _one(tx.execute(_HELD, {"wanted": entry_id}))


def newest_of_call(connection: sa.Connection, call_sid: str, account_sid: str) -> CardEntryRow | None:
    """The last entry that the web process opened for this call."""
    wanted = (card_entry.c.call_sid == call_sid) & (card_entry.c.account_sid == account_sid)
    query = sa.select(*_COLUMNS).where(wanted)
    newest_first = query.order_by(card_entry.c.created_at.desc(), card_entry.c.id.desc())
    return _one(connection.execute(newest_first.limit(1)))


def ids_of_call(connection: sa.Connection, call_sid: str) -> list[str]:
    """All entries of a call, oldest first."""
    return list(connection.execute(_IDS_OF_CALL, {"wanted": call_sid}).scalars())


def change(tx: sa.Connection, entry_id: str, **values: Any) -> None:
    tx.execute(_CHANGE, {"wanted": entry_id, **values})


def keep_turn(tx: sa.Connection, entry_id: str, turn: int, twiml: str, values: Mapping[str, Any]) -> None:
    """Keeps the answer of this turn, changes what it changed, and moves the entry on to the next."""
    tx.execute(_KEEP_TURN, {"entry_id": entry_id, "turn": turn, "twiml": twiml})
    change(tx, entry_id, turn=turn + 1, **values)


def kept_turn(connection: sa.Connection, entry_id: str, turn: int) -> str | None:
    """The very answer that this turn got."""
    here = (card_entry_turn.c.entry_id == entry_id) & (card_entry_turn.c.turn == turn)
    found: str | None = connection.execute(sa.select(card_entry_turn.c.twiml).where(here)).scalar()
    return found


def _one(found: sa.Result[Any]) -> CardEntryRow | None:
    row = found.mappings().first()
    return None if row is None else CardEntryRow(**row)
