"""The worker runs what was asked for, when it is due, and again where it failed."""

import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from ivr.jobs.backlog import backlog, failed_jobs, last_tries
from ivr.jobs.enqueue import DurableWork, enqueue_options
from ivr.jobs.job_list import (
    ALL_JOBS,
    CHARGE_ATTEMPT,
    POST_MERCHANT_WEBHOOK,
    RESOLVE_ATTEMPT,
    SEND_MESSAGE,
    Job,
    Queue,
)
from ivr.jobs.store import NotMigratedError, open_client
from ivr.jobs.worker import Pace, Worker, WrongHandlersError
from ivr.platform.database.engine import make_engine
from tests.support import job_effects
from tests.support.running_worker import running_worker, slower
from tests.support.time_and_ids import ManualClock, SequentialIds
from tests.support.waiting import eventually

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


@pytest.fixture
def durable(engine: sa.Engine) -> DurableWork:
    return DurableWork(engine)


def test_a_delay_is_kept_and_a_chain_reads_the_state_anew(engine: sa.Engine, durable: DurableWork) -> None:
    links: list[int] = []

    def resolve(subject_id: str, nth: int) -> None:
        links.append(nth)
        if nth < 3:
            with engine.begin() as tx:
                durable.enqueue(tx, RESOLVE_ATTEMPT, subject_id, nth=nth + 1, delay_s=3600)

    with engine.begin() as tx:
        durable.enqueue(tx, RESOLVE_ATTEMPT, "att_1")
    with running_worker(engine, {RESOLVE_ATTEMPT: resolve}) as worker:
        worker.drain()
        assert links == [0]
        assert backlog(engine) == {"later": 1}
        worker.finish()
    assert links == [0, 1, 2, 3]


def test_a_short_delay_ends_by_itself(engine: sa.Engine, durable: DurableWork) -> None:
    ran_at: list[float] = []
    asked_at = time.time()
    with engine.begin() as tx:
        durable.enqueue(tx, CHARGE_ATTEMPT, "att_1", delay_s=0.2)
    with running_worker(engine, {CHARGE_ATTEMPT: lambda *_: ran_at.append(time.time())}):
        eventually(lambda: bool(ran_at))
    assert ran_at[0] - asked_at >= 0.2


def test_a_handler_that_raises_is_logged_and_tried_again_later_and_later(
    engine: sa.Engine, durable: DurableWork
) -> None:
    seen: list[tuple[str, int]] = []

    def charge(subject_id: str, nth: int) -> None:
        seen.append((subject_id, nth))
        if len(seen) < 4:
            raise ConnectionError("the gateway's proxy is away")

    with engine.begin() as tx:
        durable.enqueue(tx, CHARGE_ATTEMPT, "att_1", nth=7)
    with capture_logs() as logs, running_worker(engine, {CHARGE_ATTEMPT: charge}) as worker:
        eventually(lambda: len(seen) == 4)
        worker.drain()
        assert worker.worker.counts == {("charge_attempt", "raised"): 3, ("charge_attempt", "done"): 1}
    assert seen == [("att_1", 7)] * 4
    raised = [entry for entry in logs if entry["event"] == "job_raised"]
    assert [entry["next_try_in_s"] for entry in raised] == [0.02, 0.04, 0.08]
    assert all(entry["log_level"] == "error" for entry in raised)
    names = sorted(work.workflow_id for work in open_client(engine).list_workflows())
    assert names == [f"charge_attempt:att_1:7{tried}" for tried in ("", ":try1", ":try2", ":try3")]


def test_the_log_of_a_fault_names_job_and_subject(engine: sa.Engine, durable: DurableWork) -> None:
    import structlog

    bound: list[dict[str, object]] = []

    def charge(_subject_id: str, _nth: int) -> None:
        bound.append(structlog.contextvars.get_contextvars())

    with engine.begin() as tx:
        durable.enqueue(tx, CHARGE_ATTEMPT, "att_1", nth=7)
    with running_worker(engine, {CHARGE_ATTEMPT: charge}) as worker:
        worker.drain()
    assert bound == [{"job": "charge_attempt", "subject_id": "att_1", "nth": 7}]


def test_what_is_given_up_is_told_and_its_message_is_stored_nowhere(
    engine: sa.Engine, durable: DurableWork
) -> None:
    def deliver(_subject_id: str, _nth: int) -> None:
        raise ValueError("SENTINEL 4242424242424242")

    with engine.begin() as tx:
        durable.enqueue(tx, POST_MERCHANT_WEBHOOK, "out_1", nth=3)
    with (
        capture_logs() as logs,
        running_worker(engine, {POST_MERCHANT_WEBHOOK: deliver}, pace=slower(tries_max=3)) as worker,
    ):
        eventually(lambda: worker.worker.counts["deliver_outcome", "given_up"] == 1)
        worker.finish()
    (failed,) = failed_jobs(engine)
    assert (failed.job, failed.subject_id, failed.nth) == ("deliver_outcome", "out_1", 3)
    assert (failed.tries, failed.given_up, failed.fault) == (3, True, "ValueError")
    assert [entry["log_level"] for entry in logs if entry["event"] == "job_given_up"] == ["critical"]
    assert not any("SENTINEL" in str(value) for _, value in job_effects.every_value(engine))
    assert not any("Traceback" in str(value) for _, value in job_effects.every_value(engine))


def test_money_work_is_still_tried_after_the_last_try_and_told_meanwhile(
    engine: sa.Engine, durable: DurableWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.jobs.backlog.TRIES_MAX", 2)
    mended = threading.Event()
    tried: list[int] = []

    def charge(_subject_id: str, nth: int) -> None:
        tried.append(nth)
        if not mended.is_set():
            raise KeyError("a bug")

    with engine.begin() as tx:
        durable.enqueue(tx, CHARGE_ATTEMPT, "att_1")
    with running_worker(engine, {CHARGE_ATTEMPT: charge}, pace=slower(tries_max=2)) as worker:
        eventually(lambda: len(tried) == 4)
        eventually(lambda: bool(failed_jobs(engine)))
        (failing,) = failed_jobs(engine)
        assert (failing.job, failing.subject_id, failing.given_up) == ("charge_attempt", "att_1", False)
        mended.set()
        worker.finish()
    assert failed_jobs(engine) == []


def test_a_try_and_the_next_one_are_one_piece_of_work() -> None:
    """Both are there for a moment, as one ends."""
    ids = ("charge:att_1:0:try19", "charge:att_1:0:try20", "charge:att_2:0", "charge:att_1:0:try9")
    last = last_tries(SimpleNamespace(workflow_id=each) for each in ids)  # type: ignore[misc]
    assert {row.workflow_id for row in last} == {"charge:att_1:0:try20", "charge:att_2:0"}


def test_work_of_one_release_is_run_by_the_code_of_the_next(engine: sa.Engine, durable: DurableWork) -> None:
    done: list[str] = []
    with engine.begin() as tx:
        durable.enqueue(tx, CHARGE_ATTEMPT, "att_1", delay_s=3600)
    with running_worker(engine, {CHARGE_ATTEMPT: lambda *_: done.append("old")}) as old:
        old.drain()

    def rewritten(_subject_id: str, _nth: int) -> None:
        """Other code: dbos would compute another version of it."""
        done.append("new")

    with running_worker(engine, {CHARGE_ATTEMPT: rewritten}) as new:
        new.finish()
    assert done == ["new"]


def test_a_job_without_handler_and_a_handler_without_job_are_refused(engine: sa.Engine) -> None:
    handlers = {job: lambda *_: None for job in ALL_JOBS if job != CHARGE_ATTEMPT}
    handlers[Job("dance", Queue.SEND)] = lambda *_: None
    with pytest.raises(WrongHandlersError, match="no handler does charge_attempt; no such job: dance"):
        Worker(engine, ManualClock(), SequentialIds(), handlers)


def test_a_database_without_tables_for_work_is_refused_in_words(tmp_path: Path) -> None:
    bare = make_engine(f"sqlite:///{tmp_path}/bare.db")
    worker = Worker(bare, ManualClock(), SequentialIds(), {job: lambda *_: None for job in ALL_JOBS})
    with pytest.raises(NotMigratedError, match="paybycall migrate"):
        worker.start()
    bare.dispose()


def test_charges_run_side_by_side_up_to_a_limit(engine: sa.Engine, durable: DurableWork) -> None:
    now, peak = 0, 0
    counting, full = threading.Lock(), threading.Event()

    def charge(_subject_id: str, _nth: int) -> None:
        nonlocal now, peak
        with counting:
            now += 1
            peak = max(peak, now)
            if now == 3:
                full.set()
        assert full.wait(30)
        time.sleep(0.05)  # room for one too many
        with counting:
            now -= 1

    with engine.begin() as tx:
        for number in range(8):
            durable.enqueue(tx, CHARGE_ATTEMPT, f"att_{number}")
    with running_worker(engine, {CHARGE_ATTEMPT: charge}, pace=slower(charges_at_once=3)) as worker:
        worker.drain()
        assert worker.worker.counts["charge_attempt", "done"] == 8
    assert peak == 3


def test_work_about_money_comes_first_in_its_queue(engine: sa.Engine, durable: DurableWork) -> None:
    done: list[str] = []
    with engine.begin() as tx:
        for number in range(3):
            durable.enqueue(tx, POST_MERCHANT_WEBHOOK, f"out_{number}")
        durable.enqueue(tx, RESOLVE_ATTEMPT, "att_1")
    handlers = dict.fromkeys(
        (POST_MERCHANT_WEBHOOK, RESOLVE_ATTEMPT), lambda subject_id, _: done.append(subject_id)
    )
    with running_worker(engine, handlers, pace=slower(others_at_once=1)) as worker:
        worker.drain()
    assert done[0] == "att_1"
    assert len(done) == 4


def test_work_that_nobody_does_is_told_at_the_start(engine: sa.Engine) -> None:
    options = enqueue_options(CHARGE_ATTEMPT, "att_1", 0, delay_s=3600) | {"workflow_name": "dance"}
    open_client(engine).enqueue(options, "att_1", 0)
    with capture_logs() as logs, running_worker(engine, {}):
        pass
    assert {"event": "work_nobody_does", "log_level": "error", "work": {"dance on charge": 1}} in logs


def test_texts_leave_no_faster_than_the_carrier_takes_them(engine: sa.Engine, durable: DurableWork) -> None:
    with engine.begin() as tx:
        for number in range(4):
            durable.enqueue(tx, SEND_MESSAGE, f"con_{number}")
    with running_worker(engine, {SEND_MESSAGE: lambda *_: None}, pace=slower(sends_per_s=3)) as worker:
        worker.drain()
    taken_ms = sorted(work.dequeued_at for work in open_client(engine).list_workflows())
    assert taken_ms[3] - taken_ms[0] >= 1000  # on SQLite dbos counts in whole seconds of the clock


def test_the_queues_stand_as_set(engine: sa.Engine, clock: ManualClock) -> None:
    worker = Worker(engine, clock, SequentialIds(), {job: lambda *_: None for job in ALL_JOBS})
    worker.start()
    try:
        queues = {queue.name: queue for queue in open_client(engine).list_queues()}
    finally:
        assert worker.stop(5)
    assert set(queues) == set(Queue)
    charge, send, follow_up = queues["charge"], queues["send"], queues["follow_up"]
    assert (charge.polling_interval_sec, charge.worker_concurrency, charge.limiter) == (0.1, 8, None)
    assert (send.polling_interval_sec, send.limiter) == (1.0, {"limit": 10, "period": 1.0})
    assert follow_up.polling_interval_sec == 1.0
    assert Pace().take_over_every_s == 1.0


def test_work_claimed_but_never_started_is_put_back(engine: sa.Engine, durable: DurableWork) -> None:
    done: list[str] = []
    with engine.begin() as tx:
        durable.enqueue(tx, CHARGE_ATTEMPT, "att_1", delay_s=3600)
    status = job_effects.engine_tables(engine).tables[
        "workflow_status" if engine.dialect.name == "sqlite" else "dbos.workflow_status"
    ]
    with (
        capture_logs() as logs,
        running_worker(engine, {CHARGE_ATTEMPT: lambda subject_id, _: done.append(subject_id)}) as worker,
    ):
        with engine.begin() as tx:  # as dbos leaves it when it claims work and stumbles before it starts it
            tx.execute(
                sa.update(status).values(
                    status="PENDING",
                    executor_id=worker.worker.name,
                    owner_xid="gone",
                    delay_until_epoch_ms=None,
                )
            )
        worker.drain()
    assert done == ["att_1"]
    assert [entry["work_id"] for entry in logs if entry["event"] == "work_never_started"] == [
        "charge_attempt:att_1:0"
    ]
