"""What a gateway tells of payouts: kept once, and their lines read when it answers."""

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from gateways.events import PayoutFailed, PayoutSettled
from gateways.settlement import LineKind, PayoutLine
from ivr.jobs.job_list import READ_PAYOUT, RESOLVE_ATTEMPT
from ivr.jobs.retry import READ_PAYOUT_LINES
from tests.support import schema
from tests.support.fake_gateway import FakeGateway
from tests.support.payment_services import PaymentServices

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def _line(number: int, net_minor: int) -> PayoutLine:
    return PayoutLine(
        reference=f"txn_{number}",
        kind=LineKind.CHARGE,
        gateway_kind="charge",
        gross_minor=net_minor + 20,
        fee_minor=20,
        net_minor=net_minor,
        currency="EUR",
        occurred_at=NOON,
        available_on=NOON,
        charge_reference=f"ref_{number}",
        order_key=f"attempt_{number}",
    )


PAYOUT = PayoutSettled("po_1", 300, "EUR", NOON)


@pytest.mark.postgres
def test_a_payout_is_kept_once_and_read_when_the_gateway_answers(
    services: PaymentServices, bank: FakeGateway
) -> None:
    bank.lines, bank.unreachable_times = (_line(1, 100), _line(2, 200)), 2
    services.receive(PAYOUT, "evt_1")
    services.receive(PAYOUT, "evt_2")
    services.pass_time(READ_PAYOUT_LINES.delays_s[0] + READ_PAYOUT_LINES.delays_s[1] + 1)
    with services.engine.begin() as tx:
        payout = tx.execute(sa.select(schema.payout)).one()
        lines = tx.execute(sa.select(schema.payout_line).order_by(schema.payout_line.c.reference)).all()
    assert payout.read_at is not None
    assert [(one.reference, one.net_minor, one.attempt_id) for one in lines] == [
        ("txn_1", 100, "attempt_1"),
        ("txn_2", 200, "attempt_2"),
    ]
    services.handlers[READ_PAYOUT](payout.id, 0)
    with services.engine.begin() as tx:
        assert tx.execute(sa.select(sa.func.count()).select_from(schema.payout_line)).scalar_one() == 2


def test_a_payout_that_does_not_add_up_is_kept_and_told(services: PaymentServices, bank: FakeGateway) -> None:
    bank.lines = (_line(1, 100),)
    services.receive(PAYOUT)
    with capture_logs() as logs:
        services.run_due()
    told = [one for one in logs if one["event"] == "payout_does_not_add_up"]
    assert [(one["payout"], one["difference_minor"]) for one in told] == [("po_1", 200)]


def test_a_gateway_that_never_answers_is_given_up_with_an_error(
    services: PaymentServices, bank: FakeGateway
) -> None:
    bank.unreachable_times = len(READ_PAYOUT_LINES.delays_s) + 1
    services.receive(PAYOUT)
    with capture_logs() as logs:
        services.pass_time(sum(READ_PAYOUT_LINES.delays_s) + 10)
    assert [one["event"] for one in logs if one["log_level"] == "error"] == ["payout_not_read"]
    assert RESOLVE_ATTEMPT not in {one.job for one in services.work.waiting()}


FAILED = PayoutFailed("po_1", 300, "EUR", NOON, "account_closed")


def _payout(services: PaymentServices) -> sa.Row[Any]:
    with services.engine.begin() as tx:
        return tx.execute(sa.select(schema.payout)).one()


@pytest.mark.parametrize("is_told_before", [True, False])
def test_a_failed_payout_stays_failed_in_any_order_of_webhooks(
    services: PaymentServices, bank: FakeGateway, is_told_before: bool
) -> None:
    bank.lines = (_line(1, 100), _line(2, 200))
    told = [PAYOUT, FAILED] if is_told_before else [FAILED, PAYOUT]
    with capture_logs() as logs:
        for number, notice in enumerate(told):
            services.receive(notice, f"evt_{number}")
            services.run_due()
    errors = [(one["event"], one["gateway_code"]) for one in logs if one["log_level"] == "error"]
    assert errors == [("payout_failed", "account_closed")]
    kept = _payout(services)
    assert (kept.failed_at, kept.failure_code) == (services.clock.now(), "account_closed")
    assert kept.read_at is not None, "its lines are what the gateway has again"


@pytest.mark.postgres
def test_a_payout_that_failed_and_was_never_settled_is_kept(services: PaymentServices) -> None:
    """One that was sent by hand has no lines to be asked for."""
    services.receive(FAILED)
    kept = _payout(services)
    assert (kept.reference, kept.amount_minor, kept.currency, kept.arrives) == ("po_1", 300, "EUR", NOON)
    assert services.work.waiting() == []
