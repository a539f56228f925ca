"""Every SQLite from the oldest on does the background work, whichever Python made the database."""

import sqlite3
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from ivr.jobs.store import migrate_work
from ivr.platform.database import sqlite
from ivr.platform.database.engine import make_engine
from ivr.platform.database.url import database_url

WORK = "CREATE TABLE work (id TEXT PRIMARY KEY, at INTEGER NOT NULL DEFAULT ({}))"
AS_PYTHON_3_11 = "strftime('%s','now') * 1000"
AS_PYTHON_3_12 = "unixepoch('subsec') * 1000"


@pytest.mark.parametrize("version", [(3, 35, 0), (3, 40, 1), sqlite3.sqlite_version_info])
def test_every_later_sqlite_will_do(version: tuple[int, ...]) -> None:
    assert sqlite.version_fault(version) is None


def test_an_older_one_is_refused_where_it_would_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = sqlite.version_fault((3, 34, 1))
    assert fault == (
        "needs SQLite 3.35.0 or later, and Python uses 3.34.1 here: use another Python, or PostgreSQL"
    )
    monkeypatch.setattr("ivr.platform.database.url.version_fault", lambda: fault)
    with pytest.raises(ValueError, match="needs SQLite"):
        database_url("sqlite:///file")
    assert database_url("postgresql://user@host/name")


@pytest.mark.parametrize("default", [AS_PYTHON_3_11, AS_PYTHON_3_12])
def test_a_database_of_another_python_gets_its_times(tmp_path: Path, default: str) -> None:
    """The table is made as dbos does it: without our engine, and so without what it teaches."""
    with sqlite3.connect(tmp_path / "db") as made:
        made.execute(WORK.format(default))
    made.close()
    engine = make_engine(f"sqlite:///{tmp_path}/db")
    before = int(time.time()) * 1000
    with engine.begin() as tx:
        tx.execute(sa.text("INSERT INTO work (id) VALUES ('one')"))
        at = tx.execute(sa.text("SELECT at FROM work")).scalar_one()
        now = tx.execute(sa.select(sa.cast(sa.func.unixepoch("subsec") * 1000, sa.BigInteger))).scalar_one()
    engine.dispose()
    assert before <= at <= time.time() * 1000 + 1
    assert before <= now <= time.time() * 1000 + 1


def test_only_an_older_sqlite_is_taught() -> None:
    connection = sqlite3.connect(":memory:")
    sqlite.teach_subsec(connection, (3, 42, 0))
    if sqlite3.sqlite_version_info >= (3, 38, 0):
        was = connection.execute("SELECT unixepoch('1970-01-01 00:01:00')").fetchone()
        assert was == (60,), "the built-in one is still there"
    sqlite.teach_subsec(connection, (3, 41, 2))
    taught = connection.execute("SELECT unixepoch('subsec')").fetchone()[0]
    assert abs(taught - time.time()) < 5
    with pytest.raises(sqlite3.OperationalError):
        connection.execute("SELECT unixepoch('now')")
    connection.close()


def test_migrations_of_the_work_tables_know_it_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """They run on an engine of dbos's own; some fill a column with unixepoch('subsec')."""
    filled = f"CREATE TABLE filled AS SELECT {AS_PYTHON_3_12} AS at"
    monkeypatch.setattr("dbos._sys_db_sqlite.sqlite_migrations", [filled])
    engine = make_engine(f"sqlite:///{tmp_path}/db")
    migrate_work(engine)
    with engine.connect() as connection:
        assert (
            abs(connection.execute(sa.text("SELECT at FROM filled")).scalar_one() / 1000 - time.time()) < 60
        )
    engine.dispose()
