"""The PCI process, composed from the environment: what `paybycall serve pci` hands to the HTTP server.

Threads and the pool start with the first request, because the server has forked by then. Core dumps are
off, no other process may read the memory (`ivr.platform.process_memory`), and a worker that took keys is
replaced after some minutes.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ivr.pci.app import create_app
from ivr.pci.background_thread import BackgroundThread
from ivr.pci.dependencies import build_pci
from ivr.pci.key_directory import DirectoryKeys
from ivr.pci.keys import KeyService, KeyStoreError
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

_SERVER_THREADS = 16
"""What `paybycall serve` has by default: each thread holds one connection at a time, and never two."""
KEYS_HEARD_AT = ("/pci/e/", "/pci/fallback")
"""The paths to which the carrier posts what was keyed."""


class WorkerReplacement:
    """A worker that took a key is replaced some minutes later, and its memory goes back to the system with
    whatever of a card may have been left in it. Callers go on with the next worker.
    """

    def __init__(self, life_s: int, clock: Clock, replace: Callable[[], None]) -> None:
        self._life = timedelta(seconds=life_s)
        self._clock = clock
        self._replace = replace
        self._heard_at: datetime | None = None

    def heard(self) -> None:
        """A key may have been in this request."""
        if self._heard_at is None:
            self._heard_at = self._clock.now()

    def look(self) -> None:
        """Asks to be replaced once it is time; asking again changes nothing."""
        if self._heard_at is not None and self._clock.now() - self._heard_at >= self._life:
            self._replace()


class PciProcess:
    """A WSGI application that can be closed."""

    def __init__(
        self,
        app: "WSGIApplication",
        background: BackgroundThread,
        executor: ThreadPoolExecutor,
        replacement: WorkerReplacement,
    ) -> None:
        self._app = app
        self._background = background
        self._executor = executor
        self._replacement = replacement

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        self._background.start()
        if environ["PATH_INFO"].startswith(KEYS_HEARD_AT):
            self._replacement.heard()
        return self._app(environ, start_response)

    def close(self) -> None:
        """Graceful: cards on their way get their answer; those that wait are left to another process.

        Their keys are left to it as well: another process of the machine, or the next one after a restart,
        takes the callers' next turns and needs them. What is over is swept once more; to destroy the rest,
        where no process comes after this one, is the operator's (docs/pci.md).
        """
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._background.close()


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
