"""The worker process: runs every job of `ivr.jobs.job_list`, each in its queue.

A process has one dbos, and so one Worker; after `stop` another may be made. A job without a handler would
wait for ever, so it is refused, as is a handler without a job. dbos gets an engine of its own, so that
handlers never take the connections that it needs.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
import structlog

from ivr.jobs.backlog import unknown_work
from ivr.jobs.job_list import ALL_JOBS, Job, JobHandler, Queue
from ivr.jobs.liveness_lock import LivenessLock, hold
from ivr.jobs.retry import FIRST_DELAY_S, TRIES_MAX
from ivr.jobs.runs import Runs
from ivr.jobs.store import (
    APPLICATION,
    CLEAN_UP,
    EVERY_NIGHT,
    VERSION,
    forget_work,
    log_through_ours,
    open_client,
    require_migrated,
)
from ivr.jobs.takeover import TakeOver, leave_at_once
from ivr.platform.clock import Clock
from ivr.platform.database.engine import make_engine
from ivr.platform.ids import Ids

if TYPE_CHECKING:
    from dbos import DBOS, DBOSClient

log = structlog.get_logger()

_POOL_SIZE = 8
_SIGNAL_LOOK_S = 1.0
_IDLE_LOOK_S = 0.02


class WrongHandlersError(Exception):
    """The handlers are not those of the jobs; the message names each."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the worker looks, and how much it does at once."""

    charges_at_once: int = 8
    others_at_once: int = 8
    """In each of the other queues."""
    sends_per_s: int = 10
    """For all workers together. On SQLite dbos counts in whole seconds of the clock."""
    charge_poll_s: float = 0.1
    poll_s: float = 1.0
    take_over_every_s: float = 1.0
    tries_max: int = TRIES_MAX
    first_retry_s: float = FIRST_DELAY_S


@dataclass(slots=True)
class Worker:
    """Runs jobs from `start` to `stop`; `run_until` is both."""

    engine: sa.Engine
    clock: Clock
    ids: Ids
    handlers: Mapping[Job, JobHandler]
    pace: Pace = Pace()
    call_of: Callable[[Job, str], str | None] = lambda _job, _subject_id: None
    """The call to which a job's subject belongs, for the log."""
    on_lock_lost: Callable[[], None] = leave_at_once
    name: str = field(init=False)
    _running: "_Running | None" = field(init=False, default=None)

    def __post_init__(self) -> None:
        _check(self.handlers)
        self.name = self.ids.new("worker")

    def is_working(self) -> bool:
        """Whether it was started, and not stopped."""
        return self._running is not None

    @property
    def counts(self) -> Mapping[tuple[str, str], int]:
        """How the runs went so far; none before `start`."""
        return self._running.runs.counts if self._running is not None else {}

    def under_way(self) -> frozenset[str]:
        return self._running.runs.under_way() if self._running is not None else frozenset()

    def start(self) -> None:
        """Begins to take work; raises where the database is not migrated or another worker has this name."""
        _require_alone()
        require_migrated(self.engine)
        pace = self.pace
        with ExitStack() as undo:
            engine = make_engine(self.engine.url.render_as_string(hide_password=False), pool_size=_POOL_SIZE)
            undo.callback(engine.dispose)
            client = open_client(engine)
            runs = Runs(client, self.handlers, pace.tries_max, pace.first_retry_s, self.call_of)
            lock = hold(engine, self.name)  # before anything is claimed in this name
            undo.callback(lock.release)
            dbos = self._launch(engine, client, runs)
            undo.pop_all()
        if nobodys := unknown_work(engine):
            log.error("work_nobody_does", work=dict(nobodys))
        watcher = open_client(engine, patient=False)
        take_over = TakeOver(watcher, lock, runs, self.name, pace.take_over_every_s, self.on_lock_lost)
        take_over.watch()
        self._running = _Running(engine, watcher, runs, lock, dbos, take_over)
        log.info("worker_started", worker=self.name)

    def stop(self, timeout_s: float) -> bool:
        """Takes nothing new and finishes what runs; gives whether all was finished.

        Where it was not, end the process: another worker takes over the rest only then, so that nothing runs
        twice at once.
        """
        from dbos import DBOS

        running = self._running
        if running is None:
            raise RuntimeError("the worker was not started")
        deadline = time.monotonic() + timeout_s
        for event in running.dbos.background_thread_stop_events:
            event.set()
        while not self._is_idle(running) and time.monotonic() < deadline:
            time.sleep(_IDLE_LOOK_S)
        running.take_over.stop()
        DBOS.destroy(destroy_registry=True)
        self._running = None
        if running.runs.under_way():
            log.error("worker_stopped_in_the_middle", worker=self.name, work=sorted(running.runs.under_way()))
            return False
        running.lock.release()
        running.engine.dispose()
        log.info("worker_stopped", worker=self.name)
        return True

    def run_until(self, stop: threading.Event, *, timeout_s: float = 25.0) -> bool:
        """Works until `stop` is set, then as `stop` does.

        The wait has an end because the system may give a signal to any thread, and Python runs its handler
        only once the main thread wakes: without an end, a SIGTERM might never be handled.
        """
        self.start()
        while not stop.wait(_SIGNAL_LOOK_S):
            pass
        return self.stop(timeout_s)

    def _is_idle(self, running: "_Running") -> bool:
        """Whether nothing that this worker claimed is unfinished, in this process and in the database."""
        if running.runs.under_way():
            return False
        try:
            return not running.watcher.list_workflows(
                status="PENDING", executor_id=self.name, limit=1, load_input=False, load_output=False
            )
        except sa.exc.DBAPIError:
            return False  # the database is away, and so what is done cannot be noted as done

    def _launch(self, engine: sa.Engine, client: "DBOSClient", runs: Runs) -> "DBOS":
        from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

        log_through_ours()
        config: DBOSConfig = {
            "name": APPLICATION,
            "application_version": VERSION,
            "executor_id": self.name,
            "system_database_engine": engine,
            "serializer": DBOSPortableJSONSerializer(),
            "run_migrations": False,
            "enable_otlp": False,
            "log_level": "WARNING",
            "notification_listener_polling_interval_sec": self.pace.poll_s,
        }
        dbos = DBOS(config=config)
        try:
            for job in ALL_JOBS:
                DBOS.workflow(name=job.name, max_recovery_attempts=self.pace.tries_max)(runs.of(job))
            DBOS.workflow(name=CLEAN_UP)(self._nightly(client))
            self._open_queues(client)
            _schedule_clean_up(client)
            DBOS.launch()
        except BaseException:
            DBOS.destroy(destroy_registry=True)
            raise
        return dbos

    def _open_queues(self, client: "DBOSClient") -> None:
        """Makes the queues before dbos looks for them: it would find a new one only a second later."""
        pace = self.pace
        client.register_queue(
            Queue.CHARGE,
            worker_concurrency=pace.charges_at_once,
            polling_interval_sec=pace.charge_poll_s,
        )
        client.register_queue(
            Queue.SEND,
            worker_concurrency=pace.others_at_once,
            limiter={"limit": pace.sends_per_s, "period": 1.0},
            polling_interval_sec=pace.poll_s,
        )
        client.register_queue(
            Queue.FOLLOW_UP,
            worker_concurrency=pace.others_at_once,
            polling_interval_sec=pace.poll_s,
        )

    def _nightly(self, client: "DBOSClient") -> Callable[[datetime, Any], None]:
        def clean_up_work(_planned_at: datetime, _context: Any) -> None:
            count = forget_work(client, self.clock.now())
            log.info("work_forgotten", count=count)

        return clean_up_work


@dataclass(frozen=True, slots=True)
class _Running:
    """What a started worker holds."""

    engine: sa.Engine
    watcher: "DBOSClient"
    runs: Runs
    lock: LivenessLock
    dbos: "DBOS"
    take_over: TakeOver


def _schedule_clean_up(client: "DBOSClient") -> None:
    client.apply_schedules(
        [
            {
                "schedule_name": CLEAN_UP,
                "workflow_name": CLEAN_UP,
                "schedule": EVERY_NIGHT,
                "context": None,
                "automatic_backfill": True,  # a worker that was down at night cleans up in the morning
                "queue_name": Queue.FOLLOW_UP,
            }
        ]
    )


def _require_alone() -> None:
    """One dbos a process: a second worker would share it, and stopping it would stop the first."""
    from dbos import _dbos

    if _dbos._dbos_global_instance is not None:  # noqa: SLF001 - dbos does not say so otherwise
        raise RuntimeError("a worker is running in this process already")


def _check(handlers: Mapping[Job, JobHandler]) -> None:
    missing = sorted(job.name for job in ALL_JOBS if job not in handlers)
    unknown = sorted(job.name for job in handlers if job not in ALL_JOBS)
    faults = [f"no handler does {name}" for name in missing] + [f"no such job: {name}" for name in unknown]
    if faults:
        raise WrongHandlersError("; ".join(faults))
