"""The PCI process, composed from the environment: what `paybycall serve pci` hands to the HTTP server.

Threads and the pool start with the first request, because the server has forked by then. Core dumps are
off, no other process may read the memory (`ivr.platform.process_memory`), and a worker that took keys is
replaced after some minutes.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ivr.pci.app import create_app
from ivr.pci.dependencies import build_pci
from ivr.pci.gateway_submission import RENEW_S
from ivr.pci.key_directory import DirectoryKeys
from ivr.pci.keys import KeyService, KeyStoreError
from ivr.pci.safe_logging import tell
from ivr.pci.settings import load_pci_config
from ivr.pci.tokenizers import card_gateway
from ivr.platform import process_memory as memory
from ivr.platform.clock import Clock, SystemClock
from ivr.platform.database.engine import make_engine
from ivr.platform.ids import RandomIds
from ivr.platform.logs import configure
from ivr.platform.settings.reading import SettingsError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_SWEEP_S = 15
_SERVER_THREADS = 16
"""What `paybycall serve` has by default: each thread holds one connection at a time, and never two."""
KEYS_HEARD_AT = ("/pci/e/", "/pci/fallback")
"""The paths to which the carrier posts what was keyed."""


@dataclass(slots=True)
class WorkerReplacement:
    """A worker that took a key is replaced some minutes later, and its memory goes back to the system with
    whatever of a card may have been left in it. Callers go on with the next worker.
    """

    life_s: int
    clock: Clock
    replace: Callable[[], None]
    _heard_at: datetime | None = field(default=None, init=False)

    def heard(self) -> None:
        """A key may have been in this request."""
        if self._heard_at is None:
            self._heard_at = self.clock.now()

    def look(self) -> None:
        """Asks to be replaced once it is time; asking again changes nothing."""
        life = timedelta(seconds=self.life_s)
        if self._heard_at is not None and self.clock.now() - self._heard_at >= life:
            self.replace()


@dataclass(slots=True)
class BackgroundThread:
    """A thread that renews leases and asks for a new worker each second, and sweeps now and then. What fails
    is logged and tried again.
    """

    renew: Callable[[], None]
    sweep: Callable[[], None]
    look: Callable[[], None]
    _stop: threading.Event = field(default_factory=threading.Event, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

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
        _try("sweep_failed", self.sweep)

    def _run(self) -> None:
        rounds = 0
        while not self._stop.is_set():
            _try("lease_renewal_failed", self.renew)
            _try("replacement_failed", self.look)
            if rounds % _SWEEP_S == 0:
                _try("sweep_failed", self.sweep)
            rounds += 1
            self._stop.wait(RENEW_S)


def _try(failure: str, do: Callable[[], None]) -> None:
    try:
        do()
    except Exception as error:  # noqa: BLE001 - the thread's edge: it lives on
        tell(failure, error)


@dataclass(frozen=True, slots=True)
class PciProcess:
    """A WSGI application that can be closed."""

    app: "WSGIApplication"
    background: BackgroundThread
    executor: ThreadPoolExecutor
    replacement: WorkerReplacement

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        self.background.start()
        if environ["PATH_INFO"].startswith(KEYS_HEARD_AT):
            self.replacement.heard()
        return self.app(environ, start_response)

    def close(self) -> None:
        """Graceful: cards on their way get their answer; those that wait are left to another process.

        Their keys are left to it as well: another process of the machine, or the next one after a restart,
        takes the callers' next turns and needs them. What is over is swept once more; to destroy the rest,
        where no process comes after this one, is the operator's (docs/pci.md).
        """
        self.executor.shutdown(wait=True, cancel_futures=True)
        self.background.close()


def app_from_environ(environ: Mapping[str, str], replace: Callable[[], None] = lambda: None) -> PciProcess:
    """The PCI process; raises SettingsError with a sentence for each setting that is missing or unusable.

    `replace` asks for another worker in this one's place.
    """
    config = load_pci_config(environ)
    memory.close_to_others()
    configure(config.log_level, "pci")
    clock = SystemClock()
    keys = DirectoryKeys(
        config.key_directory, clock, generation_s=config.key_generation_s, life_s=config.key_life_s
    )
    destroy_old(keys)
    executor = ThreadPoolExecutor(config.gateway_threads, thread_name_prefix="pci-gateway")
    parts = build_pci(
        config,
        engine=make_engine(config.database_url, pool_size=_SERVER_THREADS + config.gateway_threads),
        clock=clock,
        ids=RandomIds(),
        keys=keys,
        gateway=card_gateway(config.gateway, config.gateway_settings),
        executor=executor,
    )
    replacement = WorkerReplacement(config.worker_life_s, clock, replace)
    background = BackgroundThread(
        renew=parts.submission.renew, sweep=parts.sweeper.sweep, look=replacement.look
    )
    return PciProcess(create_app(parts), background, executor, replacement)


def destroy_old(keys: KeyService) -> None:
    """Destroys the keys whose life ended while no process ran, before the first request."""
    try:
        keys.sweep()
    except (OSError, KeyStoreError) as fault:
        raise SettingsError(
            f"PCI_KEY_DIRECTORY must be a directory in which this user can destroy old keys: {fault}."
        ) from None
