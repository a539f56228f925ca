"""Brings a database to this release's schema; run by `paybycall migrate` before the processes start.

Two that run at once wait for each other on PostgreSQL (advisory lock) and SQLite (write lock).
"""

from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 7_291_001


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    return config


def migrate(engine: sa.Engine, revision: str = "head") -> None:
    """Runs what is missing, in one transaction."""
    config = _alembic()
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("SET LOCAL lock_timeout = 0"))  # the other migration may take long
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def can_serve(connection: sa.Connection) -> bool:
    """Whether this release can work on the database: it stands at this release's schema or at a later one,
    which this release does not know. In a deploy the database is migrated before the processes are replaced.
    """
    stands_at = MigrationContext.configure(connection).get_current_revision()
    return stands_at is not None and stands_at not in _outdated()


@cache
def _outdated() -> frozenset[str]:
    """This release's own revisions but the last."""
    scripts = ScriptDirectory.from_config(_alembic())
    return frozenset(one.revision for one in scripts.walk_revisions()) - set(scripts.get_heads())
