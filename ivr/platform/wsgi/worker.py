"""A worker process: loads the application after the fork, serves it, and ends with its parent.

It ends gracefully on SIGTERM; on SIGHUP, which says that another serves in its place already; and when its
parent is gone, which holds the other end of a pipe that closes however the parent dies.
"""

import os
import resource
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from waitress import wasyncore

from ivr.platform.wsgi.http import CONNECTIONS_MAX, LINGER_REPLACED_S, LINGER_S, HttpServer

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

STOP_S_MAX = 30
"""How long requests under way may take to finish."""
LOADED, REPLACE = b"L", b"R"
"""What a worker tells its parent: it serves; it wants to be replaced."""


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """What an application may ask of the process that it runs in."""

    _to_parent: int

    def replace(self) -> None:
        """Asks the parent for another worker in this one's place. The new one serves before this one drains,
        so no caller notices. May be called from any thread, any number of times.
        """
        _tell(self._to_parent, REPLACE)


@dataclass(frozen=True, slots=True)
class ServedApp:
    """What to serve. `load` makes the application, in the worker; its `close`, if any, is called last."""

    load: "Callable[[WorkerProcess], WSGIApplication]"
    threads: int
    body_bytes_max: int


class _Parent(wasyncore.file_dispatcher):  # type: ignore[misc] # waitress has no types
    """The pipe whose other end the parent holds: nothing comes on it but its end."""

    def __init__(self, descriptor: int, on_gone: Callable[[], None], connections: dict[int, Any]) -> None:
        super().__init__(descriptor, map=connections)
        self._on_gone = on_gone

    def writable(self) -> bool:
        return False

    def handle_close(self) -> None:
        self._on_gone()
        self.close()


def work(serving: ServedApp, listening: socket.socket, life: int, to_parent: int) -> None:
    """The whole life of a worker. `life`: readable once the parent is gone."""
    ended: list[bool] = []
    files = _allow_files()
    application = serving.load(WorkerProcess(to_parent))
    server = HttpServer(
        application,
        listening,
        threads=serving.threads,
        body_bytes_max=serving.body_bytes_max,
        connections_max=min(CONNECTIONS_MAX, files // 4),
    )

    def end(number: int, _frame: object) -> None:
        ended.append(True)
        server.linger_s = LINGER_REPLACED_S if number == signal.SIGHUP else LINGER_S
        server.pull_trigger()

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    _Parent(life, lambda: ended.append(True), server._map)  # noqa: SLF001 - waitress has no other way to add to its loop
    _tell(to_parent, LOADED)
    while not ended:
        server.step()
    server.drain(STOP_S_MAX)
    close = getattr(application, "close", None)
    if close is not None:
        close()


def _allow_files() -> int:
    """How many files may be open: a connection is one, and so is each of the application's own. Many systems
    allow 1024 unless they are asked for more.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * CONNECTIONS_MAX
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most


def _tell(to_parent: int, word: bytes) -> None:
    try:
        os.write(to_parent, word)
    except OSError:  # the parent is gone: we are about to end
        return
