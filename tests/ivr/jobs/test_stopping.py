"""A worker that is asked to stop finishes what runs, takes nothing new, and says where it could not."""

import threading

import pytest
import sqlalchemy as sa

from ivr.jobs.backlog import backlog
from ivr.jobs.enqueue import DurableWork
from ivr.jobs.job_list import ALL_JOBS, CHARGE_ATTEMPT, JobHandler
from ivr.jobs.liveness_lock import LockTakenError, hold
from ivr.jobs.worker import Worker
from ivr.platform.clock import SystemClock
from ivr.platform.ids import RandomIds
from tests.support.running_worker import FAST, running_worker, slower
from tests.support.waiting import eventually

pytestmark = pytest.mark.postgres


def _worker(engine: sa.Engine, charge: JobHandler) -> Worker:
    handlers = dict.fromkeys(ALL_JOBS, charge)
    return Worker(engine, SystemClock(), RandomIds(), handlers, pace=slower(charges_at_once=1))


@pytest.mark.slow
def test_a_stopping_worker_finishes_what_runs_and_leaves_the_rest(engine: sa.Engine) -> None:
    durable = DurableWork(engine)
    begun, go_on = threading.Event(), threading.Event()
    done: list[str] = []

    def charge(subject_id: str, _nth: int) -> None:
        begun.set()
        assert go_on.wait(30)
        done.append(subject_id)

    with engine.begin() as tx:
        for number in range(3):
            durable.enqueue(tx, CHARGE_ATTEMPT, f"att_{number}")
    worker = _worker(engine, charge)
    answers: list[bool] = []
    worker.start()
    assert begun.wait(30)
    intake = worker._running.dbos.background_thread_stop_events
    stopping = threading.Thread(target=lambda: answers.append(worker.stop(30)))
    stopping.start()
    eventually(lambda: all(event.is_set() for event in intake), what="the end of its intake")
    go_on.set()
    stopping.join(30)
    assert answers == [True]
    assert len(done) < 3
    with running_worker(engine, {CHARGE_ATTEMPT: lambda subject_id, _: done.append(subject_id)}) as after:
        after.drain()
    assert sorted(done) == ["att_0", "att_1", "att_2"]


def test_it_works_until_it_is_told_to_stop(engine: sa.Engine) -> None:
    durable = DurableWork(engine)
    stop = threading.Event()
    with engine.begin() as tx:
        durable.enqueue(tx, CHARGE_ATTEMPT, "att_1")
    assert _worker(engine, lambda *_: stop.set()).run_until(stop, timeout_s=30)
    assert backlog(engine) == {}


@pytest.mark.slow
def test_a_worker_that_cannot_finish_keeps_its_jobs_while_it_lives(engine: sa.Engine) -> None:
    durable = DurableWork(engine)
    begun, go_on = threading.Event(), threading.Event()

    def charge(_subject_id: str, _nth: int) -> None:
        begun.set()
        assert go_on.wait(30)

    with engine.begin() as tx:
        durable.enqueue(tx, CHARGE_ATTEMPT, "att_1")
    stuck = _worker(engine, charge)
    stuck.start()
    runs, lock = stuck._running.runs, stuck._running.lock
    assert begun.wait(30)
    assert not stuck.stop(0.1)
    again: list[str] = []
    with running_worker(engine, {CHARGE_ATTEMPT: lambda subject_id, _: again.append(subject_id)}) as other:
        with pytest.raises(LockTakenError):
            hold(engine, stuck.name)
        assert again == []
        go_on.set()
        eventually(lambda: not runs.under_way())
        assert again == []
        lock.release()  # what the end of its process does
        other.drain()
    assert again == ["att_1"]


def test_a_second_worker_in_one_process_is_refused_and_the_first_goes_on(engine: sa.Engine) -> None:
    durable = DurableWork(engine)
    done: list[str] = []
    with running_worker(engine, {CHARGE_ATTEMPT: lambda subject_id, _: done.append(subject_id)}) as first:
        with pytest.raises(RuntimeError, match="in this process already"):
            _worker(engine, lambda *_: None).start()
        with engine.begin() as tx:
            durable.enqueue(tx, CHARGE_ATTEMPT, "att_1")
        first.drain()
    assert done == ["att_1"]


@pytest.mark.slow
def test_a_stopped_worker_leaves_no_thread_and_frees_its_lock(engine: sa.Engine) -> None:
    before = set(threading.enumerate())
    with running_worker(engine, {}, pace=FAST) as running:
        name = running.worker.name
    eventually(lambda: set(threading.enumerate()) <= before, what="the end of its threads")
    eventually(lambda: _is_free(engine, name), what="the end of its session")  # PostgreSQL's own time
    with pytest.raises(RuntimeError, match="not started"):
        running.worker.stop(1)


def _is_free(engine: sa.Engine, name: str) -> bool:
    try:
        hold(engine, name).release()
    except LockTakenError:
        return False
    return True
