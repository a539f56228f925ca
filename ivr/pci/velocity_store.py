"""What card velocity counts, as rows: the only file that queries `card_watch`, `card_tally` and `lock_out`.

While an entry waits for its card's outcome, `card_watch` ties the two together. After that the card is
counted in a tally of whole hours. A function that takes `tx` writes in the caller's transaction and never
commits.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ivr.pci import entry_store
from ivr.pci.fingerprints import SHOWN_LENGTH, CardFingerprints, Fingerprint, FingerprintKind
from ivr.pci.tables import card_tally, card_watch, lockout
from ivr.platform.database.engine import hold_locks, insert_of, lock_number_of
from ivr.platform.lockout import Lockout, LockoutKind

# Built once: each card asks for them several times.
_WATCHED = sa.select(card_watch).where(card_watch.c.entry_id == sa.bindparam("wanted"))
_DROPPED = entry_store.token_was_dropped(card_watch.c.entry_id)
_UNDER_WAY = {
    kind: sa.select(sa.func.count(), sa.func.count(sa.case((counts, 1)))).where(
        column == sa.bindparam("mark"), card_watch.c.since > sa.bindparam("after")
    )
    for kind, column, counts in (
        (FingerprintKind.CARD, card_watch.c.card_mark, sa.true()),
        (FingerprintKind.BIN, card_watch.c.bin_mark, ~_DROPPED),
    )
}
"""Entries that wait for their card's outcome, and those of them that count as declined meanwhile."""
_TALLY = [card_tally.c[name] == sa.bindparam(f"of_{name}") for name in ("kind", "key_id", "mark")]
_TALLIED = sa.select(
    sa.func.coalesce(sa.func.sum(card_tally.c.tries), 0),
    sa.func.coalesce(sa.func.sum(card_tally.c.declines), 0),
).where(*_TALLY, card_tally.c.hour > sa.bindparam("after"))
_ONE_TRY_LESS = (
    card_tally.update()
    .where(*_TALLY, card_tally.c.hour == sa.bindparam("of_hour"), card_tally.c.tries > 0)
    .values(tries=card_tally.c.tries - 1)
)
_ACTIVE = (lockout.c.lifted_at.is_(None)) & (lockout.c.until > sa.bindparam("now"))
_ACTIVE_OF_FINGERPRINT = (
    sa.select(lockout.c.id)
    .where(lockout.c.mark == sa.bindparam("mark"), lockout.c.kind == sa.bindparam("kind"), _ACTIVE)
    .limit(1)
)
_LOCKOUT_BY_ID = sa.select(lockout).where(lockout.c.id == sa.bindparam("wanted"))


@dataclass(frozen=True, slots=True)
class WatchedEntry:
    """An entry that waits for its card's outcome, by the card's fingerprints."""

    entry_id: str
    card: Fingerprint
    bin: Fingerprint
    since: datetime


@dataclass(frozen=True, slots=True)
class CardCounts:
    """`tries` ended; `under_way` count as declined until their outcome is known."""

    tries: int
    declines: int
    under_way: int


def hold(tx: sa.Connection, fingerprints: Iterable[Fingerprint]) -> None:
    """Nobody else counts these before the transaction ends. Always in the same order."""
    values = sorted({one.value for one in fingerprints})
    hold_locks(tx, [lock_number_of(bytes.fromhex(value)) for value in values])


def watch(tx: sa.Connection, entry_id: str, card: CardFingerprints, now: datetime) -> None:
    row = {"entry_id": entry_id, "key_id": card.card.key_id, "since": now}
    tx.execute(card_watch.insert(), {**row, "card_mark": card.card.value, "bin_mark": card.bin.value})


def watched(tx: sa.Connection, entry_id: str) -> WatchedEntry | None:
    row = tx.execute(_WATCHED, {"wanted": entry_id}).one_or_none()
    return None if row is None else _watched(row)


def watched_since_before(connection: sa.Connection, before: datetime, *, limit: int) -> list[WatchedEntry]:
    query = sa.select(card_watch).where(card_watch.c.since <= before).limit(limit)
    return [_watched(row) for row in connection.execute(query)]


def stop_watching(tx: sa.Connection, entry_id: str) -> bool:
    """False if another transaction did so first."""
    return tx.execute(card_watch.delete().where(card_watch.c.entry_id == entry_id)).rowcount == 1


def count(tx: sa.Connection, found: Fingerprint, now: datetime, *, tries: int = 0, declines: int = 0) -> None:
    """Adds to the tally of this hour."""
    row = {
        "kind": found.kind,
        "key_id": found.key_id,
        "mark": found.value,
        "hour": _hour(now),
        "tries": tries,
        "declines": declines,
    }
    added = {"tries": card_tally.c.tries + tries, "declines": card_tally.c.declines + declines}
    statement = insert_of(tx)(card_tally).values(row)
    keys = list(card_tally.primary_key.columns)
    tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=added))


def uncount_try(tx: sa.Connection, found: Fingerprint, since: datetime) -> None:
    """Takes one try out of the tally of the hour in which it was counted."""
    tx.execute(_ONE_TRY_LESS, {**_named(found), "of_hour": _hour(since)})


def counted(
    tx: sa.Connection,
    fingerprints: Iterable[Fingerprint],
    *,
    watched_after: datetime,
    tallied_after: datetime,
) -> CardCounts:
    """The sum over these fingerprints, which are of one kind."""
    tries, declines, waiting, under_way = 0, 0, 0, 0
    for one in fingerprints:
        here = {"mark": one.value, "after": watched_after}
        all_waiting, counting = tx.execute(_UNDER_WAY[one.kind], here).one()
        waiting, under_way = waiting + int(all_waiting), under_way + int(counting)
        tally = tx.execute(_TALLIED, {**_named(one), "after": tallied_after}).one()
        tries, declines = tries + int(tally[0]), declines + int(tally[1])
    return CardCounts(max(tries - waiting, declines), declines, under_way)


def forget_tally(tx: sa.Connection, found: Fingerprint) -> None:
    tx.execute(card_tally.delete().where(*_TALLY), _named(found))


def begin_lockout(
    tx: sa.Connection, lockout_id: str, found: Fingerprint, *, now: datetime, until: datetime, why: str
) -> None:
    row = {"id": lockout_id, "kind": found.kind, "key_id": found.key_id, "mark": found.value}
    tx.execute(lockout.insert(), {**row, "since": now, "until": until, "why": why})


def is_locked_out(tx: sa.Connection, found: Fingerprint, now: datetime) -> bool:
    wanted = {"mark": found.value, "kind": found.kind, "now": now}
    return tx.execute(_ACTIVE_OF_FINGERPRINT, wanted).first() is not None


def lockouts(connection: sa.Connection, now: datetime, *, also_over: bool, limit: int) -> list[Lockout]:
    """The active ones, newest first; `also_over`: all that are kept."""
    query = sa.select(lockout).order_by(lockout.c.since.desc(), lockout.c.id).limit(limit)
    if also_over:
        return [_lockout(row) for row in connection.execute(query)]
    return [_lockout(row) for row in connection.execute(query.where(_ACTIVE), {"now": now})]


def lift_lockout(
    tx: sa.Connection, lockout_id: str, *, by: str, now: datetime
) -> tuple[Lockout, Fingerprint | None] | None:
    """The lockout, lifted, and its fingerprint; None if there is none of this id.

    One that was lifted already stays as it is, and comes without its fingerprint.
    """
    row = tx.execute(_LOCKOUT_BY_ID.with_for_update(), {"wanted": lockout_id}).one_or_none()
    if row is None:
        return None
    if row.lifted_at is not None:
        return _lockout(row), None
    tx.execute(lockout.update().where(lockout.c.id == lockout_id).values(lifted_at=now, lifted_by=by))
    lifted = _lockout(tx.execute(_LOCKOUT_BY_ID, {"wanted": lockout_id}).one())
    return lifted, Fingerprint(FingerprintKind(row.kind), row.key_id, row.mark)


def forget(tx: sa.Connection, *, tallies_before: datetime, lockouts_before: datetime) -> None:
    """Deletes what counts no more, and lockouts that were over long ago."""
    tx.execute(card_tally.delete().where(card_tally.c.hour <= tallies_before))
    tx.execute(lockout.delete().where(lockout.c.until < lockouts_before))


def _named(found: Fingerprint) -> dict[str, str]:
    """The values that `_TALLY` asks for."""
    return {"of_kind": found.kind, "of_key_id": found.key_id, "of_mark": found.value}


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _watched(row: sa.Row[tuple[object, ...]]) -> WatchedEntry:
    card = Fingerprint(FingerprintKind.CARD, row.key_id, row.card_mark)
    return WatchedEntry(
        row.entry_id, card, Fingerprint(FingerprintKind.BIN, row.key_id, row.bin_mark), row.since
    )


def _lockout(row: sa.Row[tuple[object, ...]]) -> Lockout:
    return Lockout(
        id=row.id,
        kind=LockoutKind(row.kind),
        subject=row.mark[:SHOWN_LENGTH],
        since=row.since,
        until=row.until,
        why=row.why,
        lifted_at=row.lifted_at,
        lifted_by=row.lifted_by,
    )
