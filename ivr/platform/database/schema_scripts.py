"""A folder of Alembic scripts: brings a database to this release's schema, and tells whether it stands there.

Web and the PCI process have a folder each. Two upgrades that run at once wait for each other, on PostgreSQL
by an advisory lock, on SQLite by its write lock.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from ivr.platform.database.availability import AWAY
from ivr.platform.database.engine import hold_locks, reading

OUTDATED = "The schema is older than this release: run paybycall migrate."


@dataclass(frozen=True, slots=True)
class SchemaScripts:
    """`lock` is the number of the advisory lock; `version_table` says at which script a database stands."""

    folder: Path
    lock: int
    version_table: str = "alembic_version"

    def upgrade(self, engine: sa.Engine, revision: str = "head") -> None:
        """Runs what is missing, in one transaction."""
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(self.folder).replace("%", "%%"))
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.text("SET LOCAL lock_timeout = 0"))  # the other upgrade may take long
            hold_locks(connection, [self.lock])
            config.attributes["connection"] = connection
            command.upgrade(config, revision)

    def can_serve(self, connection: sa.Connection) -> bool:
        """Whether this release can work on the database: it stands at this release's schema or at a later
        one, which this release does not know. In a deploy the database is migrated before the processes are
        replaced.
        """
        if not sa.inspect(connection).has_table(self.version_table):
            return False
        versions = sa.table(self.version_table, sa.column("version_num"))
        found = set(connection.execute(sa.select(versions.c.version_num)).scalars())
        return bool(found) and not found & _outdated(self.folder)

    def fault(
        self, engine: sa.Engine, *, away: str = AWAY, report: Callable[[Exception], None] = lambda _: None
    ) -> str | None:
        """Why this release cannot work on the database, as a sentence; None if it can. `away`: the sentence
        for a database that does not answer; `report` gets the error behind it.
        """
        try:
            with reading(engine) as connection:
                return None if self.can_serve(connection) else OUTDATED
        except sa.exc.SQLAlchemyError as error:
            report(error)
            return away


@cache
def _outdated(folder: Path) -> frozenset[str]:
    """This release's own revisions but the last, by the numbers of the files: each process asks this when it
    starts, and loading Alembic takes an eighth of a start.
    """
    revisions = sorted(path.name.partition("_")[0] for path in (folder / "versions").glob("[0-9]*.py"))
    return frozenset(revisions[:-1])
