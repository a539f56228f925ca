"""Work that is recorded instead of run: a test looks at what was asked for, or runs it by hand."""

from dataclasses import dataclass, field

import sqlalchemy as sa

from ivr.jobs.job_list import Job


@dataclass(frozen=True)
class RecordedJob:
    """A job that was asked for."""

    job: Job
    subject_id: str
    nth: int
    delay_s: float


@dataclass
class RecordedJobs:
    """Keeps what was asked for, in order; the same (job, subject, nth) again does nothing."""

    asked: list[RecordedJob] = field(default_factory=list)

    def enqueue(
        self, tx: sa.Connection, job: Job, subject_id: str, *, nth: int = 0, delay_s: float = 0.0
    ) -> None:
        assert tx.in_transaction()
        if any((a.job, a.subject_id, a.nth) == (job, subject_id, nth) for a in self.asked):
            return
        self.asked.append(RecordedJob(job, subject_id, nth, delay_s))

    def names(self) -> list[str]:
        return [asked.job.name for asked in self.asked]

    def take(self, job: Job) -> list[RecordedJob]:
        """What was asked of this job, taken off the list."""
        taken = [asked for asked in self.asked if asked.job == job]
        self.asked = [asked for asked in self.asked if asked.job != job]
        return taken
