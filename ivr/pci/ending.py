"""How an entry ends: its outcome is set and what was keyed is wiped, in one stroke, whoever ends it.

May import `ivr.pci.{entries,sealing}`. An authorization that may have reached the issuer is never called
unavailable: from then on every end without the gateway's answer is `authorization_unknown`, and the worker
looks it up.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ivr.pci import entries
from ivr.pci.entries import Entry, Outcome, Status
from ivr.pci.sealing import Wrapped

_WIPED = {
    "key_generation": None,
    "wrapped_key": None,
    "sealed_number": None,
    "sealed_expiry": None,
    "sealed_code": None,
    "sealed_postal_code": None,
}
_NO_RESULT = {"result_generation": None, "result_key": None, "sealed_result": None}


@dataclass(frozen=True, slots=True)
class SealedResult:
    """What the web process will collect, sealed under a data key of its own."""

    wrapped: Wrapped
    sealed: bytes


def finish(
    tx: sa.Connection,
    entry: Entry,
    outcome: Outcome,
    now: datetime,
    *,
    result: SealedResult | None = None,
    decline: str | None = None,
) -> None:
    """Ends an entry that is locked by `tx` and not finished yet."""
    if entry.status == Status.FINISHED:
        raise ValueError(f"the entry {entry.id} is finished already")
    values = dict(_WIPED) if result is None else _WIPED | _columns(result)
    entries.change(
        tx,
        entry.id,
        status=Status.FINISHED,
        outcome=outcome,
        decline=decline,
        finished_at=now,
        lease_owner=None,
        lease_until=None,
        **values,
    )


def give_up(tx: sa.Connection, entry: Entry, outcome: Outcome, now: datetime) -> Outcome:
    """Ends an entry without an answer of the gateway; returns the outcome that can be told for certain."""
    certain = Outcome.AUTHORIZATION_UNKNOWN if may_hold_money(entry) else outcome
    finish(tx, entry, certain, now)
    return certain


def may_hold_money(entry: Entry) -> bool:
    """Whether some process began to ask the issuer for this amount, and no answer is here."""
    return entry.status == Status.SENDING and entry.authorize is not None and entry.claims > 0


def end_call(tx: sa.Connection, call_sid: str, now: datetime, *, but: str = "") -> list[Outcome]:
    """Wipes what the call left, except the entry `but`; returns the outcomes of those that were not finished.

    A token that nobody collected is worth nothing once the caller is gone; an authorization is kept for
    the worker that releases it, until the sweeper comes.
    """
    outcomes = []
    for entry_id in entries.ids_of_call(tx, call_sid):
        entry = entries.lock(tx, entry_id)
        if entry is None or entry.id == but:
            continue
        if entry.status != Status.FINISHED:
            outcomes.append(give_up(tx, entry, Outcome.ENDED, now))
        elif entry.authorize is None:
            drop_result(tx, entry.id)
    return outcomes


def drop_result(tx: sa.Connection, entry_id: str) -> None:
    """Wipes what could still be collected."""
    entries.change(tx, entry_id, **_NO_RESULT)


def _columns(result: SealedResult) -> dict[str, object]:
    return {
        "result_generation": result.wrapped.generation_id,
        "result_key": result.wrapped.wrapped,
        "sealed_result": result.sealed,
    }
