"""Jobs that look at one row again and again: each is asked for under a number of its own.

A job whose number is not its row's last is left over from a state that has passed, and does nothing. The row
notes when its job is due (`look_at`), so that the sweep sees one that was lost.
"""

from datetime import timedelta
from functools import cache

import sqlalchemy as sa

from ivr.jobs.job_list import Job, Work
from ivr.platform.clock import Clock


def ask(
    tx: sa.Connection,
    table: sa.Table,
    subject_id: str,
    job: Job,
    delay_s: float,
    *,
    work: Work,
    clock: Clock,
) -> int:
    """Asks for the job of this row of the table; gives the job's number."""
    due = {"look_at": clock.now() + timedelta(seconds=delay_s)}
    number: int = tx.execute(_count_one_more(table), {"wanted": subject_id, **due}).scalar_one()
    work.enqueue(tx, job, subject_id, nth=number, delay_s=delay_s)
    return number


@cache
def _count_one_more(table: sa.Table) -> sa.Executable:
    one_more = sa.update(table).where(table.c.id == sa.bindparam("wanted")).values(jobs=table.c.jobs + 1)
    return one_more.returning(table.c.jobs)
