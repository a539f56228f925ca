"""The base of what moves the rows of one table: it schedules the jobs that look at them, each under a new
number.

A job whose number is not its row's last one is outdated, and does nothing. The row notes when its job is due
(`look_at`), so that the sweep finds a lost one.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache

import sqlalchemy as sa

from ivr.events.emitter import Events
from ivr.jobs.job_list import Job, Work
from ivr.platform.clock import Clock
from ivr.platform.ids import Ids


@dataclass(frozen=True, slots=True)
class RowTransitions:
    """Attempts, refunds and saved cards each have a class of their own."""

    work: Work
    clock: Clock
    ids: Ids
    events: Events

    def schedule_job(self, tx: sa.Connection, table: sa.Table, row_id: str, job: Job, delay_s: float) -> int:
        """Schedules the job of this row; returns the job's number."""
        due = {"look_at": self.clock.now() + timedelta(seconds=delay_s)}
        number: int = tx.execute(_count_one_more(table), {"wanted": row_id, **due}).scalar_one()
        self.work.enqueue(tx, job, row_id, nth=number, delay_s=delay_s)
        return number


@cache
def _count_one_more(table: sa.Table) -> sa.Executable:
    one_more = sa.update(table).where(table.c.id == sa.bindparam("wanted")).values(jobs=table.c.jobs + 1)
    return one_more.returning(table.c.jobs)
