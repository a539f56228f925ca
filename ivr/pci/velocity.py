"""Card velocity: how many tries of a card, and of a BIN, were declined, and when that is too many.

A card that is locked out is not sent to the gateway at all. Which card an entry is about is known only until
its outcome is. Then the card is counted in a tally of whole hours and the entry is forgotten, so nothing that
is kept can be joined to a payment and its last four digits. A BIN may belong to many honest cards: it is
locked out only if most of its cards are declined. A card that no issuer was asked about counts as neither
declined nor good.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from gateways.secret import Secret
from ivr.pci import velocity_store as store
from ivr.pci.fingerprints import Fingerprint, FingerprintKeys, FingerprintKind
from ivr.pci.metrics import PciMetrics
from ivr.pci.velocity_store import CardCounts, WatchedEntry
from ivr.platform.clock import Clock
from ivr.platform.database.engine import reading
from ivr.platform.ids import Ids
from ivr.platform.lockout import KEPT, Lockout

WATCHED_FOR = timedelta(hours=2)
"""How long an entry waits for its card's outcome."""
_BATCH = 500
_BIN_SHARE = (2, 3)
"""A BIN is locked out only if at least this share of its cards was declined."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CardLimits:
    """Declined cards, and cards in all, within the window; how long a lockout lasts."""

    declines_max: int
    tries_max: int
    bin_declines_max: int
    window: timedelta
    lockout: timedelta


@dataclass(frozen=True, slots=True)
class CardVelocity:
    """Counts and decides. A function that takes `tx` writes in the caller's transaction."""

    engine: sa.Engine
    fingerprints: FingerprintKeys
    limits: CardLimits
    clock: Clock
    ids: Ids
    metrics: PciMetrics

    def admits(self, entry_id: str, number: Secret) -> bool:
        """Whether the gateway may be asked about this card. An entry stays admitted, and counts as declined
        until its outcome is known: entries at the same moment cannot exceed a limit together.
        """
        now = self.clock.now()
        card = self.fingerprints.of(number)
        with self.engine.begin() as tx:
            store.hold(tx, card.known_as)
            if store.watched(tx, entry_id) is not None:
                return True
            for kind in FingerprintKind:
                if self._is_refused(tx, card.of(kind), now):
                    self.metrics.not_sent(kind)
                    log.warning("card_not_sent", because=str(kind))
                    return False
            store.watch(tx, entry_id, card, now)
            for one in (card.card, card.bin):
                store.count(tx, one, now, tries=1)
        return True

    def settle(self, tx: sa.Connection, entry_id: str, *, declined: bool) -> None:
        """Counts the outcome of the entry's card. A repeat, or an entry long forgotten, changes nothing."""
        now = self.clock.now()
        entry = store.watched(tx, entry_id)
        if entry is None:
            return
        store.hold(tx, (entry.card, entry.bin))
        if not store.stop_watching(tx, entry_id):
            return
        for one in (entry.card, entry.bin):
            if declined:
                store.count(tx, one, now, declines=1)
            self._begin_lockout_if_enough(tx, one, now)

    def lockouts(self, *, also_over: bool = False, limit: int = 500) -> list[Lockout]:
        """The active ones, newest first; `also_over`: all that are kept."""
        with reading(self.engine) as connection:
            return store.lockouts(connection, self.clock.now(), also_over=also_over, limit=limit)

    def lift(self, lockout_id: str, *, by: str) -> Lockout | None:
        """The lockout, lifted, with nothing counted any more; None if there is none."""
        with self.engine.begin() as tx:
            found = store.lift_lockout(tx, lockout_id, by=by, now=self.clock.now())
            if found is None:
                return None
            lifted, fingerprint = found
            if fingerprint is not None:
                store.forget_tally(tx, fingerprint)
                log.info("lockout_lifted", lockout_id=lockout_id, kind=str(lifted.kind))
            return lifted

    def forget(self, now: datetime) -> None:
        """The sweep: entries whose outcome never came, and what counts no more."""
        with reading(self.engine) as connection:
            late = store.watched_since_before(connection, now - WATCHED_FOR, limit=_BATCH)
        for entry in late:
            self._forget_entry(entry)
        with self.engine.begin() as tx:
            store.forget(tx, tallies_before=now - self.limits.window, lockouts_before=now - KEPT)

    def _forget_entry(self, entry: WatchedEntry) -> None:
        """Its outcome never came: for the BIN it was no try either, or hang-ups would hide declines."""
        with self.engine.begin() as tx:
            store.hold(tx, (entry.bin,))
            if store.stop_watching(tx, entry.entry_id):
                store.uncount_try(tx, entry.bin, entry.since)

    def _is_refused(self, tx: sa.Connection, known_as: tuple[Fingerprint, ...], now: datetime) -> bool:
        if any(store.is_locked_out(tx, one, now) for one in known_as):
            return True
        found = self._counted(tx, known_as, now)
        declines, tries = found.declines + found.under_way, found.tries + found.under_way
        return self._is_too_many(known_as[0].kind, declines, tries)

    def _begin_lockout_if_enough(self, tx: sa.Connection, fingerprint: Fingerprint, now: datetime) -> None:
        found = self._counted(tx, (fingerprint,), now)
        if not self._is_too_many(fingerprint.kind, found.declines, found.tries):
            return
        if store.is_locked_out(tx, fingerprint, now):
            return
        lockout_id = self.ids.new("cardlock")
        why = f"{found.declines} of {found.tries} tries were declined"
        store.begin_lockout(tx, lockout_id, fingerprint, now=now, until=now + self.limits.lockout, why=why)
        store.forget_tally(tx, fingerprint)  # it has had its effect: the next lockout needs as many again
        self.metrics.locked_out(fingerprint.kind)
        log.warning("lockout_began", lockout_id=lockout_id, kind=str(fingerprint.kind), why=why)

    def _is_too_many(self, kind: FingerprintKind, declines: int, tries: int) -> bool:
        if kind is FingerprintKind.CARD:
            return declines >= self.limits.declines_max or tries >= self.limits.tries_max
        part, whole = _BIN_SHARE
        return declines >= self.limits.bin_declines_max and declines * whole >= tries * part

    def _counted(self, tx: sa.Connection, known_as: tuple[Fingerprint, ...], now: datetime) -> CardCounts:
        return store.counted(
            tx, known_as, watched_after=now - WATCHED_FOR, tallied_after=now - self.limits.window
        )
