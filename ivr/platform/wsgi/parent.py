"""The parent process: holds the listening socket, starts workers and replaces them. It serves nothing itself.

One thread, so forking is safe. It hears signals, its workers, and a successor at the control socket. SIGTERM
and SIGINT end it gracefully; SIGHUP replaces every worker.
"""

import gc
import logging
import os
import select
import signal
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import structlog

from ivr.platform.wsgi.handover import Control, ListeningSocket
from ivr.platform.wsgi.worker import LOADED, REPLACE, STOP_S_MAX, ServedApp, work

log = structlog.get_logger()
_KILL_S = STOP_S_MAX + 5
"""A worker that has not ended by then is stuck."""
_LOOK_S = 1.0
"""How often stuck workers are looked for."""
_HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


@dataclass
class _Child:
    """A worker, as its parent sees it."""

    pid: int
    told: int
    """The end of the pipe on which it tells."""
    serves: bool = False
    kill_at: float | None = None
    """Once it was told to end: when that has taken too long."""
    is_stale: bool = False
    """It is to be replaced as soon as it serves."""
    instead_of: "_Child | None" = field(default=None, repr=False)
    """Who is told to end as soon as this one serves."""

    def end(self, *, is_replaced: bool) -> None:
        """`is_replaced`: another serves already, so there is time. May be called again."""
        if self.kill_at is None:
            self.kill_at = time.monotonic() + _KILL_S
        os.kill(self.pid, signal.SIGHUP if is_replaced else signal.SIGTERM)


class Parent:
    """A server of one kind: web or pci."""

    def __init__(self, kind: str, listening: ListeningSocket, serving: ServedApp, workers: int) -> None:
        self._kind = kind
        self._listening = listening
        self._serving = serving
        self._workers = workers
        self._children: dict[int, _Child] = {}
        self._control: Control | None = None
        self._stopping = False
        self._status = 0
        self._life, self._alive = os.pipe()
        self._signals, self._signalled = os.pipe()

    def run(self) -> int:
        """Until it is stopped, or a successor has taken over; the exit status."""
        for end in (self._signals, self._signalled):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._signalled, warn_on_full_buffer=False)
        for number in _HEARD:
            signal.signal(number, lambda *_: None)
        for _ in range(self._workers):
            self._start()
        while self._children:
            self._hear()
            self._reap()
            for child in self._children.values():
                if child.kill_at is not None and time.monotonic() > child.kill_at:
                    log.error("worker_killed", pid=child.pid)
                    os.kill(child.pid, signal.SIGKILL)
        return self._status

    def _hear(self) -> None:
        told = {child.told: child for child in self._children.values()}
        control = self._control.sockets() if self._control is not None else []
        heard_of: list[Any] = [self._signals, *told, *control]
        heard, _, _ = select.select(heard_of, [], [], _LOOK_S)
        for one in heard:
            if one == self._signals:
                for number in os.read(self._signals, 512):
                    self._on_signal(number)
            elif one in told:
                self._on_message(told[one])
            elif self._control is not None and self._control.hear():
                log.info("successor_takes_over")
                self._stop(is_replaced=True)

    def _on_signal(self, number: int) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self._stop(is_replaced=False)
        elif number == signal.SIGHUP:
            for child in list(self._children.values()):
                self._replace(child)

    def _on_message(self, child: _Child) -> None:
        said = os.read(child.told, 64)
        if self._stopping:
            return
        if LOADED in said:
            child.serves = True
            if child.instead_of is not None:
                child.instead_of.end(is_replaced=True)
                child.instead_of = None
            if child.is_stale:
                self._replace(child)
            if self._control is None and all(one.serves for one in self._children.values()):
                self._open_for_successors()
        if REPLACE in said:
            self._replace(child)

    def _open_for_successors(self) -> None:
        """All workers serve: the server before this one may end, and a successor may take over from us."""
        self._listening.release_predecessor()
        self._control = Control(self._kind, self._listening.sock)
        host, port = self._listening.sock.getsockname()[:2]
        log.info("serving", host=host, port=port, workers=self._workers)

    def _stop(self, *, is_replaced: bool) -> None:
        """Stops accepting connections; a successor may have the address."""
        self._stopping = True
        if self._control is not None:
            self._control.close()
            self._control = None
        self._listening.sock.close()
        for child in self._children.values():
            child.end(is_replaced=is_replaced)

    def _replace(self, child: _Child) -> None:
        """Another one is started; `child` ends once that serves. One that still loads is not raced: however
        often it is asked for, a worker has one successor at a time.
        """
        if not child.serves:
            child.is_stale = True
            return
        replaced = any(one.instead_of is child for one in self._children.values())
        if not (self._stopping or replaced or child.kill_at is not None):
            self._start(instead_of=child)

    def _reap(self) -> None:
        """Starts another for a worker that died by itself; one that never served would only die again."""
        for child in list(self._children.values()):
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if not pid:
                continue
            del self._children[pid]
            os.close(child.told)
            if child.kill_at is not None or self._stopping:
                continue
            followers = [one for one in self._children.values() if one.instead_of is child]
            for one in followers:
                one.instead_of = None  # its predecessor is gone, and nothing serves if it fails
            log.error("worker_died" if child.serves else "worker_does_not_start", pid=pid)
            if child.serves and not followers:
                self._start()
            elif not child.serves and child.instead_of is None:
                self._status = os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1
                self._stop(is_replaced=False)

    # The fork -----------------------------------------------------------------------------------------------

    def _start(self, instead_of: _Child | None = None) -> None:
        told, tells = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        # A signal for the child must not meet the parent's handlers there: it would be lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
        pid = os.fork()
        if pid:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
            os.close(tells)
            self._children[pid] = _Child(pid, told, instead_of=instead_of)
            return
        status = 1
        try:
            self._forget_parent(told)
            work(self._serving, self._listening.sock, self._life, tells)
            status = 0
        except BaseException:  # the process's edge: nothing may run on as a second parent
            logging.getLogger(__name__).exception("worker_failed")  # also where nobody set up the log
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _forget_parent(self, told: int) -> None:
        """What is the parent's alone: above all its end of the pipe by which workers see it live."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all: the parent decides
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
        for end in (self._alive, self._signals, self._signalled, told):
            os.close(end)
        for child in self._children.values():
            os.close(child.told)
        self._children.clear()
        if self._control is not None:
            self._control.close()
        self._listening.forget_predecessor()
        gc.freeze()  # what the parent loaded is shared as long as nobody writes to it
