"""Databases as text: written when a release has landed, loaded by the tests of every later one.

A dump is SQLite's own SQL, so that the text can be read and compared. `copy_rows` puts the same rows into
another database with the same tables, as the databases themselves describe them.
"""

import json
import os
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from tests.releases.open_calls import OpenCall

DATABASES = ("main", "pci", "bank")
BANK_URL = "http://127.0.0.1:8099"
"""Where the bank of a snapshot listened."""
_LOOPBACK = re.compile(r"http://127\.0\.0\.1:\d+")
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9A-F]{32}\b")


@dataclass(frozen=True)
class Snapshot:
    """All that a release left behind, in one folder."""

    folder: Path

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What stands in no database: the moment, an API key, what the carrier knows."""
        found: dict[str, Any] = json.loads((self.folder / "facts.json").read_text())
        return found

    @property
    def now(self) -> datetime:
        return datetime.fromisoformat(self.facts["now"])

    @cached_property
    def calls(self) -> dict[str, OpenCall]:
        return {call["name"]: OpenCall(**call) for call in self.facts["calls"]}

    @cached_property
    def _sql(self) -> dict[str, str]:
        return {name: (self.folder / f"{name}.sql").read_text() for name in DATABASES}

    def load(self, into: Path) -> None:
        """Makes `main.db`, `pci.db` and `bank.db`, and the keys of the card entries under way."""
        for name in DATABASES:
            with closing(sqlite3.connect(into / f"{name}.db")) as connection:
                connection.executescript(self._sql[name])
                connection.execute("PRAGMA journal_mode=WAL")
        keys = into / "keys"
        keys.mkdir(mode=0o700)
        for name, content in self.facts["keys"].items():
            path = keys / name
            path.parent.mkdir(mode=0o700, exist_ok=True)
            path.write_bytes(bytes.fromhex(content))
            path.chmod(0o600)
            os.utime(path, (self.now.timestamp(), self.now.timestamp()))


def dump(database: Path, into: Path) -> None:
    """The whole database as SQL."""
    with closing(sqlite3.connect(database)) as connection:
        lines = [line for line in connection.iterdump() if "sqlite_sequence" not in line]
        counted = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone()
        if counted:
            rows = connection.execute("SELECT name, seq FROM sqlite_sequence ORDER BY name").fetchall()
            lines[-1:-1] = [
                "DELETE FROM sqlite_sequence;",
                *(f"INSERT INTO sqlite_sequence VALUES('{name}',{seq});" for name, seq in rows),
            ]
    into.write_text(_without_chance("\n".join(lines) + "\n"))


def _without_chance(text: str) -> str:
    """Ports and the ids that dbos draws are always the same ones."""
    drawn: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        return drawn.setdefault(found[0], str(UUID(int=len(drawn) + 1)))

    return _LOOPBACK.sub(BANK_URL, _UUID.sub(named, text))


def keys_in(directory: Path) -> dict[str, str]:
    """The files of a key directory, in hexadecimal."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes().hex() for path in files}


def copy_rows(source: sa.Engine, target: sa.Engine, schemas: Sequence[str | None] = (None,)) -> None:
    """The rows of every table of `source` that stands in one of these schemas of `target`, and is empty."""
    theirs, ours = sa.MetaData(), sa.MetaData()
    theirs.reflect(source)
    for schema in schemas:
        ours.reflect(target, schema=schema)
    named = {table.name: table for table in ours.tables.values()}
    with source.connect() as reading, target.begin() as tx:
        for table in ours.sorted_tables:
            old = theirs.tables.get(table.name)
            if old is None or tx.execute(sa.select(sa.literal(1)).select_from(table)).first():
                continue
            names = [column.name for column in old.columns if column.name in named[table.name].columns]
            rows = reading.execute(sa.select(*(old.c[name] for name in names))).mappings().all()
            if rows:
                tx.execute(table.insert(), [{name: _aware(row[name]) for name in names} for row in rows])
                _count_on(tx, table)


def _count_on(tx: sa.Connection, table: sa.Table) -> None:
    """The next row that PostgreSQL numbers itself comes after those that were copied."""
    counted = table.autoincrement_column
    if tx.dialect.name != "postgresql" or counted is None or not isinstance(counted.type, sa.Integer):
        return
    name = sa.func.pg_get_serial_sequence(table.fullname, counted.name)
    last = sa.select(sa.func.max(counted)).scalar_subquery()
    tx.execute(sa.select(sa.func.setval(name, last)).where(name.is_not(None)))


def _aware(value: Any) -> Any:
    """SQLite keeps moments in UTC and does not say so."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value
