"""One run of a job's handler: its context in the log, what is logged when it raises, and its next try.

A handler's fault is logged with job and subject and ends here; the database learns the name of its class and
no more, since a message or a traceback may hold what belongs to a payer. A run that was cut off by the death
of the process is another worker's to repeat (`ivr.jobs.takeover`), so a handler may run more than once.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from ivr.jobs.enqueue import enqueue_options, work_id
from ivr.jobs.job_list import Job, JobHandler
from ivr.jobs.retry import backoff_s, is_given_up

if TYPE_CHECKING:
    from dbos import DBOSClient

log = structlog.get_logger()


class GivenUpError(Exception):
    """Nothing more will be tried: the last try raised, or the next could not be enqueued.

    The message is the class of the fault and no more, since it is stored.
    """


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs handlers, knows which are under way, and counts how they went."""

    client: "DBOSClient"
    handlers: Mapping[Job, JobHandler]
    tries_max: int
    first_delay_s: float
    call_of: Callable[[Job, str], str | None]
    """The call to which a job's subject belongs, for the log."""
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many runs of a job went how: (job, done | raised | given_up)."""
    _under_way: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, job: Job) -> Callable[[str, int, int], None]:
        """The function that dbos calls for `job`. It returns also where the handler is to be tried again."""

        def run(subject_id: str, nth: int, tries: int = 0) -> None:
            with (
                self._noted(work_id(job, subject_id, nth, tries)),
                structlog.contextvars.bound_contextvars(job=job.name, subject_id=subject_id, nth=nth),
                structlog.contextvars.bound_contextvars(**self._call_id(job, subject_id)),
            ):
                fault = self._fault_of(job, subject_id, nth)
                if fault is None:
                    self._count(job, "done")
                    return
                failed = self._again_later(job, subject_id, nth, tries + 1, fault)
            if failed is not None:
                raise failed  # outside of every `except`, so that dbos is given this error and no context

        return run

    def _call_id(self, job: Job, subject_id: str) -> dict[str, str]:
        """For the log alone: where it cannot be told, the job runs all the same."""
        try:
            call_id = self.call_of(job, subject_id)
        except Exception:  # noqa: BLE001 - the database is away, which the handler will meet and tell
            return {}
        return {} if call_id is None else {"call_id": call_id}

    def under_way(self) -> frozenset[str]:
        with self._lock:
            return frozenset(self._under_way)

    def _fault_of(self, job: Job, subject_id: str, nth: int) -> Exception | None:
        try:
            self.handlers[job](subject_id, nth)
        except Exception as fault:  # noqa: BLE001 - the edge of the worker: it is logged by the caller and tried again
            return fault
        return None

    def _again_later(
        self, job: Job, subject_id: str, nth: int, tries: int, fault: Exception
    ) -> GivenUpError | None:
        """Asks for the next try; where none comes, the error to end with."""
        kind = type(fault).__name__
        self._count(job, "raised")
        if is_given_up(job, tries, self.tries_max):
            self._count(job, "given_up")
            log.critical("job_given_up", tries=tries, exc_info=fault)
            return GivenUpError(kind)
        wait_s = backoff_s(tries, self.first_delay_s)
        say = log.critical if tries >= self.tries_max else log.error
        say("job_raised", tries=tries, next_try_in_s=wait_s, exc_info=fault)
        try:
            # dbos waits here for a database that is away; the name makes a repeat harmless.
            self.client.enqueue(
                enqueue_options(job, subject_id, nth, tries=tries, delay_s=wait_s), subject_id, nth, tries
            )
        except Exception as second:  # its message must not be stored either
            log.critical("next_try_refused", tries=tries, exc_info=second)
            return GivenUpError(type(second).__name__)
        return None

    def _count(self, job: Job, how: str) -> None:
        with self._lock:
            self.counts[job.name, how] += 1

    @contextmanager
    def _noted(self, name: str) -> Iterator[None]:
        with self._lock:
            self._under_way.add(name)
        try:
            yield
        finally:
            with self._lock:
                self._under_way.discard(name)
