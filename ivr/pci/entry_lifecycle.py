"""How an entry ends: one statement sets its outcome and wipes what was keyed, then its key is destroyed.

Old pages and dead tuples keep the sealed bytes of a wiped row. So whoever ends an entry calls `forget` as
soon as that is committed, and nothing can open them any more. The sweeper repeats it for processes that
died in between. An authorization that may have reached the issuer is never called unavailable: without the
gateway's answer its outcome is `authorization_unknown`, and the worker looks it up.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ivr.pci import entry_store
from ivr.pci.entry_store import CardEntryRow, EntryStatus
from ivr.pci.keys import KeyService, WrappedKey
from ivr.pci.safe_logging import of_entry, tell
from ivr.platform.card_entry_outcome import CardEntryOutcome

_WIPED = {
    "sealed_number": None,
    "sealed_expiry": None,
    "sealed_code": None,
    "sealed_postal_code": None,
}


@dataclass(frozen=True, slots=True)
class SealedResult:
    """What the web process will collect, sealed under a data key of its own."""

    wrapped: WrappedKey
    sealed: bytes


@dataclass(frozen=True, slots=True)
class EndedEntry:
    """An entry that was ended, and how."""

    entry_id: str
    outcome: CardEntryOutcome


def finish(
    tx: sa.Connection,
    entry: CardEntryRow,
    outcome: CardEntryOutcome,
    now: datetime,
    *,
    result: SealedResult | None = None,
    decline: str | None = None,
) -> None:
    """Ends an entry that is locked by `tx` and not finished yet."""
    if entry.status == EntryStatus.FINISHED:
        raise ValueError(f"the entry {entry.id} is finished already")
    values = dict(_WIPED) if result is None else _WIPED | _columns(result)
    entry_store.change(
        tx,
        entry.id,
        status=EntryStatus.FINISHED,
        outcome=outcome,
        decline=decline,
        finished_at=now,
        lease_owner=None,
        lease_until=None,
        **values,
    )


def give_up(
    tx: sa.Connection, entry: CardEntryRow, outcome: CardEntryOutcome, now: datetime
) -> CardEntryOutcome:
    """Ends an entry without an answer of the gateway; returns the outcome that is certain."""
    certain = CardEntryOutcome.AUTHORIZATION_UNKNOWN if may_hold_money(entry) else outcome
    finish(tx, entry, certain, now)
    return certain


def may_hold_money(entry: CardEntryRow) -> bool:
    """Whether a process began to ask the issuer for this amount, and no answer has come."""
    return entry.status == EntryStatus.SENDING and entry.authorize is not None and entry.claims > 0


def forget(keys: KeyService, entry_ids: Iterable[str]) -> list[str]:
    """Destroys the keys of entries whose end is committed; returns the entries whose key is destroyed.

    A fault is logged and not raised, because the entry has ended and the caller must hear so. The sweeper
    tries again.
    """
    gone = []
    for entry_id in entry_ids:
        try:
            keys.forget(entry_id)
        except Exception as error:  # noqa: BLE001 - whatever fails in a key service: the sweeper tries again
            tell("key_not_forgotten", error, **of_entry(entry_id))
        else:
            gone.append(entry_id)
    return gone


def end_call(tx: sa.Connection, call_sid: str, now: datetime, *, but: str = "") -> list[EndedEntry]:
    """Wipes what the call left, except the entry `but`; returns those that were not finished.

    A token that nobody collected is worth nothing once the caller is gone; an authorization is kept for
    the worker that releases it, until the sweeper comes.
    """
    ended = []
    for entry_id in entry_store.ids_of_call(tx, call_sid):
        entry = entry_store.lock(tx, entry_id)
        if entry is None or entry.id == but:
            continue
        if entry.status != EntryStatus.FINISHED:
            ended.append(EndedEntry(entry.id, give_up(tx, entry, CardEntryOutcome.ENDED, now)))
        elif entry.authorize is None:
            entry_store.wipe_result(tx, entry.id)
    return ended


def _columns(result: SealedResult) -> dict[str, object]:
    return {
        "result_generation": result.wrapped.generation_id,
        "result_key": result.wrapped.wrapped,
        "sealed_result": result.sealed,
    }
