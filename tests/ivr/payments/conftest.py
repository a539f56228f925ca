"""Payment services on each database; a folder or file may put another gateway in place of `bank`."""

import pytest
import sqlalchemy as sa

from ivr.jobs.job_list import RESOLVE_ATTEMPT, Job
from ivr.payments import timeouts
from tests.support.fake_gateway import FakeGateway
from tests.support.payment_services import PaymentServices


@pytest.fixture
def bank() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def services(engine: sa.Engine, bank: FakeGateway) -> PaymentServices:
    return PaymentServices(engine, bank=bank)


@pytest.fixture
def _frozen_after_claim(services: PaymentServices, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever claims an attempt sleeps for longer than it may before it sends. The claim asks for a look."""
    enqueue = services.work.enqueue

    def and_sleep(
        tx: sa.Connection, job: Job, subject_id: str, *, nth: int = 0, delay_s: float = 0.0
    ) -> None:
        enqueue(tx, job, subject_id, nth=nth, delay_s=delay_s)
        if job == RESOLVE_ATTEMPT and delay_s:
            services.clock.advance(timeouts.SEND_WITHIN_S + 1)

    monkeypatch.setattr(services.work, "enqueue", and_sleep)
