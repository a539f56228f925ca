"""The PCI process, composed from the environment: what `paybycall serve pci` hands to the web server.

May import `ivr.pci` and the leaves. Threads and the pool begin with the first request: by then the server
has forked. Core dumps are off: a crash writes no memory, and so no card, to a disk.
"""

import resource
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from ivr.clock import SystemClock
from ivr.ids import RandomIds
from ivr.logs import configure
from ivr.pci.app import create_app
from ivr.pci.key_directory import DirectoryKeys
from ivr.pci.keys import KeyHomeError, KeyService
from ivr.pci.room import furnish
from ivr.pci.settings import load
from ivr.pci.sweeper import Caretaker
from ivr.pci.tokenizers import card_gateway
from ivr.settings import SettingsError
from ivr.storage.engine import make_engine

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_SERVER_THREADS = 16
"""What `paybycall serve` has by default: each thread holds one connection at a time, and never two."""


class PciProcess:
    """A WSGI application that can be closed."""

    def __init__(self, app: "WSGIApplication", caretaker: Caretaker, executor: ThreadPoolExecutor) -> None:
        self._app = app
        self._caretaker = caretaker
        self._executor = executor

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        self._caretaker.start()
        return self._app(environ, start_response)

    def close(self) -> None:
        """Graceful: cards on their way get their answer; those that wait are left to another process.

        Their keys are left to it as well: another process of the machine, or the next one after a restart,
        takes the callers' next turns and needs them. What is over is swept once more; to destroy the rest,
        where no process comes after this one, is the operator's (docs/pci.md).
        """
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._caretaker.close()


def app_from_environ(environ: Mapping[str, str]) -> PciProcess:
    """The PCI process; raises SettingsError with a sentence for each setting that is missing or unusable."""
    config = load(environ)
    forbid_core_dumps()
    configure(config.log_level, "pci")
    clock = SystemClock()
    keys = DirectoryKeys(
        config.key_directory, clock, generation_s=config.key_generation_s, life_s=config.key_life_s
    )
    destroy_old(keys)
    executor = ThreadPoolExecutor(config.gateway_threads, thread_name_prefix="pci-gateway")
    room = furnish(
        config,
        engine=make_engine(config.database_url, pool_size=_SERVER_THREADS + config.gateway_threads),
        clock=clock,
        ids=RandomIds(),
        keys=keys,
        gateway=card_gateway(config.gateway, config.gateway_settings),
        executor=executor,
    )
    caretaker = Caretaker(renew=room.sender.renew, sweep=room.sweeper.sweep)
    return PciProcess(create_app(room), caretaker, executor)


def destroy_old(keys: KeyService) -> None:
    """The keys whose life ended while no process was here: before anybody calls."""
    try:
        keys.sweep()
    except (OSError, KeyHomeError) as fault:
        raise SettingsError(
            f"Set PCI_KEY_DIRECTORY to a directory where old keys can be destroyed: {fault}."
        ) from None


def forbid_core_dumps() -> None:
    """For this process and its children.

    One byte, not none: where the kernel pipes dumps to a program, it heeds no limit but this one
    (fs/coredump.c), and a file of one byte is not begun. A limit that is 0 already cannot be raised.
    """
    _soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    limit = 0 if hard == 0 else 1
    resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
