"""The processes of the server as a world has them: each is composed, may die at any moment, and is composed
anew.

A process that dies takes all that it was doing with it; what it had committed stays. Nothing but the
databases, the keys' directory and the gateway outlives it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.chance import Chance
from tests.simulation.scheduler import KilledError, Scheduler, Task
from tests.simulation.trace import Trace


@dataclass(eq=False)
class Process:
    """One life of a process. `inside` is what was composed: an application, or a worker's handlers."""

    name: str
    parts: Any
    alive: bool = True
    tasks: list[Task] = field(default_factory=list)

    @property
    def app(self) -> Any:
        """What takes its requests."""
        return getattr(self.parts, "app", self.parts)


@dataclass(eq=False)
class Slot:
    """A place in which a process lives, dies, and is started again."""

    name: str
    compose: Callable[[], Any]
    process: Process | None = None


class Processes:
    """All processes of one world."""

    def __init__(self, scheduler: Scheduler, chance: Chance, trace: Trace) -> None:
        self._scheduler = scheduler
        self._chance = chance
        self._trace = trace
        self.slots: dict[str, list[Slot]] = {}
        """By kind: web, pci, worker."""

    def add(self, kind: str, compose: Callable[[], Any]) -> None:
        slots = self.slots.setdefault(kind, [])
        slot = Slot(f"{kind}{len(slots) + 1}", compose)
        slots.append(slot)
        self._start(slot)

    def living(self, kind: str) -> list[Process]:
        return [slot.process for slot in self.slots.get(kind, []) if slot.process is not None]

    def one(self, kind: str) -> Process | None:
        """Whoever takes the next request, or job; None: nobody is there."""
        there = self.living(kind)
        return self._chance.one_of(there) if there else None

    def begin(self, process: Process, name: str, body: Callable[[], object]) -> Task:
        """Something that this process does; it ends with it."""
        process.tasks = [task for task in process.tasks if not task.over]
        task = self._scheduler.spawn(f"{process.name} {name}", body, process=process)
        process.tasks.append(task)
        return task

    def kill(self, process: Process, where: str) -> None:
        """Everything of it dies; whoever called this from inside of it raises KilledError next."""
        if not process.alive:
            return
        self._trace(process.name, f"killed {where}")
        process.alive = False
        for task in process.tasks:
            self._scheduler.plan_kill(task)
        slot = next(slot for kind in self.slots.values() for slot in kind if slot.process is process)
        slot.process = None
        after_s = self._chance.one_of([0.5, 3.0, 10.0, 60.0])
        self._scheduler.spawn(f"start {slot.name}", lambda: self._start(slot), delay_s=after_s)

    def die_here(self, where: str) -> None:
        """The process of the running task dies at this very line."""
        task = self._scheduler.current
        assert task is not None
        self.kill(task.process, where)
        raise KilledError

    def heal(self) -> None:
        """Whoever is dead is started now."""
        for slots in self.slots.values():
            for slot in slots:
                self._start(slot)

    def _start(self, slot: Slot) -> None:
        if slot.process is None:
            slot.process = Process(slot.name, None)
            slot.process.parts = slot.compose()
            self._trace(slot.name, "started")
