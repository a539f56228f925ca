"""The tables of dbos beside ours: `paybycall migrate` makes them, a client uses them, the worker cleans up.

`APPLICATION` and `VERSION` are written on every piece of work and are constants: with dbos's default, a hash
of the code, work that one release asked for would wait for ever after the next one started.
"""

import logging
import sqlite3
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ivr.platform.database.sqlite import teach_subsec

if TYPE_CHECKING:
    from dbos import DBOSClient

APPLICATION = "paybycall"
VERSION = "1"
CLEAN_UP = "clean_up_work"
"""The name of the nightly workflow and of its schedule, kept in the database."""
EVERY_NIGHT = "30 3 * * *"
KEPT_DAYS = 30
"""Longer than any chain of jobs: what was forgotten can be asked for anew under the same name."""
OVER = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_BATCH = 500
_SCHEMA = "dbos"
_LOGGER = "dbos"


class NotMigratedError(Exception):
    """The database has no tables for background work; the message says what to run."""


def migrate_work(engine: sa.Engine) -> None:
    """Makes or upgrades the engine's tables in our database; two at once wait for each other."""
    from dbos import DBOS

    log_through_ours()
    sa.event.listen(sa.Engine, "connect", _teach)  # dbos migrates on an engine of its own
    try:
        DBOS.migrate(engine.url.render_as_string(hide_password=False), schema=_SCHEMA)
    finally:
        sa.event.remove(sa.Engine, "connect", _teach)


def _teach(connection: object, _record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        teach_subsec(connection)


def require_migrated(engine: sa.Engine) -> None:
    schema = None if engine.dialect.name == "sqlite" else _SCHEMA
    if not sa.inspect(engine).has_table("workflow_status", schema=schema):
        raise NotMigratedError("The tables for background work are missing. Run `paybycall migrate` first.")


def open_client(engine: sa.Engine, *, patient: bool = True) -> "DBOSClient":
    """A client on our own engine. Connects at once: inside an open SQLite write it would wait for itself.

    A patient one waits for a database that is away, without end; another raises.
    """
    from dbos import DBOSClient, DBOSPortableJSONSerializer

    log_through_ours()
    return DBOSClient(
        system_database_engine=engine,
        dbos_system_schema=_SCHEMA,
        serializer=DBOSPortableJSONSerializer(),
        application_name=APPLICATION,
        retry_connection_errors=patient,
    )


def log_through_ours() -> None:
    """Warnings of dbos go to our logging; without this it adds a console handler."""
    logger = logging.getLogger(_LOGGER)
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logger.setLevel(logging.WARNING)


def forget_work(client: "DBOSClient", now: datetime) -> int:
    """Deletes what was over KEPT_DAYS before `now`, some at a time; gives how many."""
    until = (now - timedelta(days=KEPT_DAYS)).isoformat()
    count = 0
    while True:
        found = client.list_workflows(
            status=OVER, completed_before=until, limit=_BATCH, load_input=False, load_output=False
        )
        if not found:
            return count
        client.delete_workflows([work.workflow_id for work in found])
        count += len(found)
