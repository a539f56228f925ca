"""One run of a job's handler: what it stands in, what is logged when it raises, and its next try.

A handler's fault is logged with job and subject and ends here; the database learns the name of its class and
no more, since a message or a traceback may hold what belongs to a payer. A run that was cut off by the death
of the process is another worker's to repeat (`ivr.jobs.takeover`), so a handler may run more than once.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from ivr.jobs.enqueue import order, work_id
from ivr.jobs.job_list import Job
from ivr.jobs.retry import FIRST_DELAY_S, TRIES_MAX, delay_s, is_given_up

if TYPE_CHECKING:
    from dbos import DBOSClient

log = structlog.get_logger()

Handler = Callable[[str, int], None]
"""Does a job: takes the subject's id and the link of the asker's chain."""


class GivenUpError(Exception):
    """The last try raised too; the message is the class of the fault and nothing else, for it is stored."""


class Runs:
    """Runs handlers, knows which are under way, and counts how they went."""

    def __init__(
        self,
        client: "DBOSClient",
        handlers: Mapping[Job, Handler],
        *,
        tries_max: int = TRIES_MAX,
        first_delay_s: float = FIRST_DELAY_S,
        call_of: Callable[[Job, str], str | None] = lambda _job, _subject_id: None,
    ) -> None:
        self._client = client
        self._handlers = handlers
        self._tries_max = tries_max
        self._first_delay_s = first_delay_s
        self._call_of = call_of
        self._changed = threading.Condition()
        self._under_way: set[str] = set()
        self.counts: Counter[tuple[str, str]] = Counter()
        """How many runs of a job went how: (job, done | raised | given_up)."""

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
            call_id = self._call_of(job, subject_id)
        except Exception:  # noqa: BLE001 - the database is away, which the handler will meet and tell
            return {}
        return {} if call_id is None else {"call_id": call_id}

    def are_over(self) -> bool:
        """Whether no handler is under way in this process."""
        return not self.under_way()

    def under_way(self) -> frozenset[str]:
        with self._changed:
            return frozenset(self._under_way)

    def wait_until_over(self, timeout_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._under_way, timeout_s)

    def _fault_of(self, job: Job, subject_id: str, nth: int) -> Exception | None:
        try:
            self._handlers[job](subject_id, nth)
        except Exception as fault:  # noqa: BLE001 - the edge of the worker: it is logged by the caller and tried again
            return fault
        return None

    def _again_later(
        self, job: Job, subject_id: str, nth: int, tries: int, fault: Exception
    ) -> GivenUpError | None:
        """Asks for the next try; where none comes, the error to end with."""
        kind = type(fault).__name__
        self._count(job, "raised")
        if is_given_up(job, tries, self._tries_max):
            self._count(job, "given_up")
            log.critical("job_given_up", tries=tries, exc_info=fault)
            return GivenUpError(kind)
        wait_s = delay_s(tries, self._first_delay_s)
        say = log.critical if tries >= self._tries_max else log.error
        say("job_raised", tries=tries, next_try_in_s=wait_s, exc_info=fault)
        try:
            # dbos waits here for a database that is away; the name makes a repeat harmless.
            self._client.enqueue(
                order(job, subject_id, nth, tries=tries, delay_s=wait_s), subject_id, nth, tries
            )
        except Exception as second:  # its message must not be stored either
            log.critical("next_try_refused", tries=tries, exc_info=second)
            return GivenUpError(type(second).__name__)
        return None

    def _count(self, job: Job, how: str) -> None:
        with self._changed:
            self.counts[job.name, how] += 1

    @contextmanager
    def _noted(self, name: str) -> Iterator[None]:
        with self._changed:
            self._under_way.add(name)
        try:
            yield
        finally:
            with self._changed:
                self._under_way.discard(name)
                self._changed.notify_all()
