"""Work that was over long ago is forgotten at night, and on the morning after a night without a worker."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from ivr.jobs import store as clean_up
from ivr.jobs.enqueue import DurableWork
from ivr.jobs.job_list import CHARGE_ATTEMPT
from ivr.jobs.store import open_client
from ivr.platform.clock import SystemClock
from tests.support import job_effects
from tests.support.running_worker import running_worker
from tests.support.time_and_ids import ManualClock
from tests.support.waiting import eventually

pytestmark = pytest.mark.postgres


def _do(engine: sa.Engine, *subjects: str) -> None:
    durable = DurableWork(engine)
    with engine.begin() as tx:
        for subject_id in subjects:
            durable.enqueue(tx, CHARGE_ATTEMPT, subject_id)
    with running_worker(engine, {CHARGE_ATTEMPT: lambda *_: None}) as worker:
        worker.drain()


@pytest.mark.slow
def test_what_is_over_for_a_month_is_forgotten_and_nothing_else(engine: sa.Engine) -> None:
    _do(engine, "att_1", "att_2")
    durable = DurableWork(engine)
    with engine.begin() as tx:
        durable.enqueue(tx, CHARGE_ATTEMPT, "att_waiting", delay_s=3600)
    client = open_client(engine)
    now = SystemClock().now()
    assert clean_up.forget_work(client, now + timedelta(days=29)) == 0
    assert clean_up.forget_work(client, now + timedelta(days=31)) == 2
    assert [work.workflow_id for work in client.list_workflows()] == ["charge_attempt:att_waiting:0"]
    assert not any("att_1" in str(value) for _, value in job_effects.every_value(engine))


@pytest.mark.slow
def test_more_than_one_batch_is_forgotten(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clean_up, "_BATCH", 2)
    _do(engine, *(f"att_{number}" for number in range(5)))
    assert clean_up.forget_work(open_client(engine), SystemClock().now() + timedelta(days=31)) == 5


@pytest.mark.slow
def test_it_is_done_by_the_worker_at_night(engine: sa.Engine) -> None:
    _do(engine, "att_1")
    client = open_client(engine)
    (schedule,) = client.list_schedules()
    assert (schedule["schedule"], schedule["automatic_backfill"]) == ("30 3 * * *", True)
    next_month = ManualClock(SystemClock().now() + timedelta(days=31))
    with running_worker(engine, {}, clock=next_month) as worker:
        client.trigger_schedule(clean_up.CLEAN_UP)
        worker.drain()
    assert "charge_attempt:att_1:0" not in {work.workflow_id for work in client.list_workflows()}


@pytest.mark.slow
def test_a_missed_night_is_made_up_for(engine: sa.Engine) -> None:
    _do(engine, "att_1")
    client = open_client(engine)
    yesterday = SystemClock().now() - timedelta(days=1, minutes=1)
    client._sys_db.update_last_fired_at(clean_up.CLEAN_UP, yesterday.isoformat())
    with running_worker(engine, {}) as worker:
        eventually(lambda: bool(client.list_workflows(name=clean_up.CLEAN_UP)))
        worker.drain()
    assert {work.status for work in client.list_workflows(name=clean_up.CLEAN_UP)} == {"SUCCESS"}
