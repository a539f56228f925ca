"""The database engine, set for money: SQLite that survives power loss, PostgreSQL pools that fit the threads.

May import nothing of ours. On SQLite every write transaction begins IMMEDIATE, so that two writers queue
instead of failing half-way; a read transaction is marked by `reading`. Errors never show the values of a
statement: they may be anybody's data. `Instant` keeps moments in UTC on both databases.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeDecorator

_READ_ONLY = "paybycall_reading"
BUSY_TIMEOUT_MS = 10_000
CONNECT_S_MAX = 3
LOCK_MS_MAX = 8_000
POOL_S_MAX = 8
"""A carrier gives a webhook 15 s: none may wait longer for a database host or for another's lock."""


class Instant(TypeDecorator[datetime]):
    """An aware moment in UTC; a naive one is a bug and is refused."""

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
    """An engine for `sqlite:///path` or `postgresql+psycopg://...`; `postgres://` and `postgresql://` are
    taken too.
    """
    parsed = sa.make_url(url)
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite":
        engine = sa.create_engine(
            parsed,
            connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
            hide_parameters=True,
        )
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine
    patience = {"connect_timeout": CONNECT_S_MAX, "options": f"-c lock_timeout={LOCK_MS_MAX}"}
    return sa.create_engine(
        parsed,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_S_MAX,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args=patience,
    )


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
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


def _begin_sqlite(connection: sa.Connection) -> None:
    connection.exec_driver_sql(begin_of(connection))


def begin_of(connection: sa.Connection) -> str:
    """How a transaction of this connection begins on SQLite."""
    reading = connection.get_execution_options().get(_READ_ONLY, False)
    return "BEGIN" if reading else "BEGIN IMMEDIATE"


def insert_of(tx: sa.Connection) -> Callable[[sa.Table], postgresql.Insert | sqlite.Insert]:
    """The `insert` of this connection's database, which knows ON CONFLICT."""
    return postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection for reads alone: it never waits for a writer."""
    with engine.connect() as connection:
        yield connection.execution_options(**{_READ_ONLY: True})
