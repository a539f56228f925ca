"""Card entries as rows: the only file that queries `card_entry` and `card_entry_turn`.

A function that takes `tx` writes in the caller's transaction and never commits. Of what was keyed, only
sealed bytes are here.
"""

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from gateways.contract import Order
from ivr.pci.field_checks import Field
from ivr.pci.tables import card_entry, card_entry_turn


class EntryStatus(StrEnum):
    """Where an entry stands."""

    KEYING = "keying"
    SENDING = "sending"
    """Every field was keyed, and the card is on its way to the gateway."""
    FINISHED = "finished"


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
    authorize: Order | None
    """What to authorize; None where the gateway makes a token."""
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


_ORDER_COLUMNS = {
    name: f"authorize_{name}"
    for name in ("key", "amount_minor", "currency", "description", "metadata", "statement")
}
"""Where a row holds the fields of its order."""
_COLUMNS = [
    *(card_entry.c[one.name] for one in dataclasses.fields(CardEntryRow) if one.name != "authorize"),
    *(card_entry.c[column] for column in _ORDER_COLUMNS.values()),
]
# Built once: each turn needs them, and to build one takes longer than to run it.
_BY_ID = sa.select(*_COLUMNS).where(card_entry.c.id == sa.bindparam("wanted"))
_FOR_UPDATE = _BY_ID.with_for_update()
_CHANGE = card_entry.update().where(card_entry.c.id == sa.bindparam("wanted"))
_IDS_OF_CALL = (
    sa.select(card_entry.c.id)
    .where(card_entry.c.call_sid == sa.bindparam("wanted"))
    .order_by(card_entry.c.created_at)
)
_INSERT_TURN = card_entry_turn.insert()
_FINISHED = card_entry.c.status == EntryStatus.FINISHED
_FINISHED_BEFORE = _FINISHED & (card_entry.c.finished_at < sa.bindparam("before"))
_NO_RESULT = {"result_generation": None, "result_key": None, "sealed_result": None}
_WIPE_RESULTS = (
    card_entry.update().where(_FINISHED_BEFORE, card_entry.c.sealed_result.is_not(None)).values(_NO_RESULT)
)
_DELETE_TURNS = card_entry_turn.delete().where(
    card_entry_turn.c.entry_id.in_(sa.select(card_entry.c.id).where(_FINISHED_BEFORE))
)
_DELETE_ENTRIES = card_entry.delete().where(_FINISHED_BEFORE)


def insert(tx: sa.Connection, row: Mapping[str, Any]) -> None:
    """Raises IntegrityError if there is an entry of this id."""
    tx.execute(card_entry.insert(), row)


def find(connection: sa.Connection, entry_id: str) -> CardEntryRow | None:
    """The entry, as it stands this moment."""
    return _one(connection.execute(_BY_ID, {"wanted": entry_id}))


def lock(tx: sa.Connection, entry_id: str) -> CardEntryRow | None:
    """The entry, held until `tx` ends: no other turn, and no answer of the gateway, changes it meanwhile."""
    return _one(tx.execute(_FOR_UPDATE, {"wanted": entry_id}))


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
    tx.execute(_INSERT_TURN, {"entry_id": entry_id, "turn": turn, "twiml": twiml})
    change(tx, entry_id, turn=turn + 1, **values)


def kept_turn(connection: sa.Connection, entry_id: str, turn: int) -> str | None:
    """The very answer that this turn got."""
    here = (card_entry_turn.c.entry_id == entry_id) & (card_entry_turn.c.turn == turn)
    found: str | None = connection.execute(sa.select(card_entry_turn.c.twiml).where(here)).scalar()
    return found


def wipe_result(tx: sa.Connection, entry_id: str) -> None:
    """Wipes what could still be collected."""
    change(tx, entry_id, **_NO_RESULT)


def renew_leases(tx: sa.Connection, owner: str, entry_ids: Collection[str], until: datetime) -> None:
    """Keeps the leases that this process holds on these entries."""
    held = (card_entry.c.id.in_(entry_ids)) & (card_entry.c.lease_owner == owner)
    tx.execute(card_entry.update().where(held).values(lease_until=until))


def abandoned(
    connection: sa.Connection, *, created_before: datetime, sending_before: datetime, limit: int
) -> list[str]:
    """Unfinished entries that are too old, or whose gateway answer nobody waits for any more."""
    too_old = ~_FINISHED & (card_entry.c.created_at < created_before)
    unanswered = (card_entry.c.status == EntryStatus.SENDING) & (card_entry.c.sending_since < sending_before)
    query = sa.select(card_entry.c.id).where(too_old | unanswered).limit(limit)
    return list(connection.execute(query).scalars())


def finished_with_key(connection: sa.Connection, *, limit: int) -> list[str]:
    """Finished entries whose data key may still be kept."""
    query = sa.select(card_entry.c.id).where(_FINISHED & card_entry.c.key_kept).limit(limit)
    return list(connection.execute(query).scalars())


def mark_keys_destroyed(tx: sa.Connection, entry_ids: Collection[str]) -> None:
    tx.execute(card_entry.update().where(card_entry.c.id.in_(entry_ids)).values(key_kept=False))


def forget(tx: sa.Connection, *, results_before: datetime, rows_before: datetime) -> None:
    """Wipes results that nobody collected in time, and deletes the rows of entries that ended long ago."""
    tx.execute(_WIPE_RESULTS, {"before": results_before})
    tx.execute(_DELETE_TURNS, {"before": rows_before})
    tx.execute(_DELETE_ENTRIES, {"before": rows_before})


def token_was_dropped(entry_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether the entry's token is not kept any more, because the call ended or nobody came for it.

    Most of these were never charged. If one was, its outcome is reported and counted as it comes.
    """
    return (
        sa.exists()
        .where(card_entry.c.id == entry_id, _FINISHED)
        .where(card_entry.c.authorize_key.is_(None), card_entry.c.sealed_result.is_(None))
    )


def order_columns(order: Order | None) -> dict[str, Any]:
    """An order as a row holds it; nulls where there is none."""
    return {column: getattr(order, name, None) for name, column in _ORDER_COLUMNS.items()}


def _one(found: sa.Result[Any]) -> CardEntryRow | None:
    row = found.mappings().first()
    if row is None:
        return None
    values = dict(row)
    columns = {name: values.pop(column) for name, column in _ORDER_COLUMNS.items()}
    order = {name: value for name, value in columns.items() if value is not None}
    return CardEntryRow(**values, authorize=Order(**order) if order else None)
