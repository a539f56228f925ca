"""What nobody waits for any more is wiped, and keys past their life are destroyed.

A turn wipes at every end that it sees. The sweeper is for the other ends: a hang-up that nobody reported, a
process that was killed, a result that nobody collected. Any number of processes may sweep at once.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from ivr.pci import entries, nonces
from ivr.pci import entry_lifecycle as ending
from ivr.pci.entries import EntryOutcome, EntryStatus
from ivr.pci.gateway_submission import RENEW_S, WAIT_MAX_S
from ivr.pci.keys import KeyService
from ivr.pci.log_context import of_entry
from ivr.pci.metrics import PciMetrics
from ivr.pci.safe_logging import tell
from ivr.pci.tables import card_entry, card_entry_turn
from ivr.pci.velocity import CardVelocity
from ivr.platform.clock import Clock
from ivr.platform.database.engine import reading

SWEEP_S = 15
ROWS_KEPT = timedelta(hours=24)
"""How long an empty row remembers that there was an entry, for a web process that asks late."""
_GRACE_S = 10
_BATCH = 500

_ENDED_BEFORE = (card_entry.c.status == EntryStatus.FINISHED) & (
    card_entry.c.finished_at < sa.bindparam("before")
)
_WIPE_RESULTS = (
    card_entry.update()
    .where(_ENDED_BEFORE, card_entry.c.sealed_result.is_not(None))
    .values(result_generation=None, result_key=None, sealed_result=None)
)
_DROP_TURNS = card_entry_turn.delete().where(
    card_entry_turn.c.entry_id.in_(sa.select(card_entry.c.id).where(_ENDED_BEFORE))
)
_DROP_ENTRIES = card_entry.delete().where(_ENDED_BEFORE)
log = structlog.get_logger()


class Sweeper:
    """Wipes and destroys. `entry_life_s`: how long an entry, and then its result, may wait for anyone."""

    def __init__(
        self,
        *,
        engine: sa.Engine,
        clock: Clock,
        keys: KeyService,
        metrics: PciMetrics,
        velocity: CardVelocity,
        entry_life_s: int,
    ) -> None:
        self._velocity = velocity
        self._engine = engine
        self._clock = clock
        self._keys = keys
        self._metrics = metrics
        self._entry_life = timedelta(seconds=entry_life_s)

    def sweep(self) -> None:
        """One round. Neither the keys nor the rows wait for the others' home, should one be away."""
        try:
            self._keys.sweep()
        finally:
            self._sweep_rows()

    def _sweep_rows(self) -> None:
        now = self._clock.now()
        for entry_id in self._forsaken(now):
            self._end(entry_id, now)
        self._forget_ended()
        self._drop(now)
        self._velocity.forget(now)

    def _forsaken(self, now: datetime) -> list[str]:
        """Entries whose caller is gone without a word, or whose gateway answer nobody polled for."""
        silent = (card_entry.c.status != EntryStatus.FINISHED) & (
            card_entry.c.created_at < now - self._entry_life
        )
        unanswered = (card_entry.c.status == EntryStatus.SENDING) & (
            card_entry.c.sending_since < now - timedelta(seconds=WAIT_MAX_S + _GRACE_S)
        )
        with reading(self._engine) as connection:
            query = sa.select(card_entry.c.id).where(silent | unanswered).limit(_BATCH)
            return list(connection.execute(query).scalars())

    def _end(self, entry_id: str, now: datetime) -> None:
        with self._engine.begin() as tx:
            entry = entries.lock(tx, entry_id)
            if entry is None or entry.status == EntryStatus.FINISHED:
                return
            outcome = ending.give_up(tx, entry, EntryOutcome.ENDED, now)
        ending.forget(self._keys, [entry_id])
        self._metrics.entry_ended(outcome)
        log.info("card_entry_ended", outcome=outcome, swept=True, **of_entry(entry_id))

    def _forget_ended(self) -> None:
        """For whoever died, or was refused by the keys' home, between an entry's end and `ending.forget`."""
        ended = (card_entry.c.status == EntryStatus.FINISHED) & card_entry.c.key_kept
        with reading(self._engine) as connection:
            found = connection.execute(sa.select(card_entry.c.id).where(ended).limit(_BATCH)).scalars().all()
        gone = ending.forget(self._keys, found)
        if gone:
            with self._engine.begin() as tx:
                tx.execute(card_entry.update().where(card_entry.c.id.in_(gone)).values(key_kept=False))

    def _drop(self, now: datetime) -> None:
        """Results that nobody collected in time, rows of yesterday, nonces of requests long refused."""
        with self._engine.begin() as tx:
            tx.execute(_WIPE_RESULTS, {"before": now - self._entry_life})
            tx.execute(_DROP_TURNS, {"before": now - ROWS_KEPT})
            tx.execute(_DROP_ENTRIES, {"before": now - ROWS_KEPT})
            nonces.forget(tx, now)


class BackgroundThread:
    """A thread that renews leases each second and sweeps now and then; what fails is told and tried again."""

    def __init__(
        self, *, renew: Callable[[], None], sweep: Callable[[], None], look: Callable[[], None] = lambda: None
    ) -> None:
        """`look` runs each second, as `renew` does."""
        self._renew = renew
        self._sweep = sweep
        self._look = look
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts once, in the process that serves: a thread does not survive a fork."""
        with self._lock:
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._run, name="pci-background", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Ends the thread, and sweeps once more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        self._try("sweep_failed", self._sweep)

    def _run(self) -> None:
        rounds = 0
        while not self._stop.is_set():
            self._try("lease_renewal_failed", self._renew)
            self._try("replacement_failed", self._look)
            if rounds % SWEEP_S == 0:
                self._try("sweep_failed", self._sweep)
            rounds += 1
            self._stop.wait(RENEW_S)

    def _try(self, failure: str, do: Callable[[], None]) -> None:
        try:
            do()
        except Exception as error:  # noqa: BLE001 - the thread's edge: it lives on
            tell(failure, error)
