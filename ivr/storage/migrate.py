"""Brings a database to this release's schema; run by `paybycall migrate` before the processes start.

May import `ivr.storage` alone. Two that run at once wait for each other on PostgreSQL (advisory lock) and
SQLite (write lock).
"""

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


def is_current(connection: sa.Connection) -> bool:
    """Whether the database stands at this release's schema."""
    head = ScriptDirectory.from_config(_alembic()).get_current_head()
    return MigrationContext.configure(connection).get_current_revision() == head
