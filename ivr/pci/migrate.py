"""Brings the PCI process's database to this release's schema; run by `paybycall migrate`, before all starts.

Two that run at once wait for each other: on PostgreSQL by an advisory lock, on SQLite by the write lock.
"""

from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from ivr.platform.database.engine import make_engine

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 7_291_002
VERSION_TABLE = "pci_schema_version"
"""Not alembic's own name: a database that is (wrongly) shared with the web process is not confused."""


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config


def migrate_engine(engine: sa.Engine) -> None:
    """Runs what is missing, in one transaction."""
    config = _alembic()
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("SET LOCAL lock_timeout = 0"))  # the other migration may take long
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def migrate(url: str) -> None:
    """Runs what is missing in the database at `url` (PCI_DATABASE_URL)."""
    engine = make_engine(url)
    try:
        migrate_engine(engine)
    finally:
        engine.dispose()


@cache
def _outdated() -> frozenset[str]:
    """This release's own revisions but the last."""
    scripts = ScriptDirectory.from_config(_alembic())
    return frozenset(one.revision for one in scripts.walk_revisions()) - set(scripts.get_heads())


def can_serve(connection: sa.Connection) -> bool:
    """Whether this release can work on the database: it stands at this release's schema or at a later one,
    which this release does not know. In a deploy the database is migrated before the processes are replaced.
    Every probe asks, so it leaves no log line.
    """
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return False
    versions = sa.table(VERSION_TABLE, sa.column("version_num"))
    found = set(connection.execute(sa.select(versions.c.version_num)).scalars())
    return bool(found) and not found & _outdated()
