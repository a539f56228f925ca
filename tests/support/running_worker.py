"""A real worker in the test's own process: what a test asks for is run, by dbos, on the test's database.

dbos is one for a process, so one worker runs at a time; a test may have several after each other.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from unittest.mock import patch

import sqlalchemy as sa

from ivr.jobs.job_list import ALL_JOBS, Job, JobHandler
from ivr.jobs.store import open_client
from ivr.jobs.worker import Pace, Worker
from ivr.platform.clock import Clock, SystemClock
from ivr.platform.ids import RandomIds

LOOK_S = 0.02
FAST = Pace(
    charge_poll_s=LOOK_S,
    poll_s=LOOK_S,
    take_over_every_s=5 * LOOK_S,  # what is claimed and not begun after ten rounds is claimed anew
    sends_per_s=1000,
    first_retry_s=LOOK_S,
)
STOP_S = 30.0


@dataclass
class RunningWorker:
    """A started worker, and ways to wait for it and to hurry it."""

    worker: Worker
    engine: sa.Engine

    def drain(self, timeout_s: float = 30.0) -> None:
        """Returns when nothing waits and nothing runs. Work whose delay is not over yet is left alone."""
        self._wait_until_none(["ENQUEUED", "PENDING"], timeout_s)

    def hurry(self, *jobs: Job) -> int:
        """Makes work that has a delay due now, of these jobs or of all; gives how much it was."""
        client = open_client(self.engine)
        names = [job.name for job in jobs] or None
        delayed = client.list_workflows(status="DELAYED", name=names, load_input=False, load_output=False)
        for work in delayed:
            client.set_workflow_delay(work.workflow_id, delay_seconds=0)
        return len(delayed)

    def finish(self, timeout_s: float = 30.0) -> None:
        """Hurries until no work of any kind is left; fails where a chain has no end."""
        self._wait_until_none(["ENQUEUED", "PENDING", "DELAYED"], timeout_s, between=self.hurry)

    def _wait_until_none(
        self, status: list[str], timeout_s: float, between: Callable[[], object] = lambda: None
    ) -> None:
        client = open_client(self.engine)
        deadline = time.monotonic() + timeout_s
        while left := client.list_workflows(status=status, load_input=False, load_output=False):
            assert time.monotonic() < deadline, f"still undone: {[work.workflow_id for work in left]}"
            between()
            time.sleep(LOOK_S)


@contextmanager
def running_worker(
    engine: sa.Engine,
    handlers: Mapping[Job, JobHandler],
    *,
    clock: Clock | None = None,
    pace: Pace = FAST,
) -> Iterator[RunningWorker]:
    """Runs `handlers` on the database of `engine`; a job that has none here raises, as the log then shows."""
    worker = Worker(
        engine,
        clock or SystemClock(),
        RandomIds(),
        {job: handlers.get(job, _unexpected(job)) for job in ALL_JOBS},
        pace=pace,
    )
    # dbos looks for delays that are over once a second; no setting says otherwise.
    with patch("dbos._workflow_commands._BACKGROUND_JOBS_INTERVAL_SEC", LOOK_S):
        worker.start()
        try:
            yield RunningWorker(worker, engine)
        finally:
            assert worker.stop(STOP_S), "a handler did not end"


def slower(**changes: float) -> Pace:
    """The tests' pace, with changes."""
    return replace(FAST, **changes)


def _unexpected(job: Job) -> JobHandler:
    def handle(subject_id: str, nth: int) -> None:
        raise AssertionError(f"the test has no handler for {job.name} ({subject_id}, {nth})")

    return handle
