"""Takes over the work of dead workers: each second every living one looks for it and puts it back.

dbos by itself recovers only what an executor of the same name left behind; our names are new at every boot.
Putting back is conditional on the dead worker's name, so two living ones do it once. A worker that has lost
its own lock stops before anything else: others may be running its work already.
"""

import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from ivr.jobs.liveness_lock import LivenessLock
from ivr.jobs.runs import Runs

if TYPE_CHECKING:
    from dbos import DBOSClient

log = structlog.get_logger()

EXIT_LOCK_LOST = 75
"""The exit status of a worker that others took for dead: start it anew."""
_ROUNDS_UNTIL_STRAY = 10


def leave_at_once() -> None:
    """Ends the process without finishing anything: what runs is being run by others."""
    os._exit(EXIT_LOCK_LOST)


@dataclass(frozen=True, slots=True)
class Claim:
    """A piece of work that some worker has claimed and not finished."""

    work_id: str
    worker: str
    queue: str | None


@dataclass(slots=True)
class TakeOver:
    """The loop. `watch` starts it in a thread of its own; `look` is one round."""

    client: "DBOSClient"
    lock: LivenessLock
    runs: Runs
    worker: str
    every_s: float
    on_lock_lost: Callable[[], None] = leave_at_once
    _stray_for: dict[str, int] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._loop, name="take-over", daemon=True)

    def watch(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def look(self) -> None:
        """One round: am I alive, who is dead, and is anything of mine claimed but not running?"""
        claims = self._claims()
        for dead in sorted({claim.worker for claim in claims} - {self.worker}):
            with self.lock.try_lock_of(dead) as is_dead:
                if is_dead:
                    self._put_back(dead)
        self._put_back_strays(claim for claim in claims if claim.worker == self.worker)

    def _loop(self) -> None:
        while not self._over.wait(self.every_s):
            if not self.lock.is_ours():
                if self._over.is_set():
                    return
                log.critical("worker_lock_lost", worker=self.worker)
                self.on_lock_lost()
                return
            try:
                self.look()
            except Exception:
                # The database is away, or dbos stumbled: the next round is a second off.
                log.exception("take_over_failed", worker=self.worker)

    def _claims(self) -> list[Claim]:
        rows = self.client.list_workflows(status="PENDING", load_input=False, load_output=False)
        return [Claim(row.workflow_id, row.executor_id, row.queue_name) for row in rows if row.executor_id]

    def _put_back(self, dead: str) -> None:
        from dbos import DBOS

        # Private in dbos, and the only call that is conditional on the dead worker's name; the public
        # resume_workflow is not, and would take work away from a living worker that was quicker than we.
        put_back = DBOS._recover_pending_workflows([dead])  # noqa: SLF001
        log.warning("work_taken_over", from_worker=dead, by_worker=self.worker, count=len(put_back))

    def _put_back_strays(self, mine: Iterable[Claim]) -> None:
        """Puts back what dbos claimed for this worker and then failed to start, as a job it does not know.

        That happens in the minutes of a deploy, when an old worker claims the new one's work.
        """
        under_way = self.runs.under_way()
        strays = [claim for claim in mine if claim.work_id not in under_way]
        self._stray_for = {claim.work_id: self._stray_for.get(claim.work_id, 0) + 1 for claim in strays}
        for claim in strays:
            if self._stray_for[claim.work_id] > _ROUNDS_UNTIL_STRAY:
                log.error("work_never_started", work_id=claim.work_id, worker=self.worker)
                self.client.resume_workflow(claim.work_id, queue_name=claim.queue)
                del self._stray_for[claim.work_id]
