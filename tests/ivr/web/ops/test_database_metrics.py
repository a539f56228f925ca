"""Sums read from the database: true in every process, and nobody's number in them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from ivr.messaging import messages
from ivr.messaging import templates as texts
from ivr.messaging.messages import Purpose
from ivr.messaging.templates import ReceiptText
from ivr.web.ops.metrics import WORK_EVERY, Books, Metrics
from tests.support.approved_payment import approved_attempt
from tests.support.recorded_jobs import RecordedJobs
from tests.support.schema import attempt, call
from tests.support.time_and_ids import ManualClock, SequentialIds

PHONE = "+34600000001"


@pytest.fixture
def metrics(engine: sa.Engine, clock: ManualClock) -> Metrics:
    return Metrics(Books(engine, clock, dict))


def test_an_empty_database_has_sums_too(metrics: Metrics) -> None:
    shown = metrics.exposition().decode()
    assert "paybycall_calls_started_total 0.0" in shown
    assert "paybycall_calls_active 0.0" in shown
    assert "paybycall_oldest_unknown_seconds 0.0" in shown
    assert "paybycall_database_up 1.0" in shown


@pytest.mark.postgres
def test_calls_attempts_declines_and_confirmations_are_counted(
    engine: sa.Engine, clock: ManualClock, ids: SequentialIds, work: RecordedJobs, metrics: Metrics
) -> None:
    with engine.begin() as tx:
        made = [approved_attempt(tx, clock, reference=f"8000000{nth}") for nth in range(4)]
        messages.record(
            tx,
            attempt_id=made[0],
            purpose=Purpose.OUTCOME,
            body=texts.receipt(ReceiptText("Town", 4990, "EUR", "12345678", "4242", "80000000"), "en"),
            language="en",
            recipient=PHONE,
            channel="sms",
            work=work,
            clock=clock,
            ids=ids,
        )
        _set(tx, made[1], state="declined", decline="generic")
        _set(tx, made[2], state="unknown", unknown_since=clock.now())
        ended = {"status": "ended", "ended_because": "hung_up"}
        tx.execute(call.update().where(call.c.id == made[3].replace("attempt", "call")).values(**ended))
    clock.advance(90)
    shown = metrics.exposition().decode()
    for line in (
        "paybycall_calls_started_total 4.0",
        "paybycall_calls_active 3.0",
        'paybycall_calls_ended_total{because="hung_up"} 1.0',
        'paybycall_attempts{state="approved"} 2.0',
        'paybycall_attempts{state="unknown"} 1.0',
        'paybycall_confirmations{state="queued"} 1.0',
        'paybycall_declines_total{decline="generic",gateway="sandbox"} 1.0',
        "paybycall_oldest_unknown_seconds 90.0",
    ):
        assert line in shown.splitlines()
    said = [line for line in shown.splitlines() if "_created{" not in line]  # moments, of any digits
    assert not [line for line in said if PHONE in line or "4242" in line or "12345678" in line]


@pytest.mark.postgres
def test_declines_by_codes_that_the_adapter_does_not_know_are_counted(
    engine: sa.Engine, clock: ManualClock
) -> None:
    declined = [("generic", "do_not_honor"), ("generic", "brand_new"), ("expired_card", "expired_card")]
    with engine.begin() as tx:
        for nth, (decline, code) in enumerate(declined):
            made = approved_attempt(tx, clock, reference=f"8000000{nth}")
            _set(tx, made, state="declined", decline=decline, gateway_code=code)
    known = {"sandbox": frozenset({"do_not_honor", "expired_card"}), "other": frozenset({"x"})}

    shown = Metrics(Books(engine, clock, dict, known)).exposition().decode().splitlines()

    assert 'paybycall_declines_unmapped_total{gateway="sandbox"} 1.0' in shown
    assert 'paybycall_declines_unmapped_total{gateway="other"} 0.0' in shown


def _set(tx: sa.Connection, attempt_id: str, **values: object) -> None:
    tx.execute(attempt.update().where(attempt.c.id == attempt_id).values(**values))


def test_the_engine_of_work_is_asked_now_and_then(engine: sa.Engine, clock: ManualClock) -> None:
    asked: list[int] = []

    def count() -> dict[str, int]:
        asked.append(1)
        return {"failed": len(asked)}

    metrics = Metrics(Books(engine, clock, count))
    assert b'paybycall_jobs{state="failed"} 1.0' in metrics.exposition()
    assert b'paybycall_jobs{state="failed"} 1.0' in metrics.exposition()
    clock.advance(WORK_EVERY.total_seconds())
    assert b'paybycall_jobs{state="failed"} 2.0' in metrics.exposition()


def test_a_card_keyed_too_early_is_counted_without_a_digit(metrics: Metrics) -> None:
    metrics.card_typed_early()
    assert b"paybycall_cards_typed_early_total 1.0" in metrics.exposition()


def test_two_applications_of_one_process_count_apart(
    engine: sa.Engine, clock: ManualClock, metrics: Metrics
) -> None:
    metrics.card_typed_early()
    other = Metrics(Books(engine, clock, dict))
    assert b"paybycall_cards_typed_early_total 0.0" in other.exposition()


PROCESS = """
import sys
from tests.support.time_and_ids import ManualClock
from ivr.web.ops.metrics import Books, Metrics
from ivr.platform.database.engine import make_engine
metrics = Metrics(Books(make_engine(sys.argv[1]), ManualClock(), dict), shared_dir=sys.argv[2])
metrics.card_typed_early()
sys.stdout.write(metrics.exposition().decode())
"""


@pytest.mark.slow
def test_processes_that_share_a_directory_answer_for_all(tmp_path: Path) -> None:
    shared = tmp_path / "metrics"
    shared.mkdir()
    environ = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(shared)}
    for count in (1, 2):
        shown = subprocess.run(
            [sys.executable, "-c", PROCESS, f"sqlite:///{tmp_path}/town.db", str(shared)],
            env=environ,
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[4],
        ).stdout
        assert f"paybycall_cards_typed_early_total {count}.0" in shown
