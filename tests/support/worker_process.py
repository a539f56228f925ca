"""A worker in a process of its own, for tests that kill or stop it; run it as a module with URL and FOLDER.

Each of its jobs notes that it started, waits for the file `go` in FOLDER, and then charges what it can claim.
The file `lost` appears when it learns that its lock is gone.
"""

import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from ivr.jobs.job_list import ALL_JOBS
from ivr.jobs.takeover import leave_at_once
from ivr.jobs.worker import Pace, Worker
from ivr.platform.clock import SystemClock
from ivr.platform.database.engine import make_engine
from ivr.platform.ids import RandomIds
from tests.support.job_effects import claim, effect, note
from tests.support.waiting import eventually

NAME = "process"
WAKING_S_MAX = 30.0
"""It goes on for so long after it lost its lock, so that a test sees what its jobs do then."""


def main(url: str, folder: Path) -> None:
    engine = make_engine(url)

    def charge(subject_id: str, _nth: int) -> None:
        note(engine, "started", subject_id, NAME)
        while not (folder / "go").exists():
            time.sleep(0.01)
        with engine.begin() as tx:
            kind = "charged" if claim(tx, subject_id, NAME) else "refrained"
            tx.execute(effect.insert().values(kind=kind, subject_id=subject_id, worker=NAME))

    def lost() -> None:
        (folder / "lost").touch()
        with suppress(AssertionError):
            eventually(lambda: not worker.under_way(), timeout_s=WAKING_S_MAX)
        leave_at_once()

    handlers = dict.fromkeys(ALL_JOBS, charge)
    pace = Pace(charge_poll_s=0.02, take_over_every_s=0.1)
    worker = Worker(engine, SystemClock(), RandomIds(), handlers, pace=pace, on_lock_lost=lost)
    worker.run_until(threading.Event())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
