"""A till on each database, at a bank that every folder, and every file, may put in its place."""

import pytest
import sqlalchemy as sa

from ivr.jobs.job_list import RESOLVE_ATTEMPT, Job
from ivr.payments import timeouts
from tests.support.fake_gateway import TruthfulBank
from tests.support.payment_services import Till


@pytest.fixture
def bank() -> TruthfulBank:
    return TruthfulBank()


@pytest.fixture
def till(engine: sa.Engine, bank: TruthfulBank) -> Till:
    return Till(engine, bank=bank)


@pytest.fixture
def _frozen_after_claim(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever claims an attempt sleeps for longer than it may before it sends. The claim asks for a look."""
    enqueue = till.work.enqueue

    def and_sleep(
        tx: sa.Connection, job: Job, subject_id: str, *, nth: int = 0, delay_s: float = 0.0
    ) -> None:
        enqueue(tx, job, subject_id, nth=nth, delay_s=delay_s)
        if job == RESOLVE_ATTEMPT and delay_s:
            till.clock.advance(timeouts.SEND_WITHIN_S + 1)

    monkeypatch.setattr(till.work, "enqueue", and_sleep)
