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
from tests.support.fake_gateway import Fate, KilledError, PreparingBank
from tests.support.link_gateway import LinkBank
from tests.support.payment_services import Till
from tests.support.refunds import ask, refund_of


def _switch(till: Till, gateway: str) -> None:
    """By the books, everything is of this gateway; the worker speaks to `bank`."""
    with till.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(gateway=gateway))


def _back(till: Till) -> None:
    """Its own gateway again; what was lost meanwhile is swept up."""
    _switch(till, till.bank.name)
    till.clock.advance(600)
    till.cashier.sweep()
    till.pass_time(600)


def _unknown_before_its_reference(till: Till) -> str:
    """Killed while it was prepared: at this gateway that proves that nobody confirmed it."""
    till.bank.fates.append(Fate.KILLED_AFTER)
    attempt_id = till.confirmed()
    job = till.work.one(CHARGE_ATTEMPT)
    with pytest.raises(KilledError):
        till.run(job)
    till.run(job)
    assert till.state(attempt_id) is State.UNKNOWN
    return attempt_id


def test_an_unknown_charge_is_not_ended_by_what_this_gateway_can_do(engine: sa.Engine) -> None:
    """Its own gateway may charge at one go: without a reference, money may be taken there."""
    till = Till(engine, bank=PreparingBank())
    attempt_id = _unknown_before_its_reference(till)
    _switch(till, "elsewhere")
    till.pass_time(700)
    attempt = till.attempt(attempt_id)
    assert attempt.state is State.UNKNOWN
    assert till.bill(attempt.bill_id) == (0, 4_000), "its part of the bill stays held"
    assert till.told(attempt_id) == ["unknown"]
    assert till.bank.looked_up == []
    _back(till)
    assert till.state(attempt_id) is State.CANCELLED
    till.assert_settled()


def test_a_refund_waits_for_its_own_gateway(till: Till) -> None:
    attempt_id = till.paid()
    refund_id = ask(till, attempt_id)
    _switch(till, "elsewhere")
    till.run(till.work.one(REFUND_PAYMENT))
    till.pass_time(700)
    assert refund_of(till, refund_id).state is RefundState.ASKED, "nobody can say that it was sent"
    assert till.bank.refunded == {}
    _back(till)
    assert refund_of(till, refund_id).state is RefundState.APPROVED
    till.assert_settled()


def test_a_page_is_not_opened_by_another_gateway(engine: sa.Engine, clock: Any) -> None:
    till = Till(engine, clock=clock, bank=LinkBank(clock))
    attempt_id = till.linked()
    _switch(till, "elsewhere")
    till.run(till.work.one(OPEN_LINK))
    assert till.state(attempt_id) is State.RESERVED, "never claimed"
    till.pass_time(120)
    assert till.state(attempt_id) is State.ABANDONED
    assert till.bank.sent == []


def test_a_hold_is_not_called_released_by_another_gateway(till: Till) -> None:
    attempt_id = till.authorized(ask=False)
    _switch(till, "elsewhere")
    with till.engine.begin() as tx:
        till.attempts.withdraw(tx, attempt_id)
    till.pass_time(700)
    assert till.state(attempt_id) is State.VOIDING
    assert till.bank.sent == []
    _back(till)
    assert till.state(attempt_id) is State.VOIDED
    till.assert_settled()
