"""What must be true of the databases before a process starts or a command works: each answers, has this
release's schema, and is not the other one.

A fault found here is one sentence and status 2. Found later, it would be a traceback and a loop of restarts.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from ivr.cli.faults import Fault
from ivr.platform.database.engine import make_engine, reading
from ivr.platform.database.unreachable import file_fault, sentence
from ivr.platform.database.url import database_url, is_same_database, sqlite_file
from ivr.platform.settings.reading import SettingsError


@dataclass(frozen=True, slots=True)
class Kept:
    """One of the two databases."""

    setting: str
    other: str
    """The other one's setting."""
    others_table: str
    """A table that only the other one has."""


OF_WEB = Kept("DATABASE_URL", "PCI_DATABASE_URL", "pci_schema_version")
OF_PCI = Kept("PCI_DATABASE_URL", "DATABASE_URL", "attempt_move")


def refuse_one_for_both(environ: Mapping[str, str]) -> None:
    """Raises SettingsError where both settings are in this environment and mean one database."""
    urls = [environ.get(kept.setting, "").strip() for kept in (OF_WEB, OF_PCI)]
    try:
        same = all(urls) and is_same_database(*map(database_url, urls))
    except ValueError:
        return  # told where the setting is read
    if same:
        raise SettingsError(
            "DATABASE_URL and PCI_DATABASE_URL name the same database; each must have its own, so that "
            "sealed "
            "cards stay out of the web process's database and its backups."
        )


def require(kept: Kept, url: str, can_serve: Callable[[sa.Connection], bool]) -> None:
    """Raises Fault where the database does not answer, is the other one, or is older than this release."""
    with opened(kept, url, is_made=False) as engine, reading(engine) as tx:
        if not can_serve(tx):
            raise Fault(
                f"The database in {kept.setting} does not have this release's schema: run `paybycall "
                f"migrate` first."
            )


@contextmanager
def opened(kept: Kept, url: str, *, is_made: bool = True) -> Iterator[sa.Engine]:
    """The database, which answers and is not the other one; what goes wrong with it within the block is told
    as a sentence too. `is_made`: an SQLite file that is missing is made.
    """
    parsed = sa.make_url(url)
    if parsed.drivername == "sqlite":
        path = sqlite_file(parsed)
        if said := file_fault(kept.setting, path):
            raise Fault(said)
        if not is_made and not path.exists():
            raise Fault(
                f"There is no database at {path}: run `paybycall migrate` first, or correct {kept.setting}."
            )
    engine = make_engine(url, pool_size=2)
    try:
        with reading(engine) as tx:
            if sa.inspect(tx).has_table(kept.others_table):
                raise Fault(
                    f"The database in {kept.setting} has the tables of {kept.other}; each must have a "
                    f"database "
                    f"of its own: correct {kept.setting}."
                )
        yield engine
    except (sa.exc.DBAPIError, UnicodeError) as fault:
        said = sentence(kept.setting, url, fault)
        if said is None:
            raise
        raise Fault(said) from None
    finally:
        engine.dispose()
