"""Tries whether a database takes writes, and leaves nothing in it.

A database on a full disk still answers reads. On SQLite the probe writes a file beside the database and asks
for the write lock. On PostgreSQL it asks whether the session may write, and has the server spill about 400 kB
to a temporary file on the database's disk. Neither touches a table, an index or the write-ahead log.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from ivr.platform.database.engine import reading
from ivr.platform.disk import folder_fault

AWAY = "The database does not answer."
READ_ONLY = "The database is read-only."
_SPILL = "SELECT count(*) FROM generate_series(1, 25000)"


def write_fault(engine: sa.Engine) -> str | None:
    """A sentence that says why the database takes no writes; None if it takes them."""
    return _on_sqlite(engine) if engine.dialect.name == "sqlite" else _on_postgres(engine)


def _on_sqlite(engine: sa.Engine) -> str | None:
    name = engine.url.database
    if not name or name == ":memory:":
        return None
    path = Path(name).absolute()
    if not path.exists():
        return AWAY
    if fault := folder_fault(path.parent, "The database"):
        return fault
    try:
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.Error as refused:
        if (
            refused.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
        ):  # another process is writing at this moment
            return None
        return f"The database cannot be written to: {refused}."
    return None


def _on_postgres(engine: sa.Engine) -> str | None:
    try:
        with reading(engine) as tx:
            if tx.exec_driver_sql("SHOW transaction_read_only").scalar_one() == "on":
                return READ_ONLY
            for setting in ("work_mem = '64kB'", "temp_tablespaces = ''", "statement_timeout = '3s'"):
                tx.exec_driver_sql(f"SET LOCAL {setting}")
            tx.exec_driver_sql(_SPILL)
    except sa.exc.DBAPIError as fault:
        state = getattr(fault.orig, "sqlstate", None)
        if state == "53400":  # temp_file_limit: a rule of the server, not a full disk
            return None
        if state is None:
            return AWAY
        return f"The database cannot be written to: {str(fault.orig).splitlines()[0].rstrip('.')}."
    except sa.exc.SQLAlchemyError:
        return AWAY
    return None
