"""Time in a test of the whole server: it stands still until somebody waits, and then all that is due happens.

One caller's thread moves the clock (`sleep`, `advance`). On the way it stops at every moment at which
something is due, and goes on only when everybody else is at rest: a job that is done, or one that waits for a
later moment of this very clock (a bank that thinks for 15 s). So threads run one after the other, and every
run of a test is the same.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from tests.support.time_and_ids import ManualClock

REAL_S_MAX = 20.0
"""Longer than any step takes on a loaded machine; then the test is stuck."""


class Agenda(Protocol):
    """What is due when, besides those who sleep."""

    def next_at(self) -> datetime | None: ...

    def run_due(self, now: datetime) -> None: ...


@dataclass
class Waiter:
    """Somebody who waits for a moment, or for a word, whichever comes first."""

    until: datetime
    called: bool = False
    awake: threading.Event = field(default_factory=threading.Event)


class VirtualClock(ManualClock):
    """Moved by one thread, waited for by any."""

    def __init__(self) -> None:
        super().__init__()
        self._start = self._now
        self.agenda: Agenda | None = None
        self._changed = threading.Condition()
        self._busy = 0
        self._waiters: list[Waiter] = []
        self._thread = threading.local()

    def sleep(self, duration_s: float) -> None:
        """Whoever `start` runs waits; the one caller's thread moves the clock."""
        if getattr(self._thread, "is_started", False):
            self.wait(duration_s)
        else:
            self.advance(duration_s)

    # For the one who moves it -------------------------------------------------------------------------------

    def advance(self, duration_s: float) -> None:
        """Time passes, moment by moment."""
        end = self._now + timedelta(seconds=duration_s)
        self.settle()
        while (at := self._next()) is not None and at <= end:
            self._now = max(self._now, at)
            self._wake_due()
            if self.agenda is not None:
                self.agenda.run_due(self._now)
            self.settle()
        self._now = end

    def reset(self) -> None:
        """Back to the beginning; nobody may be waiting."""
        self.settle()
        self._now = self._start

    @property
    def is_waited_for(self) -> bool:
        self.settle()
        return bool(self._waiters)

    def settle(self) -> None:
        """Returns when everybody else is done, or waits."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._busy == 0, REAL_S_MAX), "somebody never came to rest"

    def _next(self) -> datetime | None:
        moments = [waiter.until for waiter in self._waiters]
        if self.agenda is not None and (at := self.agenda.next_at()) is not None:
            moments.append(at)
        return min(moments, default=None)

    def _wake_due(self) -> None:
        with self._changed:
            for waiter in [one for one in self._waiters if one.until <= self._now]:
                self._wake(waiter)

    def _wake(self, waiter: Waiter) -> None:
        """Busy from this very moment, before its thread knows."""
        self._waiters.remove(waiter)
        self._busy += 1
        waiter.awake.set()

    # For everybody else -------------------------------------------------------------------------------------

    def start(self, work: Callable[[], None]) -> None:
        """Runs it in a thread of its own; the clock stands still until it is done, or waits."""
        with self._changed:
            self._busy += 1

        def run() -> None:
            self._thread.is_started = True
            with self._done_at_end():
                work()

        threading.Thread(target=run, daemon=True).start()

    @contextmanager
    def _done_at_end(self) -> Iterator[None]:
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def wait(self, duration_s: float) -> None:
        """Waits in a thread that `start` runs, or on behalf of one that waits for this one's answer."""
        self.wait_for(self.waiter(duration_s))

    def waiter(self, duration_s: float) -> Waiter:
        return Waiter(self._now + timedelta(seconds=duration_s))

    def wait_for(self, waiter: Waiter) -> None:
        with self._changed:
            if waiter.called:
                return
            self._waiters.append(waiter)
            self._busy -= 1
            self._changed.notify_all()
        assert waiter.awake.wait(REAL_S_MAX), "a test forgot to let time pass"

    def call(self, waiter: Waiter) -> None:
        """A word to one who waits, or who will wait in a moment."""
        with self._changed:
            waiter.called = True
            if waiter in self._waiters:
                self._wake(waiter)
