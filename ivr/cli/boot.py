"""Checks the databases before a process starts or a command works: each answers, has this release's schema,
and is not the other one.

A fault found here is one sentence and status 2. Found later, it would be a traceback and a loop of restarts.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from ivr.cli import Fault
from ivr.platform.database.engine import make_engine, reading
from ivr.platform.database.unreachable import file_fault, sentence
from ivr.platform.database.url import database_url, is_same_database, sqlite_file
from ivr.platform.settings.reading import SettingsError


@dataclass(frozen=True, slots=True)
class ProcessDatabase:
    """One of the two databases: that of web and worker, or that of the PCI process."""

    setting: str
    other: str
    """The setting of the other database."""
    others_table: str
    """A table that only the other database has."""


WEB_DATABASE = ProcessDatabase("DATABASE_URL", "PCI_DATABASE_URL", "pci_schema_version")
PCI_DATABASE = ProcessDatabase("PCI_DATABASE_URL", "DATABASE_URL", "attempt_move")


def refuse_one_for_both(environ: Mapping[str, str]) -> None:
    """Raises SettingsError if both settings are in this environment and mean the same database."""
    urls = [environ.get(database.setting, "").strip() for database in (WEB_DATABASE, PCI_DATABASE)]
    try:
        same = all(urls) and is_same_database(*map(database_url, urls))
    except ValueError:
        return  # the fault is told when the setting is read
    if same:
        raise SettingsError(
            "DATABASE_URL and PCI_DATABASE_URL name the same database; each must have its own, so that "
            "sealed cards stay out of the web process's database and its backups."
        )


def require(database: ProcessDatabase, url: str, can_serve: Callable[[sa.Connection], bool]) -> None:
    """Raises Fault if the database does not answer, is the other one, or is older than this release."""
    with opened(database, url, is_made=False) as engine, reading(engine) as tx:
        if not can_serve(tx):
            raise Fault(
                f"The database in {database.setting} does not have this release's schema: run "
                "`paybycall migrate` first."
            )


@contextmanager
def opened(database: ProcessDatabase, url: str, *, is_made: bool = True) -> Iterator[sa.Engine]:
    """An engine of this database. Raises Fault, with a sentence for the operator, if it does not answer, is
    the other one, or fails within the block. `is_made`: an SQLite file that does not exist is created.
    """
    parsed = sa.make_url(url)
    if parsed.drivername == "sqlite":
        path = sqlite_file(parsed)
        if said := file_fault(database.setting, path):
            raise Fault(said)
        if not is_made and not path.exists():
            raise Fault(
                f"There is no database at {path}: run `paybycall migrate` first, or correct "
                f"{database.setting}."
            )
    engine = make_engine(url, pool_size=2)
    try:
        with reading(engine) as tx:
            if sa.inspect(tx).has_table(database.others_table):
                raise Fault(
                    f"The database in {database.setting} has the tables of {database.other}; each must "
                    f"have a database of its own: correct {database.setting}."
                )
        yield engine
    except (sa.exc.DBAPIError, UnicodeError) as fault:
        said = sentence(database.setting, url, fault)
        if said is None:
            raise
        raise Fault(said) from None
    finally:
        engine.dispose()
