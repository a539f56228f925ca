"""What nobody waits for any more is wiped, and keys past their life are destroyed.

A turn wipes at every end that it sees. The sweeper is for the other ends: a hang-up that nobody reported, a
process that was killed, a result that nobody collected. Any number of processes may sweep at once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from ivr.pci import entry_lifecycle, entry_store, nonces
from ivr.pci.entry_store import EntryStatus
from ivr.pci.gateway_submission import WAIT_MAX_S
from ivr.pci.keys import KeyService
from ivr.pci.metrics import PciMetrics
from ivr.pci.safe_logging import of_entry
from ivr.pci.velocity import CardVelocity
from ivr.platform.card_entry_outcome import CardEntryOutcome
from ivr.platform.clock import Clock
from ivr.platform.database.engine import reading

ROWS_KEPT = timedelta(hours=24)
"""How long an empty row remembers that there was an entry, for a web process that asks late."""
_GRACE_S = 10
_BATCH = 500
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Wipes and destroys. `entry_life`: how long an entry, and then its result, may wait for anyone."""

    engine: sa.Engine
    clock: Clock
    keys: KeyService
    metrics: PciMetrics
    velocity: CardVelocity
    entry_life: timedelta

    def sweep(self) -> None:
        """One round. The rows are swept even if the key service does not answer, and the keys even if the
        database does not.
        """
        try:
            self.keys.sweep()
        finally:
            self._sweep_rows()

    def _sweep_rows(self) -> None:
        now = self.clock.now()
        for entry_id in self._abandoned(now):
            self._end(entry_id, now)
        self._destroy_keys_of_finished()
        with self.engine.begin() as tx:
            entry_store.forget(tx, results_before=now - self.entry_life, rows_before=now - ROWS_KEPT)
            nonces.forget(tx, now)
        self.velocity.forget(now)

    def _abandoned(self, now: datetime) -> list[str]:
        """Entries whose caller is gone without a word, or whose gateway answer nobody polled for."""
        waited = timedelta(seconds=WAIT_MAX_S + _GRACE_S)
        with reading(self.engine) as connection:
            return entry_store.abandoned(
                connection,
                created_before=now - self.entry_life,
                sending_before=now - waited,
                limit=_BATCH,
            )

    def _end(self, entry_id: str, now: datetime) -> None:
        with self.engine.begin() as tx:
            entry = entry_store.lock(tx, entry_id)
            if entry is None or entry.status == EntryStatus.FINISHED:
                return
            outcome = entry_lifecycle.give_up(tx, entry, CardEntryOutcome.ENDED, now)
        entry_lifecycle.forget(self.keys, [entry_id])
        self.metrics.entry_ended(outcome)
        log.info("card_entry_ended", outcome=outcome, swept=True, **of_entry(entry_id))

    def _destroy_keys_of_finished(self) -> None:
        """For entries whose process died, or whose key service failed, before their key was destroyed."""
        with reading(self.engine) as connection:
            found = entry_store.finished_with_key(connection, limit=_BATCH)
        destroyed = entry_lifecycle.forget(self.keys, found)
        if destroyed:
            with self.engine.begin() as tx:
                entry_store.mark_keys_destroyed(tx, destroyed)
