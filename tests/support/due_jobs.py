"""The worker of a test of the whole server: jobs are asked for by a commit, and run when they are due.

Each runs in a thread of its own, so that a slow gateway holds up nobody, and a job that raises is a fault of
the test. A worker that is absent takes nothing on.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from ivr.jobs.job_list import Job
from tests.support.recorded_jobs import RecordedJob, RecordedJobs
from tests.support.virtual_clock import VirtualClock

Handler = Callable[[str, int], None]


@dataclass
class DueJobs(RecordedJobs):
    """Keeps every job that was asked for in `asked`, and those that are still to be run with their moment."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    handlers: Mapping[Job, Handler] = field(default_factory=dict)
    absent: bool = False
    """Nobody works: jobs wait, and are as late as can be when somebody comes."""
    failed: list[BaseException] = field(default_factory=list)
    _waiting: list[tuple[datetime, int, RecordedJob]] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def enqueue(
        self, tx: sa.Connection, job: Job, subject_id: str, *, nth: int = 0, delay_s: float = 0.0
    ) -> None:
        """Counts from the commit on: what is rolled back was never asked for."""
        assert tx.in_transaction()
        asked = RecordedJob(job, subject_id, nth, delay_s)
        at = self.clock.now() + timedelta(seconds=delay_s)
        sa.event.listen(tx, "commit", lambda _: self.keep(asked, at))

    def keep(self, asked: RecordedJob, at: datetime) -> None:
        """A job that was asked for, by this server or by an earlier release."""
        with self._lock:
            if not any(
                (a.job, a.subject_id, a.nth) == (asked.job, asked.subject_id, asked.nth) for a in self.asked
            ):
                self.asked.append(asked)
                self._waiting.append((at, len(self.asked), asked))

    def next_at(self) -> datetime | None:
        with self._lock:
            return None if self.absent else min((at for at, _, _ in self._waiting), default=None)

    def run_due(self, now: datetime) -> None:
        """Those that are due, in their order, each to its end or until it waits."""
        while (asked := self._take_due(now)) is not None:
            self._run(asked)
            self.clock.settle()

    def waiting(self, job: Job) -> list[str]:
        """Whose job of this kind is still to be run."""
        with self._lock:
            return [asked.subject_id for _, _, asked in self._waiting if asked.job == job]

    def reset(self) -> None:
        """Nothing was ever asked for."""
        with self._lock:
            self.asked.clear()
            self.failed.clear()
            self._waiting.clear()
            self.absent = False

    def _take_due(self, now: datetime) -> RecordedJob | None:
        with self._lock:
            due = sorted(one for one in self._waiting if one[0] <= now)
            if self.absent or not due:
                return None
            self._waiting.remove(due[0])
            return due[0][2]

    def _run(self, asked: RecordedJob) -> None:
        def run() -> None:
            try:
                self.handlers[asked.job](asked.subject_id, asked.nth)
            except BaseException as error:  # noqa: BLE001 - told by `check`, where the test sees it
                self.failed.append(error)

        self.clock.start(run)
