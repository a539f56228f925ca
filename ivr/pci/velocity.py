"""Card-testing defences where the cards are: how many of a card and of a BIN were declined, and when it is
enough.

A card that is locked out is not sent to the gateway at all. Which card an entry is of is known only until its
outcome is: then it is counted in a tally of whole hours, and the entry is forgotten, so nothing that is kept
can be joined to a payment and its last four digits. What could go wrong is a BIN of many honest cards: it is
locked out only where most of its cards are declined, and a card that no issuer was asked about is neither
declined nor good.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from gateways.secret import Secret
from ivr.pci.entries import EntryStatus
from ivr.pci.fingerprints import SHOWN_LENGTH, Fingerprint, FingerprintKeys, FingerprintKind
from ivr.pci.metrics import PciMetrics
from ivr.pci.tables import card_entry, card_tally, card_watch, lockout
from ivr.platform.clock import Clock
from ivr.platform.database import advisory_locks
from ivr.platform.database.engine import insert_of, reading
from ivr.platform.ids import Ids
from ivr.platform.lockout import KEPT, Lockout, LockoutKind

WATCHED = timedelta(hours=2)
"""How long an entry waits for its card's outcome."""
_BATCH = 500
_BIN_SHARE = (2, 3)
"""A BIN is locked out only where at least this share of its cards was declined."""
# Built once: each card asks for them several times, and each sweep.
_WATCH_OF_ENTRY = sa.select(card_watch).where(card_watch.c.entry_id == sa.bindparam("wanted"))
_DROPPED = (
    sa.exists()
    .where(card_entry.c.id == card_watch.c.entry_id, card_entry.c.status == EntryStatus.FINISHED)
    .where(card_entry.c.authorize_key.is_(None), card_entry.c.sealed_result.is_(None))
)
"""Entries whose token is not kept any more, because the call ended or nobody came for it. Most were never
charged; of those that were, the outcome is reported and counted as it comes.
"""
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
_SAME = [card_tally.c[name] == sa.bindparam(name) for name in ("kind", "key_id", "mark")]
_TALLIED = sa.select(
    sa.func.coalesce(sa.func.sum(card_tally.c.tries), 0),
    sa.func.coalesce(sa.func.sum(card_tally.c.declines), 0),
).where(*_SAME, card_tally.c.hour > sa.bindparam("after"))
_STANDING = (
    sa.select(lockout.c.id)
    .where(
        lockout.c.mark == sa.bindparam("mark"),
        lockout.c.kind == sa.bindparam("kind"),
        lockout.c.lifted_at.is_(None),
        lockout.c.until > sa.bindparam("now"),
    )
    .limit(1)
)
_FORGET_MARK = card_tally.delete().where(*_SAME)
_LATE = sa.select(card_watch).where(card_watch.c.since <= sa.bindparam("before")).limit(_BATCH)
_ONE_TRY_LESS = (
    card_tally.update()
    .where(*(card_tally.c[name] == sa.bindparam(f"of_{name}") for name in ("kind", "key_id", "mark", "hour")))
    .where(card_tally.c.tries > 0)
    .values(tries=card_tally.c.tries - 1)
)
_FORGET_TALLIES = card_tally.delete().where(card_tally.c.hour <= sa.bindparam("before"))
_FORGET_LOCKOUTS = lockout.delete().where(lockout.c.until < sa.bindparam("before"))
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CardLimits:
    """Declined cards, and cards in all, within the window; how long a lockout lasts."""

    declines_max: int
    tries_max: int
    bin_declines_max: int
    window: timedelta
    lock: timedelta


@dataclass(frozen=True, slots=True)
class _Sum:
    """`tries` are those that ended, `under_way` those that count as declined until their outcome is known."""

    tries: int
    declines: int
    under_way: int


@dataclass(frozen=True, slots=True)
class CardVelocity:
    """Counts and decides. A function that takes `tx` writes in the caller's transaction."""

    engine: sa.Engine
    fingerprints: FingerprintKeys
    caps: CardLimits
    clock: Clock
    ids: Ids
    metrics: PciMetrics

    def admits(self, entry_id: str, number: Secret) -> bool:
        """Whether the gateway may be asked about this card. Once admitted, the entry stays so, and counts as
        declined until its outcome is known: entries at the same moment cannot exceed a cap together.
        """
        now = self.clock.now()
        marks = self.fingerprints.of(number)
        with self.engine.begin() as tx:
            _hold(tx, marks.known_as)
            if _watched(tx, entry_id) is not None:
                return True
            for kind in FingerprintKind:
                if self._is_locked_out(tx, marks.of(kind), now):
                    self.metrics.not_sent(kind)
                    log.warning("card_not_sent", because=str(kind))
                    return False
            row = {"entry_id": entry_id, "key_id": marks.card.key_id, "since": now}
            tx.execute(
                card_watch.insert(), {**row, "card_mark": marks.card.value, "bin_mark": marks.bin.value}
            )
            for mark in (marks.card, marks.bin):
                _tally(tx, mark, now, tries=1)
        return True

    def settle(self, tx: sa.Connection, entry_id: str, *, declined: bool) -> None:
        """What became of the entry's card; a repeat, or an entry forgotten long ago, changes nothing."""
        now = self.clock.now()
        seen = _watched(tx, entry_id)
        if seen is None:
            return
        _hold(tx, seen)
        if tx.execute(card_watch.delete().where(card_watch.c.entry_id == entry_id)).rowcount != 1:
            return
        for mark in seen:
            if declined:
                _tally(tx, mark, now, declines=1)
            self._begin_lockout_if_enough(tx, mark, now)

    def lockouts(self, *, also_over: bool = False, limit: int = 500) -> list[Lockout]:
        """Those that stand, the newest first; `also_over`: all that are kept."""
        query = sa.select(lockout).order_by(lockout.c.since.desc(), lockout.c.id).limit(limit)
        if not also_over:
            query = query.where(lockout.c.lifted_at.is_(None), lockout.c.until > self.clock.now())
        with reading(self.engine) as connection:
            return [_read(row) for row in connection.execute(query)]

    def lift(self, lockout_id: str, *, by: str) -> Lockout | None:
        """The lockout, lifted, with nothing counted any more; None where there is none."""
        with self.engine.begin() as tx:
            here = lockout.c.id == lockout_id
            row = tx.execute(sa.select(lockout).where(here).with_for_update()).one_or_none()
            if row is None:
                return None
            if row.lifted_at is None:
                tx.execute(lockout.update().where(here).values(lifted_at=self.clock.now(), lifted_by=by))
                _forget_tallies(tx, Fingerprint(FingerprintKind(row.kind), row.key_id, row.mark))
                log.info("lockout_lifted", lockout_id=lockout_id, kind=row.kind)
            return _read(tx.execute(sa.select(lockout).where(here)).one())

    def forget(self, now: datetime) -> None:
        """The sweep: entries whose outcome never came, and what counts no more."""
        with reading(self.engine) as connection:
            late = connection.execute(_LATE, {"before": now - WATCHED}).all()
        for row in late:
            self._forget_entry(
                row.entry_id, Fingerprint(FingerprintKind.BIN, row.key_id, row.bin_mark), row.since
            )
        with self.engine.begin() as tx:
            tx.execute(_FORGET_TALLIES, {"before": now - self.caps.window})
            tx.execute(_FORGET_LOCKOUTS, {"before": now - KEPT})

    def _forget_entry(self, entry_id: str, bin_mark: Fingerprint, since: datetime) -> None:
        """Nothing became of it: for the BIN it was no try either, or hang-ups would hide declines."""
        with self.engine.begin() as tx:
            _hold(tx, (bin_mark,))
            if tx.execute(card_watch.delete().where(card_watch.c.entry_id == entry_id)).rowcount == 1:
                of = {**_named(bin_mark), "hour": _hour(since)}
                tx.execute(_ONE_TRY_LESS, {f"of_{name}": value for name, value in of.items()})

    def _is_locked_out(self, tx: sa.Connection, marks: tuple[Fingerprint, ...], now: datetime) -> bool:
        if any(_standing(tx, mark, now) for mark in marks):
            return True
        found = self._counted(tx, marks, now)
        return self._is_enough(marks[0].kind, found.declines + found.under_way, found.tries + found.under_way)

    def _begin_lockout_if_enough(self, tx: sa.Connection, mark: Fingerprint, now: datetime) -> None:
        found = self._counted(tx, (mark,), now)
        if not self._is_enough(mark.kind, found.declines, found.tries) or _standing(tx, mark, now):
            return
        lockout_id = self.ids.new("cardlock")
        why = f"{found.declines} of {found.tries} tries were declined"
        tx.execute(
            lockout.insert().values(
                id=lockout_id,
                kind=mark.kind,
                key_id=mark.key_id,
                mark=mark.value,
                since=now,
                until=now + self.caps.lock,
                why=why,
            )
        )
        _forget_tallies(tx, mark)  # they have had their effect: the next lockout needs as many again
        self.metrics.locked_out(mark.kind)
        log.warning("lockout_began", lockout_id=lockout_id, kind=str(mark.kind), why=why)

    def _is_enough(self, kind: FingerprintKind, declines: int, tries: int) -> bool:
        if kind is FingerprintKind.CARD:
            return declines >= self.caps.declines_max or tries >= self.caps.tries_max
        part, whole = _BIN_SHARE
        return declines >= self.caps.bin_declines_max and declines * whole >= tries * part

    def _counted(self, tx: sa.Connection, marks: tuple[Fingerprint, ...], now: datetime) -> _Sum:
        tries, declines, watched, under_way = 0, 0, 0, 0
        for mark in marks:
            here = {"mark": mark.value, "after": now - WATCHED}
            waiting, counting = tx.execute(_UNDER_WAY[mark.kind], here).one()
            watched, under_way = watched + int(waiting), under_way + int(counting)
            within = {"after": now - self.caps.window}
            found = tx.execute(_TALLIED, {**_named(mark), **within}).one()
            tries, declines = tries + int(found[0]), declines + int(found[1])
        return _Sum(max(tries - watched, declines), declines, under_way)


def _named(mark: Fingerprint) -> dict[str, str]:
    """What `_SAME` asks for."""
    return {"kind": mark.kind, "key_id": mark.key_id, "mark": mark.value}


def _watched(tx: sa.Connection, entry_id: str) -> tuple[Fingerprint, Fingerprint] | None:
    row = tx.execute(_WATCH_OF_ENTRY, {"wanted": entry_id}).one_or_none()
    if row is None:
        return None
    return Fingerprint(FingerprintKind.CARD, row.key_id, row.card_mark), Fingerprint(
        FingerprintKind.BIN, row.key_id, row.bin_mark
    )


def _tally(tx: sa.Connection, mark: Fingerprint, now: datetime, *, tries: int = 0, declines: int = 0) -> None:
    insert = insert_of(tx)
    statement = insert(card_tally).values(
        kind=mark.kind,
        key_id=mark.key_id,
        mark=mark.value,
        hour=_hour(now),
        tries=tries,
        declines=declines,
    )
    kept = statement.on_conflict_do_update(
        index_elements=list(card_tally.primary_key.columns),
        set_={"tries": card_tally.c.tries + tries, "declines": card_tally.c.declines + declines},
    )
    tx.execute(kept)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _forget_tallies(tx: sa.Connection, mark: Fingerprint) -> None:
    tx.execute(_FORGET_MARK, _named(mark))


def _standing(tx: sa.Connection, mark: Fingerprint, now: datetime) -> bool:
    wanted = {"mark": mark.value, "kind": mark.kind, "now": now}
    return tx.execute(_STANDING, wanted).first() is not None


def _hold(tx: sa.Connection, marks: Iterable[Fingerprint]) -> None:
    """Nobody else counts these marks before the transaction ends. Always in the same order."""
    values = sorted({mark.value for mark in marks})
    advisory_locks.hold(tx, [advisory_locks.number_of(bytes.fromhex(value)) for value in values])


def _read(row: sa.Row[tuple[object, ...]]) -> Lockout:
    held = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    return Lockout(
        id=held["id"],
        kind=LockoutKind(held["kind"]),
        subject=held["mark"][:SHOWN_LENGTH],
        since=held["since"],
        until=held["until"],
        why=held["why"],
        lifted_at=held["lifted_at"],
        lifted_by=held["lifted_by"],
    )
