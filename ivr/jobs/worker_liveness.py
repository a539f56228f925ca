"""How many workers are running: each holds a lock as long as its process runs (see `ivr.jobs.liveness_lock`).

On SQLite only those of this machine are seen. Looking never takes a lock from a worker that starts: a lock
file made within the last seconds counts as held.
"""

import fcntl
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from ivr.jobs.liveness_lock import LOCK_APPLICATION
from ivr.platform.database.engine import reading

_JUST_MADE = timedelta(seconds=5)


def living_workers(engine: sa.Engine, now: datetime) -> int:
    """The workers that hold their lock now."""
    if engine.dialect.name == "sqlite":
        folder = Path(f"{engine.url.database}.workers")
        return sum(_is_held(path, now) for path in folder.iterdir()) if folder.is_dir() else 0
    sessions = sa.table("pg_stat_activity", sa.column("application_name"), sa.column("datname"))
    held = sa.select(sa.func.count()).where(
        sessions.c.application_name == LOCK_APPLICATION, sessions.c.datname == sa.func.current_database()
    )
    with reading(engine) as tx:
        return int(tx.execute(held.select_from(sessions)).scalar_one())


def _is_held(path: Path, now: datetime) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        age = now - datetime.fromtimestamp(os.fstat(descriptor).st_mtime, UTC)
        if abs(age) < _JUST_MADE:  # one from the future is of before this machine's clock was set back
            return True
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
