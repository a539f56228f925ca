"""Time and turns of a simulated world: many tasks, one thread, one clock, and always the same order.

A task is a plain function on a stack of its own: whatever it calls may sleep or wait, and meanwhile another
task goes on. Who is due at the same moment goes on in the order in which they asked. What could go wrong is a
task that waits while it holds a transaction: that is a fault of the server, and is told as one.
"""

import heapq
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from greenlet import getcurrent, greenlet

from tests.support.time_and_ids import ManualClock

STEPS_MAX = 400_000
"""Far more than any world takes: past it, somebody goes round in circles."""


class KilledError(BaseException):
    """The process died here: nothing after this line happened."""


class HeldTransactionError(Exception):
    """Somebody waited, or asked the network, with a transaction open."""


class RestlessError(Exception):
    """The world never comes to rest."""


@dataclass(eq=False)
class Task:
    """Something under way; `process` is whose it is, None: the world's own."""

    name: str
    process: Any
    stack: greenlet = field(repr=False)
    wakes: int = 0
    """Counts the moments it is to go on at: only the last one asked for counts."""
    doomed: bool = False
    open_transactions: int = 0

    @property
    def over(self) -> bool:
        return bool(self.stack.dead)


@dataclass(eq=False)
class Box:
    """Where one task leaves something for which another waits; what comes second is thrown away."""

    filled: bool = False
    content: Any = None
    waiter: Task | None = None


class Scheduler:
    """Runs tasks until nothing is due any more."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.current: Task | None = None
        self._due: list[tuple[float, int, Task, int]] = []
        self._asked = 0
        self._hub = getcurrent()

    # From outside -------------------------------------------------------------------------------------------

    def run(self, until: Callable[[], bool] = lambda: False, until_s: float = float("inf")) -> None:
        """Lets the world go on, until nothing is due before `until_s`, or `until` says so."""
        self._hub = getcurrent()
        while self._due and self._due[0][0] <= until_s and not until():
            at_s, number, task, wake = heapq.heappop(self._due)
            if task.over or wake != task.wakes:
                continue
            if number > STEPS_MAX:
                raise RestlessError(f"{STEPS_MAX} steps, and {task.name} still goes on")
            self.now_s = max(self.now_s, at_s)
            self.current = task
            try:
                task.stack.switch()
            finally:
                self.current = None
        if until_s != float("inf") and not until():
            self.now_s = max(self.now_s, until_s)

    def spawn(
        self, name: str, body: Callable[[], object], *, process: Any = None, delay_s: float = 0.0
    ) -> Task:
        """Begins something, now or later."""

        def run() -> None:
            if task.doomed:
                return
            with suppress(KilledError):
                body()

        task = Task(name, process, greenlet(run, parent=self._hub))
        self._wake(task, delay_s)
        return task

    def plan_kill(self, task: Task) -> None:
        """The task dies where it waits; it does nothing any more."""
        if not task.over and task is not self.current:
            task.doomed = True
            self._wake(task, 0.0)

    # From inside a task -------------------------------------------------------------------------------------

    def sleep(self, duration_s: float) -> None:
        self._wake(self._myself(), duration_s)
        self._rest()

    def wait(self, box: Box, timeout_s: float) -> bool:
        """Whether the box was filled in time."""
        if not box.filled:
            box.waiter = self._myself()
            self._wake(box.waiter, timeout_s)
            self._rest()
            box.waiter = None
        return box.filled

    def fill(self, box: Box, content: object) -> None:
        """Also from a task that is being killed."""
        if not box.filled:
            box.filled, box.content = True, content
            if box.waiter is not None:
                self._wake(box.waiter, 0.0)

    def _myself(self) -> Task:
        assert self.current is not None, "only a task can wait"
        return self.current

    def _wake(self, task: Task, delay_s: float) -> None:
        task.wakes += 1
        self._asked += 1
        heapq.heappush(self._due, (self.now_s + delay_s, self._asked, task, task.wakes))

    def _rest(self) -> None:
        task = self._myself()
        if task.doomed:
            raise KilledError
        if task.open_transactions:
            raise HeldTransactionError(f"{task.name} waits with a transaction open")
        self._hub.switch()
        if task.doomed:
            raise KilledError


class SimulatedClock(ManualClock):
    """The scheduler's time, as everybody in the world reads it. Who sleeps lets the others go on."""

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__()
        self._scheduler = scheduler
        self._read = 0.0, self._now

    def now(self) -> datetime:
        at_s = self._scheduler.now_s
        if at_s != self._read[0]:
            self._read = at_s, self._now + timedelta(seconds=round(at_s, 3))
        return self._read[1]

    def sleep(self, duration_s: float) -> None:
        if duration_s > 0:
            self._scheduler.sleep(duration_s)

    def advance(self, duration_s: float) -> None:
        raise AssertionError("nobody moves this clock by hand")
