"""The database engine: SQLite that survives a power loss, PostgreSQL pools that fit the threads.

On SQLite every write transaction begins IMMEDIATE, so that two writers queue and neither fails half-way;
`reading` marks a transaction that only reads. Errors never show the values of a statement, which may be
personal data. `Instant` keeps moments in UTC on both databases.
"""

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeDecorator

from ivr.platform.database.sqlite import teach_subsec

_READ_ONLY = "paybycall_reading"
BUSY_TIMEOUT_MS = 10_000
_BEGIN_WRITING = "BEGIN IMMEDIATE"
_WRITERS = "paybycall_writers"
_ASK_S = 0.002
CONNECT_S_MAX = 3
LOCK_MS_MAX = 8_000
POOL_S_MAX = 8
"""The carrier waits 15 s for a webhook's answer, so no request may wait longer for the database or a lock."""
_DEAD_HOST = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""A host that loses power closes no connection. Without these values libpq would wait for it for a quarter of
an hour, and so would every thread. Source: PostgreSQL, "Parameter Key Words"; the last is in milliseconds.
"""


class Instant(TypeDecorator[datetime]):
    """A moment in UTC, with its time zone. One without a time zone is a bug and raises ValueError."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def make_engine(url: str, *, pool_size: int = 8) -> sa.Engine:
    """An engine for `sqlite:///path`, `postgresql://...`, `postgres://...` or `postgresql+psycopg://...`."""
    parsed = sa.make_url(url)
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite":
        engine = sa.create_engine(
            parsed,
            connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
            poolclass=sa.QueuePool,
            max_overflow=-1,  # a thread waits for the lock, never for a connection
            hide_parameters=True,
        )
        sa.event.listen(engine, "connect", _preparing_sqlite(Writers()))
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine
    theirs = parsed.query.get("options", ())
    options = " ".join([*([theirs] if isinstance(theirs, str) else theirs), f"-c lock_timeout={LOCK_MS_MAX}"])
    dead_host = {name: value for name, value in _DEAD_HOST.items() if name not in parsed.query}
    connect_args = {**dead_host, "connect_timeout": CONNECT_S_MAX, "options": options}
    return sa.create_engine(
        parsed,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_S_MAX,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args=connect_args,
    )


class Writers:
    """The queue of this process's threads that want to write on SQLite: first come, first served.

    SQLite gives its lock to the first that asks when it is free, and a thread that waits asks less and less
    often: of 50 callers some waited 10 s while others wrote a hundred times. Here only the first thread of
    the queue asks, every few milliseconds; so processes have equal chances.
    """

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep
        self._queue: deque[threading.Event] = deque()
        self._guard = threading.Lock()

    def begin(self, connection: sqlite3.Connection, timeout_ms: int = BUSY_TIMEOUT_MS) -> bool:
        """Begins a transaction that writes; False if the lock was not free within `timeout_ms`."""
        until = time.monotonic() + timeout_ms / 1000
        mine = threading.Event()
        with self._guard:
            self._queue.append(mine)
            if self._queue[0] is mine:
                mine.set()
        try:
            return mine.wait(timeout_ms / 1000) and self._ask(connection, until)
        finally:
            with self._guard:
                self._queue.remove(mine)
                if self._queue:
                    self._queue[0].set()

    def _ask(self, connection: sqlite3.Connection, until: float) -> bool:
        connection.execute("PRAGMA busy_timeout=0")
        try:
            while not _is_begun(connection):
                if time.monotonic() >= until:
                    return False
                self._sleep(_ASK_S)
        finally:
            connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        return True


def _is_begun(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute(_BEGIN_WRITING)
    except sqlite3.OperationalError as fault:
        if fault.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


def _preparing_sqlite(writers: Writers) -> Callable[[Any, Any], None]:
    def prepare(connection: Any, record: Any) -> None:
        record.info[_WRITERS] = writers
        connection.isolation_level = None  # we say BEGIN ourselves
        teach_subsec(connection)
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "foreign_keys=ON",
            "secure_delete=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return prepare


def _begin_sqlite(connection: sa.Connection) -> None:
    begin = begin_of(connection)
    if begin != _BEGIN_WRITING:
        connection.exec_driver_sql(begin)
        return
    try:
        begun = connection.info[_WRITERS].begin(connection.connection.dbapi_connection)
    except sqlite3.Error as fault:  # as SQLAlchemy raises it everywhere else
        raise sa.exc.DBAPIError.instance(begin, None, fault, sqlite3.Error, hide_parameters=True) from fault
    if not begun:
        raise sa.exc.OperationalError(begin, None, sqlite3.OperationalError("database is locked"))


def begin_of(connection: sa.Connection) -> str:
    """The statement by which a transaction of this connection begins on SQLite."""
    reading = connection.get_execution_options().get(_READ_ONLY, False)
    return "BEGIN" if reading else _BEGIN_WRITING


def insert_of(tx: sa.Connection) -> Callable[[sa.Table], postgresql.Insert | sqlite.Insert]:
    """The `insert` for this connection's kind of database, which has ON CONFLICT."""
    return postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert


def hold_locks(tx: sa.Connection, numbers: Iterable[int]) -> None:
    """Waits for each of these advisory locks, held until the transaction ends. Whoever takes several always
    takes them in the same order. SQLite has one writer, and needs none.
    """
    if tx.dialect.name != "postgresql":
        return
    for number in numbers:
        tx.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))


def lock_number_of(digest: bytes) -> int:
    """The lock's number of a digest: its first eight bytes."""
    return int.from_bytes(digest[:8], "big", signed=True)


def count_by(tx: sa.Connection, column: sa.Column[str]) -> list[tuple[str, int]]:
    """The values that there are, in their order, and how many rows have each."""
    rows = tx.execute(sa.select(column, sa.func.count()).group_by(column).order_by(column))
    return [(value, count) for value, count in rows]


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection that only reads, and so never waits for a writer."""
    with engine.connect() as connection:
        yield connection.execution_options(**{_READ_ONLY: True})
