"""What the merchant hears of a payment: recorded with it or not at all, posted until it is taken, the same
each time.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from gateways.secret import Secret
from ivr.integrations.signed_post import SignedPost
from ivr.integrations.webhooks_out import WebhookJob, WebhookKind, record
from ivr.jobs.job_list import POST_MERCHANT_WEBHOOK
from ivr.jobs.retry import POST_WEBHOOK
from ivr.platform.database.engine import reading
from tests.support.merchant_server import MerchantServer, is_genuine, merchant_server
from tests.support.recorded_jobs import RecordedJobs
from tests.support.schema import attempt, bill, outcome
from tests.support.time_and_ids import ManualClock, SequentialIds

SECRET = Secret("merchant-secret")


@pytest.fixture
def merchant() -> Iterator[MerchantServer]:
    with merchant_server() as server:
        yield server


@pytest.fixture
def paid(engine: sa.Engine, clock: ManualClock) -> str:
    """The id of an attempt that stands in the database."""
    now = clock.now()
    with engine.begin() as tx:
        tx.execute(
            bill.insert().values(
                id="bill_1",
                reference="12345678",
                currency="EUR",
                billed_minor=4990,
                minimum_minor=4990,
                source="api",
                created_at=now,
                updated_at=now,
            )
        )
        tx.execute(
            attempt.insert().values(
                id="att_1",
                made_for="call_1.5",
                reference="87654321",
                bill_id="bill_1",
                language="es",
                amount_minor=4990,
                currency="EUR",
                gateway="sandbox",
                state="approved",
                created_at=now,
                deadline_at=now,
            )
        )
    return "att_1"


@pytest.fixture
def tell(engine: sa.Engine, clock: ManualClock, ids: SequentialIds, work: RecordedJobs, paid: str) -> Any:
    def tell(kind: WebhookKind = WebhookKind.PAYMENT_APPROVED) -> None:
        with engine.begin() as tx:
            record(
                tx,
                kind=kind,
                source_id=paid,
                attempt_id=paid,
                facts={"payer": "José", "amount": "49.90"},
                work=work,
                clock=clock,
                ids=ids,
            )

    return tell


@pytest.fixture
def deliver(engine: sa.Engine, merchant: MerchantServer, clock: ManualClock, work: RecordedJobs) -> Any:
    """Runs the one delivery that is waiting."""
    deliverer = WebhookJob(engine, SignedPost(merchant.url + "/outcomes", [SECRET], 2.0), work, clock)

    def deliver() -> None:
        [asked] = work.take(POST_MERCHANT_WEBHOOK)
        clock.advance(asked.delay_s)
        deliverer(asked.subject_id, asked.nth)

    return deliver


def row(engine: sa.Engine) -> Any:
    with reading(engine) as tx:
        return tx.execute(sa.select(outcome)).one()


def test_recorded_with_the_payment_or_not_at_all(
    engine: sa.Engine, clock: ManualClock, ids: SequentialIds, work: RecordedJobs, paid: str
) -> None:
    with engine.connect() as tx, tx.begin() as transaction:
        record(
            tx,
            kind=WebhookKind.PAYMENT_APPROVED,
            source_id=paid,
            attempt_id=paid,
            facts={},
            work=work,
            clock=clock,
            ids=ids,
        )
        transaction.rollback()
    with reading(engine) as tx:
        assert tx.execute(sa.select(outcome)).all() == []


@pytest.mark.postgres
def test_the_same_outcome_twice_is_one(engine: sa.Engine, work: RecordedJobs, tell: Any) -> None:
    tell()
    tell()
    tell(WebhookKind.REFUND_APPROVED)
    assert work.names() == ["deliver_outcome", "deliver_outcome"]
    with reading(engine) as tx:
        assert tx.execute(sa.select(sa.func.count()).select_from(outcome)).scalar_one() == 2


def test_delivered_signed_and_once(
    *,
    engine: sa.Engine,
    merchant: MerchantServer,
    clock: ManualClock,
    work: RecordedJobs,
    tell: Any,
    deliver: Any,
) -> None:
    tell()
    merchant.status = 204
    deliver()
    [posted] = merchant.posted
    assert posted.path == "/outcomes"
    assert is_genuine(SECRET, posted.headers["Paybycall-Signature"], posted.body, clock.now())
    assert json.loads(posted.body) == {
        "id": "out_1",
        "type": "payment.approved",
        "created": "2026-11-22T10:00:00.000Z",
        "data": {"payment_id": "att_1", "payer": "José", "amount": "49.90"},
    }
    assert (row(engine).state, row(engine).tries, row(engine).delivered_at) == ("delivered", 1, clock.now())
    assert work.asked == []


def test_a_repeat_after_delivery_posts_nothing(
    *,
    engine: sa.Engine,
    merchant: MerchantServer,
    clock: ManualClock,
    work: RecordedJobs,
    tell: Any,
    deliver: Any,
) -> None:
    tell()
    deliver()
    WebhookJob(engine, SignedPost(merchant.url, [SECRET], 2.0), work, clock)("out_1", 0)
    WebhookJob(engine, SignedPost(merchant.url, [SECRET], 2.0), work, clock)("out_unknown", 0)
    assert len(merchant.posted) == 1


def test_tried_again_with_the_same_body_until_it_is_taken(
    engine: sa.Engine, merchant: MerchantServer, clock: ManualClock, tell: Any, deliver: Any
) -> None:
    tell()
    for status in (500, 404, 302):
        merchant.status = status
        deliver()
        assert (row(engine).state, row(engine).last_answer) == ("waiting", f"status {status}")
    merchant.misbehave = lambda _: None
    deliver()
    merchant.misbehave, merchant.status = None, 200
    deliver()
    assert (row(engine).state, row(engine).tries) == ("delivered", 5)
    assert len({posted.body for posted in merchant.posted}) == 1
    assert len({posted.headers["Paybycall-Signature"] for posted in merchant.posted}) == 5


def test_given_up_loudly_after_three_days(
    *,
    engine: sa.Engine,
    merchant: MerchantServer,
    clock: ManualClock,
    work: RecordedJobs,
    tell: Any,
    deliver: Any,
) -> None:
    began = clock.now()
    tell()
    merchant.status = 500
    with capture_logs() as logs:
        for _ in range(len(POST_WEBHOOK.delays_s) + 1):
            deliver()
    assert row(engine).state == "given_up"
    assert work.asked == []
    assert 2 < (clock.now() - began).total_seconds() / 86_400 <= 3
    assert [(one["event"], one["log_level"]) for one in logs][-1] == ("outcome_given_up", "error")
    assert "merchant-secret" not in repr(logs)
    assert "José" not in repr(logs)


def test_a_try_that_is_run_again_asks_for_one_follow_up(
    engine: sa.Engine, merchant: MerchantServer, clock: ManualClock, work: RecordedJobs, tell: Any
) -> None:
    tell()
    merchant.status = 500
    deliverer = WebhookJob(engine, SignedPost(merchant.url, [SECRET], 2.0), work, clock)
    deliverer("out_1", 0)
    deliverer("out_1", 0)
    assert [(asked.nth, asked.delay_s) for asked in work.take(POST_MERCHANT_WEBHOOK)] == [(0, 0.0), (1, 60)]
    assert row(engine).tries == 1


@pytest.mark.postgres
def test_no_url_any_more(engine: sa.Engine, clock: ManualClock, work: RecordedJobs, tell: Any) -> None:
    tell()
    WebhookJob(engine, None, work, clock)("out_1", 0)
    assert (row(engine).state, row(engine).last_answer) == ("given_up", "OUTCOME_URL is not set")
