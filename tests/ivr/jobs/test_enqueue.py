"""Work is asked for in the transaction of the row that causes it: both are kept, or neither is."""

import subprocess
import sys

import pytest
import sqlalchemy as sa

from ivr.jobs.enqueue import DurableWork
from ivr.jobs.job_list import CHARGE_ATTEMPT, RESOLVE_ATTEMPT, SEND_MESSAGE
from ivr.jobs.store import VERSION, migrate_work, open_client
from tests.support import job_effects
from tests.support.running_worker import running_worker

pytestmark = pytest.mark.postgres


@pytest.fixture
def durable(engine: sa.Engine) -> DurableWork:
    job_effects.metadata.create_all(engine)
    return DurableWork(engine)


def _asked(engine: sa.Engine) -> list[str]:
    return [work.workflow_id for work in open_client(engine).list_workflows()]


def test_the_row_and_its_work_are_kept_together(engine: sa.Engine, durable: DurableWork) -> None:
    with engine.begin() as tx:
        tx.execute(sa.insert(job_effects.subject).values(id="att_1"))
        durable.enqueue(tx, CHARGE_ATTEMPT, "att_1")
    assert _asked(engine) == ["charge_attempt:att_1:0"]


def test_a_roll_back_takes_the_work_away_with_the_row(engine: sa.Engine, durable: DurableWork) -> None:
    with engine.begin() as tx:
        tx.execute(sa.insert(job_effects.subject).values(id="att_1"))
        durable.enqueue(tx, CHARGE_ATTEMPT, "att_1")
        tx.rollback()
    assert _asked(engine) == []
    with engine.connect() as connection:
        assert connection.execute(sa.select(job_effects.subject)).all() == []


@pytest.mark.slow
def test_enqueueing_the_same_job_again_does_nothing(engine: sa.Engine, durable: DurableWork) -> None:
    seen: list[tuple[str, int]] = []

    def ask(delay_s: float = 0.0) -> None:
        with engine.begin() as tx:
            durable.enqueue(tx, CHARGE_ATTEMPT, "att_1", nth=2, delay_s=delay_s)

    def charge(subject_id: str, nth: int) -> None:
        ask()  # while it runs
        seen.append((subject_id, nth))

    ask(delay_s=3600)
    ask()  # while it waits for its time
    with running_worker(engine, {CHARGE_ATTEMPT: charge}) as worker:
        worker.drain()
        assert seen == []  # the second did not make the first come earlier
        worker.finish()
        ask()  # when it is done
        worker.finish()
    assert seen == [("att_1", 2)]


def test_each_repeat_and_each_job_of_a_subject_is_a_job_of_its_own(
    engine: sa.Engine, durable: DurableWork
) -> None:
    with engine.begin() as tx:
        durable.enqueue(tx, RESOLVE_ATTEMPT, "att_1")
        durable.enqueue(tx, RESOLVE_ATTEMPT, "att_1", nth=1)
        durable.enqueue(tx, CHARGE_ATTEMPT, "att_1")
    assert len(_asked(engine)) == 3


def test_a_card_number_is_no_subject(engine: sa.Engine, durable: DurableWork) -> None:
    with engine.begin() as tx:
        with pytest.raises(ValueError, match="bare digits") as refused:
            durable.enqueue(tx, CHARGE_ATTEMPT, "4242424242424242")
        with pytest.raises(ValueError, match="needs the id"):
            durable.enqueue(tx, CHARGE_ATTEMPT, "")
    assert "4242" not in str(refused.value)


@pytest.mark.slow
def test_what_is_written_is_json_under_a_constant_version(engine: sa.Engine, durable: DurableWork) -> None:
    with engine.begin() as tx:
        durable.enqueue(tx, CHARGE_ATTEMPT, "att_1", nth=1)
        durable.enqueue(tx, SEND_MESSAGE, "con_1", delay_s=5)
    with running_worker(engine, {CHARGE_ATTEMPT: lambda *_: None, SEND_MESSAGE: lambda *_: None}) as worker:
        worker.finish()
    written = dict[str, set[object]]()
    for field, value in job_effects.every_value(engine):
        written.setdefault(field, set()).add(value)
    assert written["workflow_status.serialization"] == {"portable_json"}
    assert written["workflow_status.application_version"] == {VERSION} == {"1"}
    assert '{"namedArgs":{},"positionalArgs":["att_1",1]}' in written["workflow_input.inputs"]
    texts = [value for values in written.values() for value in values if isinstance(value, str)]
    assert not any(text.startswith("gA") for text in texts), "a pickle, in base64"


def test_migrating_again_changes_nothing(engine: sa.Engine, durable: DurableWork) -> None:
    with engine.begin() as tx:
        durable.enqueue(tx, CHARGE_ATTEMPT, "att_1")
    migrate_work(engine)
    assert _asked(engine) == ["charge_attempt:att_1:0"]


@pytest.mark.slow
def test_asking_for_work_loads_no_engine() -> None:
    code = "import sys, ivr.jobs.job_list, ivr.jobs.enqueue, ivr.jobs.worker; sys.exit('dbos' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
