"""A database of the server, watched: at each begin and each commit, processes die, pause, or are refused.

A transaction itself is never cut in two: what is between its begin and its commit happens at once, as the
database promises. What is asked of the queue in a transaction counts from its commit on, and is forgotten
where it is rolled back.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from ivr.platform.database.engine import _begin_sqlite, begin_of
from tests.simulation.chance import Chance
from tests.simulation.processes import Processes
from tests.simulation.scheduler import KilledError, Scheduler, Task
from tests.simulation.trace import Trace

AFTER_COMMIT = "after_commit"
"""Under this name a connection's `info` keeps what is to be done once it has committed."""


@dataclass
class DatabaseFaults:
    """What the watch needs of the world that is being played."""

    scheduler: Scheduler
    chance: Chance
    processes: Processes
    trace: Trace
    away: bool = False
    """The database refuses everybody for a while."""


@dataclass
class WatchedDatabase:
    """One engine and its watch; `faults` is None where no world plays: then it does nothing."""

    name: str
    engine: sa.Engine
    faults: DatabaseFaults | None = None
    _holders: dict[int, Task] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sa.event.listen(self.engine, "connect", hasten)
        with self.engine.connect():
            """The first connection of an engine is made in a way of its own."""
        sa.event.remove(self.engine, "begin", _begin_sqlite)
        sa.event.listen(self.engine, "begin", self._begin)
        self._commit = self._wrap("do_commit", self._committing)
        self._rollback = self._wrap("do_rollback", self._rolling_back)

    def _wrap(self, name: str, ours: Callable[[Any], None]) -> Callable[[Any], None]:
        dialect: Any = self.engine.dialect
        real: Callable[[Any], None] = getattr(dialect, name)
        setattr(dialect, name, ours)
        return real

    def _task(self) -> Task | None:
        """The task that is running, where it belongs to a process."""
        task = self.faults.scheduler.current if self.faults is not None else None
        return task if task is not None and task.process is not None else None

    def _begin(self, connection: sa.Connection) -> None:
        self._before_begin()
        # As `_begin_sqlite` does, and not by way of a statement of SQLAlchemy's: there are very many.
        connection.connection.dbapi_connection.execute(begin_of(connection))  # type: ignore[union-attr]
        self._begun(connection)

    def _before_begin(self) -> None:
        task = self._task()
        if task is None or self.faults is None:
            return
        if task.doomed or not task.process.alive:
            raise KilledError
        self._strike(self.faults, "before a transaction")
        if self.faults.away:
            raise sa.exc.OperationalError("BEGIN", None, sqlite3.OperationalError("the database is away"))

    def _begun(self, connection: sa.Connection) -> None:
        task = self.faults.scheduler.current if self.faults is not None else None
        if task is not None:
            self._holders[_of(connection.connection)] = task
            task.open_transactions += 1

    def _committing(self, connection: Any) -> None:
        task, faults = self._task(), self.faults
        if task is None or faults is None:
            self._commit(connection)
            self._ended(connection)
            self._follow(connection)
            return
        if task.doomed or not task.process.alive:
            self._rolling_back(connection)
            raise KilledError
        if faults.chance.strikes(faults.chance.rates.kills):
            self._rolling_back(connection)  # as the database does, once the line is gone
            faults.processes.die_here("before a commit")
        if faults.away or faults.chance.strikes(faults.chance.rates.database):
            faults.trace(task.name, f"commit refused by {self.name}")
            raise sqlite3.OperationalError("the database went away")
        self._commit(connection)
        self._ended(connection)
        self._follow(connection)
        if faults.chance.strikes(faults.chance.rates.database / 2):
            faults.trace(task.name, f"commit done by {self.name}, and its answer lost")
            raise sqlite3.OperationalError("the connection broke")
        self._strike(faults, "after a commit")

    def _strike(self, faults: DatabaseFaults, where: str) -> None:
        """Between two transactions: the process dies, or it is slow and others go on."""
        chance = faults.chance
        if chance.strikes(chance.rates.kills):
            faults.processes.die_here(where)
        if chance.strikes(chance.rates.pauses):
            faults.scheduler.sleep(chance.one_of([0.0, 0.001, 0.1, 1.0, 4.0]))

    def _rolling_back(self, connection: Any) -> None:
        connection.info.pop(AFTER_COMMIT, None)
        self._rollback(connection)
        self._ended(connection)

    def _follow(self, connection: Any) -> None:
        for each in connection.info.pop(AFTER_COMMIT, []):
            each()

    def _ended(self, connection: Any) -> None:
        task = self._holders.pop(_of(connection), None)
        if task is not None:
            task.open_transactions -= 1


def _of(connection: Any) -> int:
    return id(connection.dbapi_connection)


def hasten(connection: Any, _record: object) -> None:
    """Nothing here survives the machine anyway."""
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA busy_timeout=0")  # one thread: whoever waited for a lock would wait in vain
