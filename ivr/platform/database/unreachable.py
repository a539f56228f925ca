"""Says why a database cannot be used: one sentence for the operator that names the setting and what to do.

It shows neither the password nor the driver's own text of several lines.
"""

import os
import re
import sqlite3
from pathlib import Path

import sqlalchemy as sa

from ivr.platform.database.url import sqlite_file

_SERVER = "The database server at {place}"
_BY_STATE = {
    "42501": "The user in {setting} has no right to do this in its database: make it the owner of the "
    "database.",
    "25006": "The database in {setting} is read-only: let {setting} name the primary server.",
    "53100": "The disk of the database in {setting} is full: make room on it.",
    "53300": f"{_SERVER} has no connection left: raise its max_connections, or start fewer processes.",
    "55P03": "The database in {setting} is locked by another process: try again when that has finished.",
    "57P03": f"{_SERVER} is starting up or shutting down: try again in a moment.",
}
"""By SQLSTATE, where the server gives one: PostgreSQL, appendix A."""
_BY_TEXT = (
    (
        r"password authentication failed|no password supplied",
        "{server} refuses the user or the password in {setting}: correct them.",
    ),
    (r'role ".*" does not exist', "{server} has no user {user!r}: create it, or correct {setting}."),
    (r'database ".*" does not exist', "{server} has no database {name!r}: create it, or correct {setting}."),
    (
        r"pg_hba\.conf|not permitted to log in",
        "{server} does not let the user and machine of {setting} in: add them to its pg_hba.conf.",
    ),
    (r"resolve host|translate host", "The host of {setting} is not found in DNS ({place}): correct it."),
    (
        r"Connection refused|No such file or directory",
        "No database server listens at {place}: start it, or correct host and port in {setting}.",
    ),
    (
        r"timeout expired|timed out|No route|unreachable",
        "{server} does not answer: correct host and port in {setting}, or let the firewall pass it.",
    ),
    (r"too many|connection slots", _BY_STATE["53300"]),
    (r"is starting up|is shutting down|recovery", _BY_STATE["57P03"]),
    (
        r"does not support SSL",
        "{server} has no TLS, which {setting} asks for (sslmode): switch TLS on there.",
    ),
    (
        r"certificate|SSL error|root\.crt",
        "The TLS certificate of {place} cannot be verified: see sslmode and sslrootcert in {setting}.",
    ),
    (
        r"invalid response|closed the connection unexpectedly|expected authentication|Connection reset",
        "What listens at {place} is not a PostgreSQL server, or it broke the connection: correct {setting}.",
    ),
    (
        r"invalid connection option|invalid \w+ value",
        "{setting} has an option after the ? that the driver does not take: correct it.",
    ),
)
"""libpq's texts when it has no connection, and so no SQLSTATE. In another language the last sentence of
`_of_postgresql` is used.
"""


def sentence(setting: str, url: str, fault: BaseException) -> str | None:
    """The sentence, or None if the fault is a bug that an operator cannot mend.

    `setting` is DATABASE_URL or PCI_DATABASE_URL, `url` its value, `fault` what SQLAlchemy raised.
    """
    parsed = sa.make_url(url)
    if isinstance(fault, UnicodeEncodeError) and fault.encoding == "utf-8":
        return None  # it is about a value of a query, not about the host
    if isinstance(fault, UnicodeError):  # a host such as a..b, which no resolver takes
        return f"The host of {setting} is not a host name: correct it."
    if not isinstance(fault, sa.exc.DBAPIError):
        return None
    if parsed.drivername == "sqlite":
        return sqlite_sentence(setting, sqlite_file(parsed), fault.orig)
    state = getattr(fault.orig, "sqlstate", None)
    is_ours = isinstance(fault, sa.exc.OperationalError) or state in _BY_STATE
    if not is_ours and (state is not None or not isinstance(fault, sa.exc.ProgrammingError)):
        return None
    return _of_postgresql(setting, parsed, str(fault.orig), state)


def _of_postgresql(setting: str, url: sa.URL, told: str, state: str | None) -> str:
    host, port = url.host or url.query.get("host") or "this machine", url.port or url.query.get("port", 5432)
    place = f"{host}, port {port}"
    names = {"setting": setting, "place": place, "user": url.username, "name": url.database}
    names["server"] = _SERVER.format(place=place)
    template = _BY_STATE.get(state or "") or next(
        (said for pattern, said in _BY_TEXT if re.search(pattern, told, re.IGNORECASE)), None
    )
    if template is not None:
        return template.format(**names)
    last = told.strip().splitlines()[-1].strip() if told.strip() else "no reason given"
    return f"{names['server']} cannot be used ({last}): correct {setting}, or see the server's log."


def file_fault(setting: str, path: Path) -> str | None:
    """What is wrong with the place of an SQLite file, before it is opened."""
    folder = path.absolute().parent
    if path.is_dir():
        return f"{setting} names {path}, which is a directory: name a file in it."
    if not folder.is_dir():
        return f"The folder {folder} does not exist: create it, or correct {setting}."
    if not os.access(folder, os.W_OK | os.X_OK) or (path.exists() and not os.access(path, os.R_OK | os.W_OK)):
        return (
            f"This user may not write to {path} or its folder: give the folder and the file to the user "
            f"that runs this process, or correct {setting}."
        )
    return None


def sqlite_sentence(setting: str, path: Path, fault: BaseException | None) -> str | None:
    """The sentence for an error of the sqlite3 library, or None if that is a bug."""
    code = getattr(fault, "sqlite_errorcode", sqlite3.SQLITE_BUSY if "is locked" in str(fault) else 0) & 0xFF
    if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN} and (said := file_fault(setting, path)):
        return said
    return {
        sqlite3.SQLITE_NOTADB: f"{path} is not an SQLite database: correct {setting}.",
        sqlite3.SQLITE_CORRUPT: f"{path} is damaged: restore it from a backup.",
        sqlite3.SQLITE_FULL: f"The disk of {path} is full: make room on it.",
        sqlite3.SQLITE_BUSY: f"{path} is locked by another process: try again when that has finished.",
        sqlite3.SQLITE_IOERR: f"{path} cannot be read or written (disk I/O error): see the disk.",
        sqlite3.SQLITE_READONLY: f"{path} is read-only for this user: correct its permissions, or {setting}.",
        sqlite3.SQLITE_CANTOPEN: f"{path} cannot be opened: correct its permissions, or {setting}.",
    }.get(code)
