"""A worker that dies with all its work under way: `python -m tests.releases.work_left DATABASE_URL COUNT`."""

import os
import sqlite3
import sys
import threading
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path

from ivr.jobs.job_list import ALL_JOBS
from ivr.jobs.worker import Worker
from ivr.platform.clock import SystemClock
from ivr.platform.database.engine import make_engine
from tests.support.time_and_ids import SequentialIds


def main(url: str, count: int) -> None:
    """As kill -9, once as many jobs have begun."""
    begun = threading.Semaphore(0)

    def begin(_subject_id: str, _nth: int) -> None:
        begun.release()
        threading.Event().wait()

    worker = Worker(make_engine(url), SystemClock(), SequentialIds(), dict.fromkeys(ALL_JOBS, begin))
    worker.start()
    for _ in range(count):
        begun.acquire()
    os._exit(9)


def at(database: Path, now: datetime, due: Mapping[str, datetime]) -> None:
    """The moments that dbos wrote by the machine's clock, as if it were `now`; `due`: when which work is."""
    now_ms = _ms(now)
    moments = {
        "created_at",
        "updated_at",
        "started_at_epoch_ms",
        "version_timestamp",
        "retention_timestamp",
    }
    with closing(sqlite3.connect(database)) as connection, connection:
        for table in ("workflow_status", "workflow_input", "queues", "application_versions"):
            columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            for column in columns & moments:
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE {column} > 0", (now_ms,))  # noqa: S608
        connection.executemany(
            "UPDATE workflow_status SET delay_until_epoch_ms = ? WHERE workflow_uuid = ?"
            " AND delay_until_epoch_ms > 0",
            [(_ms(moment), name) for name, moment in due.items()],
        )


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
