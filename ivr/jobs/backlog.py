"""Jobs that wait, run or have failed: for `paybycall doctor`, for metrics and for tests.

Reads only; opens a client for each question, so ask seldom.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ivr.jobs.job_list import ALL_JOBS, Queue
from ivr.jobs.retry import TRIES_MAX
from ivr.jobs.store import CLEAN_UP, open_client

if TYPE_CHECKING:
    from dbos import WorkflowStatus

_FAILED = ["ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_WAITING = ["ENQUEUED", "DELAYED", "PENDING"]
_NEXT_TRY = ":try"


@dataclass(frozen=True, slots=True)
class FailedJob:
    """Work that needs a person: given up, or tried in vain for hours."""

    job: str
    subject_id: str
    nth: int
    tries: int
    given_up: bool
    """False: it is about money, and is still tried every ten minutes."""
    fault: str
    """The class of the last fault; empty where the process died of it or it is still tried."""
    at: datetime


def failed_jobs(engine: sa.Engine) -> list[FailedJob]:
    """All work that needs a person, the oldest first."""
    client = open_client(engine)
    waiting = last_tries(client.list_workflows(status=_WAITING))
    stuck = [row for row in waiting if _tries(row.workflow_id) >= TRIES_MAX]
    return [
        FailedJob(
            job=row.name,
            subject_id=_subject(row.input),
            nth=_nth(row.input),
            tries=_tries(row.workflow_id) + (row.status == "ERROR"),
            given_up=row.status in _FAILED,
            fault=str(row.error) if row.error is not None else "",
            at=datetime.fromtimestamp((row.updated_at or row.created_at or 0) / 1000, UTC),
        )
        for row in [*client.list_workflows(status=_FAILED), *stuck]
    ]


def last_tries(rows: "Iterable[WorkflowStatus]") -> "list[WorkflowStatus]":
    """One row for each work. For a moment both the ending try and the next one are listed."""
    last = {_first_try(row.workflow_id): row for row in sorted(rows, key=lambda row: _tries(row.workflow_id))}
    return list(last.values())


def backlog(engine: sa.Engine) -> Counter[str]:
    """How much work there is: `waiting`, `later` (has a delay) and `running`."""
    names = {"ENQUEUED": "waiting", "DELAYED": "later", "PENDING": "running"}
    rows = open_client(engine).list_workflows(status=_WAITING, load_input=False, load_output=False)
    return Counter(names[row.status] for row in rows)


def unknown_work(engine: sa.Engine) -> Counter[str]:
    """Waiting work that no worker of this release would ever do, counted by "job on queue"."""
    known = {job.name for job in ALL_JOBS} | {CLEAN_UP}
    queues = set(Queue)
    rows = open_client(engine).list_workflows(
        status=["ENQUEUED", "DELAYED"], load_input=False, load_output=False
    )
    return Counter(
        f"{row.name} on {row.queue_name}"
        for row in rows
        if row.name not in known or row.queue_name not in queues
    )


def _tries(work_id: str) -> int:
    _, found, number = work_id.rpartition(_NEXT_TRY)
    return int(number) if found and number.isdigit() else 0


def _first_try(work_id: str) -> str:
    return work_id.rpartition(_NEXT_TRY)[0] if _tries(work_id) else work_id


def _subject(given: Any) -> str:
    return str(given["args"][0]) if given and given["args"] else ""


def _nth(given: Any) -> int:
    return int(given["args"][1]) if given and len(given["args"]) > 1 else 0
