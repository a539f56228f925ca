"""Jobs of a test of payments: in a table of its database, asked for by a transaction and gone with it."""

from dataclasses import dataclass

import sqlalchemy as sa

from ivr.jobs.job_list import ALL_JOBS, Job
from ivr.platform.clock import Clock

jobs = sa.Table(
    "jobs_of_a_test",
    sa.MetaData(),
    sa.Column("job", sa.String(40), primary_key=True),
    sa.Column("subject_id", sa.String(40), primary_key=True),
    sa.Column("nth", sa.Integer, primary_key=True),
    sa.Column("due_at", sa.Float, nullable=False),
    sa.Column("runs", sa.Integer, nullable=False),
)


@dataclass(frozen=True)
class StoredJob:
    """A job that was asked for and has not run."""

    job: Job
    subject_id: str
    nth: int
    due_at: float


class StoredJobs:
    """Jobs in a table of the same database: asked for by a transaction, gone with it."""

    def __init__(self, engine: sa.Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        jobs.metadata.create_all(engine)

    def enqueue(
        self, tx: sa.Connection, job: Job, subject_id: str, *, nth: int = 0, delay_s: float = 0.0
    ) -> None:
        same = (jobs.c.job == job.name, jobs.c.subject_id == subject_id, jobs.c.nth == nth)
        if tx.execute(sa.select(jobs.c.nth).where(*same)).first() is None:
            due_at = self._clock.now().timestamp() + delay_s
            tx.execute(
                sa.insert(jobs).values(job=job.name, subject_id=subject_id, nth=nth, due_at=due_at, runs=0)
            )

    def waiting(self) -> list[StoredJob]:
        """What has not run, the next due first."""
        return self._jobs(jobs.c.runs == 0)

    def one(self, job: Job) -> StoredJob:
        """The next of this job that waits."""
        return next(one for one in self.waiting() if one.job == job)

    def ran(self) -> list[StoredJob]:
        return self._jobs(jobs.c.runs > 0)

    def _jobs(self, which: sa.ColumnElement[bool]) -> list[StoredJob]:
        by_name = {job.name: job for job in ALL_JOBS}
        with self._engine.begin() as tx:
            rows = tx.execute(
                sa.select(jobs)
                .where(which)
                .order_by(jobs.c.due_at, jobs.c.nth, jobs.c.subject_id, jobs.c.job)
            ).all()
        return [StoredJob(by_name[row.job], row.subject_id, row.nth, row.due_at) for row in rows]

    def mark_run(self, one: StoredJob) -> None:
        with self._engine.begin() as tx:
            tx.execute(
                sa.update(jobs)
                .where(
                    jobs.c.job == one.job.name,
                    jobs.c.subject_id == one.subject_id,
                    jobs.c.nth == one.nth,
                )
                .values(runs=jobs.c.runs + 1)
            )

    def lose(self, job: Job) -> None:
        """The queue forgets all that waits of this job."""
        with self._engine.begin() as tx:
            tx.execute(sa.delete(jobs).where(jobs.c.job == job.name, jobs.c.runs == 0))
