"""Reads DATABASE_URL and PCI_DATABASE_URL, and says whether the two mean the same database.

No fault repeats a part of a URL that cannot be read: any part may be a piece of the password.
"""

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa

from ivr.platform.database.sqlite import version_fault

_BEGINS = re.compile(r"(sqlite|postgresql|postgresql\+psycopg|postgres)://")
_SCHEME = re.compile(r"([a-z][a-z0-9+]{0,30})://")
_FORM = "sqlite:///file or postgresql://user:password@host/name"
_PORT = 5432
_PORT_MAX = 65_535
_HERE = "this machine"


def database_url(value: str) -> str:
    """The URL, as `make_engine` takes it. Raises ValueError with the end of a sentence ("must ...")."""
    given = value.strip()
    if not _BEGINS.match(given):
        scheme = _SCHEME.match(given)
        found = f", not with {scheme[1]}://" if scheme else ""
        raise ValueError(f"must begin with sqlite:/// or postgresql://{found}")
    if given.startswith("sqlite"):
        return _sqlite(given)
    if given.count("@") > 1:
        raise ValueError("must have @ only once, before the host: write an @ of the password as %40")
    try:
        parsed = sa.make_url(given)
    except (ValueError, sa.exc.ArgumentError):
        raise ValueError(
            f"must be {_FORM}, with a number as port; in user and password write @ as %40 and : as %3A"
        ) from None
    if parsed.port is not None and not 1 <= parsed.port <= _PORT_MAX:
        raise ValueError(f"must have a port from 1 to {_PORT_MAX}")
    if not parsed.database:
        raise ValueError("must name the database after the host: postgresql://user:password@host/name")
    _require_readable(parsed)
    return given


def _require_readable(url: sa.URL) -> None:
    """Refuses now what SQLAlchemy's dialect would refuse only when it connects."""
    try:
        opened = url.set(drivername="postgresql+psycopg")
        opened.get_dialect()().create_connect_args(opened)
    except (ValueError, TypeError, sa.exc.ArgumentError):
        raise ValueError("must have a number where an option after the ? is a port or a time") from None
    _refuse_zero_byte(url)


def _refuse_zero_byte(url: sa.URL) -> None:
    if "\0" in (url.database or ""):
        raise ValueError("must not have a zero byte, %00, in it")


def _sqlite(given: str) -> str:
    path = given.removeprefix("sqlite://")
    if not path.startswith("/") or not path.strip("/") or ":memory:" in path:
        raise ValueError("must name a file: sqlite:///file, or sqlite:////folder/file from the root")
    if fault := version_fault():
        raise ValueError(fault)
    parsed = sa.make_url(given)
    if parsed.query:
        raise ValueError("must end with the file's name, without options after a ?")
    _refuse_zero_byte(parsed)
    return given


def is_same_database(one: str, other: str) -> bool:
    """Whether two URLs, both read by `database_url`, mean the same database in whatever spelling.

    It does not see that two host names are one PostgreSQL server: `ivr.cli.boot` compares the tables.
    """
    first, second = sa.make_url(one), sa.make_url(other)
    if "sqlite" in {first.drivername, second.drivername}:
        return first.drivername == second.drivername and _is_same_file(
            sqlite_file(first), sqlite_file(second)
        )
    return _names(first) == _names(second) and bool(_servers(first) & _servers(second))


def _names(url: sa.URL) -> list[str]:
    """The database's name; `dbname` after the ? wins over the path."""
    return _listed(url.query, "dbname") or [url.database or ""]


def sqlite_file(url: sa.URL) -> Path:
    """The file of an SQLite database."""
    return Path(url.database or "")


def _is_same_file(one: Path, other: Path) -> bool:
    if one.exists() and other.exists():
        return one.samefile(other)
    return one.resolve() == other.resolve()


def _servers(url: sa.URL) -> set[tuple[str, int]]:
    """Host and port of each server that the URL names."""
    hosts = _listed(url.query, "hostaddr") or _listed(url.query, "host") or [url.host or ""]
    ports = [int(port) for port in _listed(url.query, "port") if port.isdigit()] or [url.port or _PORT]
    if len(ports) != len(hosts):
        ports = [ports[0]] * len(hosts)
    return {(_host(host), port) for host, port in zip(hosts, ports, strict=True)}


def _listed(query: Mapping[str, str | tuple[str, ...]], name: str) -> list[str]:
    given = query.get(name, ())
    return [part for one in ([given] if isinstance(given, str) else given) for part in one.split(",") if part]


def _host(host: str) -> str:
    """A host in one spelling; a Unix socket and every loopback address are this machine."""
    name = host.strip("[]").rstrip(".").lower()
    if not name or name.startswith(("/", "@")) or name == "localhost":
        return _HERE
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name
    return _HERE if address.is_loopback else address.compressed
