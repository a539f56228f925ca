"""Whether the database and the folders of a process can be used now: told from an error, or tried.

A database on a full disk still answers reads. On SQLite the probe writes a file beside the database and asks
for the write lock. On PostgreSQL it asks whether the session may write, and has the server spill about 400 kB
to a temporary file on the database's disk. Neither touches a table, an index or the write-ahead log.
"""

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from ivr.platform.database.engine import reading

AWAY = "The database does not answer."
READ_ONLY = "The database is read-only."
RETRY_AFTER_S = 5
"""The `Retry-After` header of the answer to such a request."""
ROOM_BYTES = 256 * 1024
_SPILL = "SELECT count(*) FROM generate_series(1, 25000)"
_AWAY_ON_SQLITE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)
_READ_ONLY_TRANSACTION = "25006"


def is_away(error: BaseException) -> bool:
    """Whether there is no connection, none is free, a lock was not released, the disk is full, or the server
    is read-only.
    """
    if isinstance(error, sa.exc.TimeoutError | sa.exc.InterfaceError):
        return True
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    if isinstance(error.orig, sqlite3.Error):
        code = getattr(
            error.orig, "sqlite_errorcode", sqlite3.SQLITE_BUSY
        )  # the one that `engine` raises has none
        return code & 0xFF in _AWAY_ON_SQLITE
    is_read_only = getattr(error.orig, "sqlstate", None) == _READ_ONLY_TRANSACTION
    return isinstance(error, sa.exc.OperationalError) or error.connection_invalidated or is_read_only


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


def folder_fault(folder: Path | str, named: str) -> str | None:
    """Why nothing can be written in this folder, as a sentence without its path: strangers may read it. None
    where it can be. Room is taken on the disk for a moment, in a file without a name.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, ROOM_BYTES)
    except OSError as fault:
        return f"{named} cannot be written to: {fault.strerror}."
    return None


def temporary_fault() -> str | None:
    """The same of the folder for temporary files."""
    try:
        return folder_fault(tempfile.gettempdir(), "TMPDIR")
    except FileNotFoundError:
        return "There is no folder for temporary files: set TMPDIR."
