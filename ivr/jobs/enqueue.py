"""Asking for work, in the transaction of the row that causes it: both are kept, or neither is.

What is written is a job's name and an id, as JSON; nothing is pickled, and a card has no way in. A piece of
work is named by job, subject and its number in the chain of jobs, so asking again does nothing, whether the
first is waiting, running or done. (What is done is forgotten after a month: see `ivr.jobs.store`.)
"""

from typing import TYPE_CHECKING

import sqlalchemy as sa

from ivr.jobs.job_list import Job
from ivr.jobs.retry import NEVER_GIVEN_UP
from ivr.jobs.store import VERSION, open_client

if TYPE_CHECKING:
    from dbos import EnqueueOptions

_CARD_NUMBER_LENGTH_MIN = 12
_PRIORITY_OF_OTHER_JOBS = 10
"""A job without a priority runs first in dbos; those not in `NEVER_GIVEN_UP` get this one and run after."""


def work_id(job: Job, subject_id: str, nth: int, tries: int = 0) -> str:
    """The name of a piece of work; each further try has a name of its own, with the `nth` of the first."""
    name = f"{job.name}:{subject_id}:{nth}"
    return f"{name}:try{tries}" if tries else name


def enqueue_options(
    job: Job, subject_id: str, nth: int, *, tries: int = 0, delay_s: float = 0.0
) -> "EnqueueOptions":
    """What dbos is told about a piece of work, except its arguments."""
    if not subject_id:
        raise ValueError(f"{job.name} needs the id of what it works on")
    if subject_id.isdigit() and len(subject_id) >= _CARD_NUMBER_LENGTH_MIN:
        raise ValueError(f"{job.name} was asked to work on bare digits, where an id belongs")
    options: EnqueueOptions = {
        "workflow_name": job.name,
        "queue_name": str(job.queue),
        "workflow_id": work_id(job, subject_id, nth, tries),
        "app_version": VERSION,
    }
    if job not in NEVER_GIVEN_UP:
        options["priority"] = _PRIORITY_OF_OTHER_JOBS
    if delay_s > 0:
        options["delay_seconds"] = delay_s
    return options


class DurableWork:
    """`ivr.jobs.job_list.Work` on our own database. Built when a process starts, not in a transaction."""

    def __init__(self, engine: sa.Engine) -> None:
        self._client = open_client(engine)

    def enqueue(
        self, tx: sa.Connection, job: Job, subject_id: str, *, nth: int = 0, delay_s: float = 0.0
    ) -> None:
        self._client.enqueue_in_transaction(
            tx, enqueue_options(job, subject_id, nth, delay_s=delay_s), subject_id, nth
        )
