"""Who writes next on SQLite: first come, first served; within a process it is held, not left to chance."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ivr.platform.database.engine import Writers, make_engine, reading
from tests.support.waiting import eventually


@pytest.fixture(name="engine")
def _engine(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = make_engine(f"sqlite:///{tmp_path}/one.db")
    with engine.begin() as tx:
        tx.exec_driver_sql("CREATE TABLE written (by INTEGER)")
    yield engine
    engine.dispose()


def row_of(engine: sa.Engine) -> list[threading.Event]:
    with reading(engine) as connection:
        writers: Writers = connection.info["paybycall_writers"]
        return list(writers._queue)


def test_writers_of_a_process_come_in_turn(engine: sa.Engine) -> None:
    """Whoever asks first writes first, and readers wait for none of them."""

    def write(number: int) -> None:
        with engine.begin() as tx:
            tx.exec_driver_sql("INSERT INTO written VALUES (?)", (number,))

    with engine.begin() as holder:
        threads = []
        for number in range(20):
            threads.append(threading.Thread(target=write, args=(number,), daemon=True))
            threads[-1].start()
            eventually(lambda n=number: len(row_of(engine)) == n + 1, timeout_s=20, what="a place in the row")
        holder.exec_driver_sql("INSERT INTO written VALUES (-1)")
    for thread in threads:
        thread.join()
    with reading(engine) as connection:
        assert list(connection.exec_driver_sql("SELECT by FROM written").scalars()) == [-1, *range(20)]
    assert row_of(engine) == []


def test_whoever_waits_in_vain_is_told_and_nobody_waits_behind_them(engine: sa.Engine) -> None:
    writers = Writers()
    connections = [sqlite3.connect(str(engine.url.database), isolation_level=None) for _ in range(2)]
    with engine.begin():
        assert not writers.begin(connections[0], timeout_ms=20)
    assert writers.begin(connections[1], timeout_ms=20)
    assert connections[1].execute("PRAGMA busy_timeout").fetchone() == (10_000,)
    for connection in connections:
        connection.close()


def test_a_fault_that_is_no_lock_is_not_waited_for(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "one.db", isolation_level=None)
    connection.execute("BEGIN")
    with pytest.raises(sqlite3.OperationalError, match="within a transaction"):
        Writers().begin(connection)
    connection.close()


def test_a_read_only_database_is_reported_like_other_faults(engine: sa.Engine) -> None:
    """Readiness, commands and the worker know it by SQLAlchemy's kind."""
    with reading(engine) as connection:
        beside: sqlite3.Connection = connection.connection.dbapi_connection  # type: ignore[assignment]
        beside.set_authorizer(
            lambda what, *_: (sqlite3.SQLITE_OK, sqlite3.SQLITE_DENY)[what == sqlite3.SQLITE_TRANSACTION]
        )
    with pytest.raises(sa.exc.DatabaseError, match="not authorized"), engine.begin():
        pass
