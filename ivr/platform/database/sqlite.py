"""What SQLite must be able to do, and what an older one is taught.

Linux distributions keep the SQLite that they were released with for years, and Python uses what is there.
"""

import sqlite3
import time

OLDEST = (3, 35, 0)
"""The first with RETURNING. Source: sqlite.org/lang_returning.html."""
SUBSEC_SINCE = (3, 42, 0)
"""The first whose unixepoch() knows 'subsec'. Source: sqlite.org/lang_datefunc.html."""

Version = tuple[int, ...]


def version_fault(version: Version = sqlite3.sqlite_version_info) -> str | None:
    """The end of a sentence for an operator whose SQLite is too old; None where it is not."""
    if version >= OLDEST:
        return None
    return (
        f"needs SQLite {_written(OLDEST)} or later, and Python uses {_written(version)} here: "
        "use another Python, or PostgreSQL"
    )


def teach_subsec(connection: sqlite3.Connection, version: Version = sqlite3.sqlite_version_info) -> None:
    """Gives this connection unixepoch('subsec') where its SQLite has none, which would be NULL or an error.

    The tables of dbos have it as a column's default when Python 3.12 or later made them, and its queries ask
    for it there. It goes by SQLite's version alone: the database may have been made by another Python.
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
