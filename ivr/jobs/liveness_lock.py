"""A lock that each worker holds as long as its process runs: by it others know whether it lives.

On SQLite, where all workers share a machine, it is a flock on a file beside the database; on PostgreSQL a
session's advisory lock on a connection of its own. A worker that is merely slow, or stopped, keeps it. One
that loses it is taken for dead by the others and must stop at once: `is_ours` tells.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from ivr.platform.database.engine import make_engine, reading

_JUST_MADE = timedelta(seconds=5)
"""A lock file that is younger counts as held, so that looking takes no lock from a worker that starts."""
LOCK_APPLICATION = "paybycall-worker-lock"
"""How the lock's connection is named in pg_stat_activity."""

# A machine that loses power says no goodbye: PostgreSQL asks after 10 s of silence and frees the lock after
# 25 s. The worker's own side must notice a dead line earlier, so that it has stopped when others begin.
_SERVER_SIDE = {"tcp_keepalives_idle": 10, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 3}
_WORKER_SIDE = {
    "keepalives": "1",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}


class LockTakenError(Exception):
    """Another living worker has this name."""


class LivenessLock(Protocol):
    """This worker's own lock, and a look at those of others."""

    def is_ours(self) -> bool:
        """Whether this worker still holds its own; once false, for ever false."""
        ...

    def try_lock_of(self, worker: str) -> AbstractContextManager[bool]:
        """Tries another worker's lock, for a moment; gives whether it was free: that worker is dead."""
        ...

    def release(self) -> None: ...


def hold(engine: sa.Engine, worker: str) -> LivenessLock:
    """Takes the lock named `worker`; raises LockTakenError where a living process has it."""
    if engine.dialect.name == "sqlite":
        if not engine.url.database or engine.url.database == ":memory:":
            raise ValueError("background work needs a database file, not a database in memory")
        return FileLock(Path(f"{engine.url.database}.workers"), worker)
    return PostgresLock(engine, worker)


class FileLock:
    """A flock on `<folder>/<worker>`; the kernel frees it when the process ends, however it ends."""

    def __init__(self, folder: Path, worker: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._path = folder / worker
        descriptor = _flock(self._path)
        if descriptor is None:
            raise LockTakenError(f"a worker named {worker} is running already")
        self._descriptor: int | None = descriptor
        self._lost = False
        self._remove_files_of_ended_workers()

    def is_ours(self) -> bool:
        # The lock itself cannot be lost, but its file can be taken away, and then anybody may lock a new one.
        if self._descriptor is None or not _is_at(self._path, self._descriptor):
            self._lost = True
        return not self._lost

    @contextmanager
    def try_lock_of(self, worker: str) -> Iterator[bool]:
        path = self._folder / worker
        descriptor = _flock(path)
        if descriptor is None:
            yield False
            return
        try:
            yield True
            path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)

    def release(self) -> None:
        if self._descriptor is not None:
            if self.is_ours():
                self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    def _remove_files_of_ended_workers(self) -> None:
        """Removes the files of workers that are gone; what they left undone stands in the database."""
        for path in self._folder.iterdir():
            if path != self._path and (descriptor := _flock(path)) is not None:
                path.unlink(missing_ok=True)
                os.close(descriptor)


class PostgresLock:
    """An advisory lock of a session that does nothing else; PostgreSQL frees it when the session ends."""

    def __init__(self, engine: sa.Engine, worker: str) -> None:
        url = engine.url.update_query_dict({**_WORKER_SIDE, "application_name": LOCK_APPLICATION})
        self._engine = make_engine(url.render_as_string(hide_password=False), pool_size=1)
        self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        for name, seconds in _SERVER_SIDE.items():
            self._connection.exec_driver_sql(f"SET {name} = {seconds}")
        self._lost = False
        self._session = self._ask(sa.func.pg_backend_pid())
        if not self._ask(sa.func.pg_try_advisory_lock(_number(worker))):
            self.release()
            raise LockTakenError(f"a worker named {worker} is running already")

    def is_ours(self) -> bool:
        if not self._lost:
            try:
                # Another session under the same connection (a pooler's doing) does not hold our lock.
                self._lost = self._ask(sa.func.pg_backend_pid()) != self._session
            except sa.exc.DBAPIError:
                self._lost = True
        return not self._lost

    @contextmanager
    def try_lock_of(self, worker: str) -> Iterator[bool]:
        if not self.is_ours() or not self._ask(sa.func.pg_try_advisory_lock(_number(worker))):
            yield False
            return
        try:
            yield True
        finally:
            self._ask(sa.func.pg_advisory_unlock(_number(worker)))

    def release(self) -> None:
        self._lost = True
        with suppress(sa.exc.DBAPIError):  # the connection may be what was lost
            self._connection.invalidate()
        self._connection.close()
        self._engine.dispose()

    def _ask(self, question: sa.ColumnElement[int] | sa.ColumnElement[bool]) -> int | bool | None:
        return self._connection.scalar(sa.select(question))


def _number(worker: str) -> int:
    digest = hashlib.sha256(f"paybycall worker {worker}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _flock(path: Path) -> int | None:
    """An open descriptor that holds the lock of the file at `path`; None where a living process has it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if _is_at(path, descriptor):
            return descriptor
        os.close(descriptor)  # removed between opening and locking: lock the file that stands there now


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        there, here = path.stat(), os.fstat(descriptor)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


def living_workers(engine: sa.Engine, now: datetime) -> int:
    """How many workers hold their lock now; on SQLite only those of this machine are seen."""
    if engine.dialect.name == "sqlite":
        folder = Path(f"{engine.url.database}.workers")
        return sum(_is_held(path, now) for path in folder.iterdir()) if folder.is_dir() else 0
    sessions = sa.table("pg_stat_activity", sa.column("application_name"), sa.column("datname"))
    held = sa.select(sa.func.count()).where(
        sessions.c.application_name == LOCK_APPLICATION, sessions.c.datname == sa.func.current_database()
    )
    with reading(engine) as tx:
        return int(tx.execute(held.select_from(sessions)).scalar_one())


def _is_held(path: Path, now: datetime) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        age = now - datetime.fromtimestamp(os.fstat(descriptor).st_mtime, UTC)
        if abs(age) < _JUST_MADE:  # a time in the future means that the clock was set back
            return True
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
