"""What a caller who waits for a charge is told: never "not sent" of what may have gone through, and no text
is promised that nobody sends.
"""

from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from flows.pay_bill.bill import PayBill
from ivr.calls import store
from ivr.calls.payment_wait import WAIT_S_MAX
from ivr.calls.session import PaymentInCall, Session
from ivr.calls.turn import LeftBy, Turn, TurnEnd, WaitResult
from ivr.calls.waits.charge import ChargeHandler
from ivr.customers.caller import Caller
from ivr.payments.attempts.states import State
from tests.support import schema
from tests.support.payment_services import PaymentServices


@pytest.fixture
def services(engine: sa.Engine) -> PaymentServices:
    return PaymentServices(engine)


def _attempt(services: PaymentServices, state: State, *, was_claimed: bool) -> str:
    attempt_id = services.authorized(call_id=services.begin_call())
    claimed_at = services.clock.now() if was_claimed else None
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(state=state, claimed_at=claimed_at))
    return attempt_id


def _look(services: PaymentServices, attempt_id: str) -> tuple[WaitResult, Any]:
    """One look of the caller's turn; and when a text was promised."""
    used = SimpleNamespace(
        attempts=services.attempts,
        payer_of=lambda *_: None,
        refuses_cards=lambda *_: False,
        clock=services.clock,
    )
    charges = ChargeHandler(used)  # type: ignore[arg-type] # what a look uses
    session = Session("charge", PayBill(), "en", payment=PaymentInCall(attempt_id, charging=True))
    call_id = str(services.attempt(attempt_id).call_id)
    with services.engine.begin() as tx:
        row = store.lock(tx, call_id)
        assert row is not None
        fulfilled = charges.look(Turn(tx, row, 4, Caller.of("+34600111222", "ES")), session)
    return fulfilled, services.attempt(attempt_id).promised_at


@pytest.mark.parametrize(
    ("state", "was_claimed", "waits", "leaves_by"),
    [
        (State.RESERVED, False, True, "not_sent"),
        (State.AUTHORIZING, False, True, "unknown"),
        (State.AUTHORIZED, False, True, "not_sent"),
        (State.CLAIMED, True, True, "unknown"),
        (State.UNKNOWN, True, True, "unknown"),
        (State.VOIDING, False, False, "not_sent"),
        (State.VOIDING, True, True, "unknown"),
        (State.VOIDED, True, False, "not_sent"),
        (State.CANCELLED, True, False, "not_sent"),
        (State.ABANDONED, False, False, "not_sent"),
        (State.DECLINED, True, False, "try_another_card"),
        (State.APPROVED, True, False, "approved"),
        (State.NEEDS_REVIEW, True, False, "unknown"),
    ],
)
def test_the_exit_of_each_state_and_of_whoever_waited_long_enough(
    services: PaymentServices, state: State, leaves_by: str, *, was_claimed: bool, waits: bool
) -> None:
    """Whoever leaves without knowing is promised a text."""
    attempt_id = _attempt(services, state, was_claimed=was_claimed)
    fulfilled, promised_at = _look(services, attempt_id)
    if waits:
        assert isinstance(fulfilled, TurnEnd)
        assert promised_at is None
        services.clock.advance(WAIT_S_MAX)
        fulfilled, promised_at = _look(services, attempt_id)
    assert isinstance(fulfilled, LeftBy)
    assert (fulfilled.exit, fulfilled.session.payment.attempt_id) == (leaves_by, None)
    assert promised_at == (services.clock.now() if leaves_by == "unknown" else None)
