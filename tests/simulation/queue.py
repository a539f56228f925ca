"""The durable queue of a world: what is asked for by a commit is run by a worker, at least once.

As the real one: named by job, subject and number, so that asking again does nothing; a run that raises is
tried again later, a run whose worker died is another's. Beyond it: jobs about money get lost (the sweep must
ask again), come late, and run twice.
"""

from dataclasses import dataclass, field

import sqlalchemy as sa
import structlog

from ivr.jobs.job_list import Job
from ivr.jobs.retry import NEVER_GIVEN_UP, backoff_s
from tests.simulation.chance import Chance
from tests.simulation.database import AFTER_COMMIT
from tests.simulation.processes import Process, Processes
from tests.simulation.scheduler import Scheduler
from tests.simulation.trace import Trace

TAKEN_OVER_AFTER_S = 15.0
"""How long it takes until the jobs of a dead worker are another's."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """One job that was asked for."""

    job: Job
    subject_id: str
    nth: int

    def __str__(self) -> str:
        return f"{self.job.name} {self.subject_id} {self.nth}"


@dataclass
class SimulatedQueue:
    """Implements `ivr.jobs.job_list.Work`, and runs what was asked for."""

    scheduler: Scheduler
    chance: Chance
    processes: Processes
    trace: Trace
    known: set[QueuedJob] = field(default_factory=set)

    def enqueue(
        self, tx: sa.Connection, job: Job, subject_id: str, *, nth: int = 0, delay_s: float = 0.0
    ) -> None:
        assert tx.in_transaction()
        piece = QueuedJob(job, subject_id, nth)
        tx.info.setdefault(AFTER_COMMIT, []).append(lambda: self._keep(piece, delay_s))

    def _keep(self, piece: QueuedJob, delay_s: float) -> None:
        if piece in self.known:
            return
        self.known.add(piece)
        if self.chance.strikes(self.chance.rates.queue):
            if piece.job in NEVER_GIVEN_UP and self.chance.strikes(0.4):
                self.trace("queue", f"loses {piece}")
                return
            if self.chance.strikes(0.4):
                again_s = self.chance.one_of([0.0, 0.5, 5.0, 45.0, 300.0])
                self.trace("queue", f"runs {piece} twice")
                self._run_in(piece, delay_s + again_s, 0)
            else:
                delay_s += self.chance.one_of([1.0, 10.0, 40.0, 150.0])
        self._run_in(piece, delay_s, 0)

    def _run_in(self, piece: QueuedJob, wait_s: float, tries: int) -> None:
        self.scheduler.spawn(f"due {piece}", lambda: self._hand_out(piece, tries), delay_s=wait_s)

    def _hand_out(self, piece: QueuedJob, tries: int) -> None:
        worker = self.processes.one("worker")
        if worker is None:
            self._run_in(piece, 1.0, tries)
            return
        begun: list[bool] = []

        def run() -> None:
            begun.append(True)
            self._run(worker, piece, tries)

        def take_over() -> None:
            """The worker may have died before the job's first line."""
            if not begun:
                self._hand_out(piece, tries)

        self.processes.begin(worker, str(piece), run)
        self.scheduler.spawn(f"look after {piece}", take_over, delay_s=TAKEN_OVER_AFTER_S)

    def _run(self, worker: Process, piece: QueuedJob, tries: int) -> None:
        finished = False
        self.trace(worker.name, f"runs {piece}")
        try:
            worker.parts[piece.job](piece.subject_id, piece.nth)
            finished = True
        except Exception as fault:  # the worker's edge, as `ivr.jobs.runs` has it
            finished = True
            self.trace(worker.name, f"{piece} raised {type(fault).__name__}")
            log.exception("job_raised", job=piece.job.name)
            self._run_in(piece, backoff_s(tries + 1), tries + 1)
        finally:
            if not finished:
                self._run_in(piece, TAKEN_OVER_AFTER_S, tries)
