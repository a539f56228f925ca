"""The oldest SQLite that works, and a function added to one that lacks it.

Python uses the SQLite of the machine, and a Linux distribution keeps the same one for years.
"""

import sqlite3
import time

OLDEST = (3, 35, 0)
"""The first with RETURNING. Source: sqlite.org/lang_returning.html."""
SUBSEC_SINCE = (3, 42, 0)
"""The first whose unixepoch() knows 'subsec'. Source: sqlite.org/lang_datefunc.html."""

Version = tuple[int, ...]


def version_fault(version: Version = sqlite3.sqlite_version_info) -> str | None:
    """The end of a sentence for an operator whose SQLite is too old; None if it is new enough."""
    if version >= OLDEST:
        return None
    return (
        f"needs SQLite {_written(OLDEST)} or later, and Python uses {_written(version)} here: "
        "use another Python, or PostgreSQL"
    )


def teach_subsec(connection: sqlite3.Connection, version: Version = sqlite3.sqlite_version_info) -> None:
    """Gives this connection unixepoch('subsec') if its SQLite has none, which would give NULL or an error.

    dbos uses it in its queries under Python 3.12 and later, and as the default of columns that it made there.
    Only SQLite's version counts: another Python may have made the database.
    """
    if version < SUBSEC_SINCE:
        connection.create_function("unixepoch", 1, _unixepoch)


def _unixepoch(modifier: str) -> float:
    """Seconds since 1970, to the millisecond."""
    if modifier != "subsec":
        raise ValueError("only unixepoch('subsec') is known here")
    return round(time.time(), 3)


def _written(version: Version) -> str:
    return ".".join(str(part) for part in version)
