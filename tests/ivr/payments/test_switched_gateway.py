"""GATEWAY is switched while something of the old one is open: it is neither sent nor ended here, and goes on
once a worker of its own gateway is back.
"""

from typing import Any

import pytest
import sqlalchemy as sa

from ivr.jobs.job_list import CHARGE_ATTEMPT, OPEN_LINK, REFUND_PAYMENT
from ivr.payments.attempts.states import State
from ivr.payments.refunds.store import RefundState
from tests.support import schema
from tests.support.fake_gateway import Fate, KilledError, PreparingGateway
from tests.support.link_gateway import LinkGateway
from tests.support.payment_services import PaymentServices


def _switch(services: PaymentServices, gateway: str) -> None:
    """By the books, everything is of this gateway; the worker speaks to `bank`."""
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(gateway=gateway))


def _back(services: PaymentServices) -> None:
    """Its own gateway again; what was lost meanwhile is swept up."""
    _switch(services, services.bank.name)
    services.clock.advance(600)
    services.payments.sweep()
    services.pass_time(600)


def _unknown_before_its_reference(services: PaymentServices) -> str:
    """Killed while it was prepared: at this gateway that proves that nobody confirmed it."""
    services.bank.fates.append(Fate.KILLED_AFTER)
    attempt_id = services.confirmed()
    job = services.work.one(CHARGE_ATTEMPT)
    with pytest.raises(KilledError):
        services.run(job)
    services.run(job)
    assert services.state(attempt_id) is State.UNKNOWN
    return attempt_id


def test_an_unknown_charge_is_not_ended_by_what_this_gateway_can_do(engine: sa.Engine) -> None:
    """Its own gateway may charge at one go: without a reference, money may be taken there."""
    services = PaymentServices(engine, bank=PreparingGateway())
    attempt_id = _unknown_before_its_reference(services)
    _switch(services, "elsewhere")
    services.pass_time(700)
    attempt = services.attempt(attempt_id)
    assert attempt.state is State.UNKNOWN
    assert services.bill(attempt.bill_id) == (0, 4_000), "its part of the bill stays held"
    assert services.events_of(attempt_id) == ["unknown"]
    assert services.bank.looked_up == []
    _back(services)
    assert services.state(attempt_id) is State.CANCELLED
    services.assert_settled()


def test_a_refund_waits_for_its_own_gateway(services: PaymentServices) -> None:
    attempt_id = services.paid()
    refund_id = services.ask_refund(attempt_id)
    _switch(services, "elsewhere")
    services.run(services.work.one(REFUND_PAYMENT))
    services.pass_time(700)
    assert services.refund(refund_id).state is RefundState.ASKED, "nobody can say that it was sent"
    assert services.bank.refunded == {}
    _back(services)
    assert services.refund(refund_id).state is RefundState.APPROVED
    services.assert_settled()


def test_a_page_is_not_opened_by_another_gateway(engine: sa.Engine, clock: Any) -> None:
    services = PaymentServices(engine, clock=clock, bank=LinkGateway(clock))
    attempt_id = services.linked()
    _switch(services, "elsewhere")
    services.run(services.work.one(OPEN_LINK))
    assert services.state(attempt_id) is State.RESERVED, "never claimed"
    services.pass_time(120)
    assert services.state(attempt_id) is State.ABANDONED
    assert services.bank.sent == []


def test_a_hold_is_not_called_released_by_another_gateway(services: PaymentServices) -> None:
    attempt_id = services.authorized(ask=False)
    _switch(services, "elsewhere")
    with services.engine.begin() as tx:
        services.attempts.withdraw(tx, attempt_id)
    services.pass_time(700)
    assert services.state(attempt_id) is State.VOIDING
    assert services.bank.sent == []
    _back(services)
    assert services.state(attempt_id) is State.VOIDED
    services.assert_settled()
