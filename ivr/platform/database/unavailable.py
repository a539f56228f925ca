"""Tells the errors of a database that is away or takes no writes: the same request may work later."""

import sqlite3

import sqlalchemy as sa

RETRY_AFTER_S = 5
"""The `Retry-After` header of the answer to such a request."""
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
