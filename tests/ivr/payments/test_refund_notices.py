"""What a gateway tells of refunds: ours are looked up, those made by hand are told to a person."""

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from gateways.notices import (
    GivenBack,
    RefundMoved,
)
from ivr.payments import differences
from ivr.payments.differences import Difference
from ivr.work.jobs import (
    REFUND_PAYMENT,
    VERIFY_REFUND,
)
from tests.support.bank import Fate
from tests.support.telling_bank import TellingBank, lose_sight, tell
from tests.support.till import Till


@pytest.fixture
def bank() -> TellingBank:
    return TellingBank()


@pytest.fixture
def till(engine: sa.Engine, bank: TellingBank) -> Till:
    return Till(engine, bank=bank)


def test_a_refund_that_is_unknown_is_looked_up_and_one_that_is_over_is_verified(till: Till) -> None:
    attempt_id = till.paid()
    with till.engine.begin() as tx:
        refund = till.cashier.ask_refund(tx, attempt_id, 1_000, asked_by="ana")
    till.bank.fates += [Fate.LOST_REPLY, Fate.NEVER]
    till.run_due()
    tell(till, RefundMoved(refund.id), "evt_1")
    till.run_due()
    assert till.told(attempt_id) == ["approved", "refunded"]
    tell(till, RefundMoved(refund.id), "evt_2")
    assert VERIFY_REFUND in {one.job for one in till.work.waiting()}
    del till.bank.refunded[refund.id]
    till.bank.refund_declined.add(refund.id)  # the payer's bank sent it back
    with capture_logs() as logs:
        till.run_due()
    assert [one["event"] for one in logs if one["log_level"] == "error"] == ["refund_came_back"]
    assert till.told(attempt_id) == ["approved", "refunded", "refund_declined"]
    assert till.attempt(attempt_id).refunded_minor == 0
    assert till.bill(till.attempt(attempt_id).bill_id) == (4_000, 0)
    assert till.ledger() == till.bank.money() == {attempt_id: 4_000}
    tell(till, RefundMoved(refund.id), "evt_3")
    till.run_due()
    assert till.ledger() == {attempt_id: 4_000}


def test_what_was_given_back_by_hand_is_told_and_the_books_stay(till: Till) -> None:
    attempt_id = till.paid()
    with till.engine.begin() as tx:
        till.cashier.ask_refund(tx, attempt_id, 1_000, asked_by="a test")
    till.bank.fates += [Fate.LOST_REPLY]
    till.run(next(one for one in till.work.waiting() if one.job == REFUND_PAYMENT))
    tell(till, GivenBack(attempt_id, 1_000), "evt_1")  # our own answer was lost
    till.run_due()
    tell(till, GivenBack(attempt_id, 1_000), "evt_2")
    assert _differences(till, attempt_id) == []
    with capture_logs() as logs:
        tell(till, GivenBack(attempt_id, 3_500), "evt_3")
    assert [one["event"] for one in logs if one["log_level"] == "error"] == ["given_back_elsewhere"]
    [told] = _differences(till, attempt_id)
    assert told.kind is Difference.GIVEN_BACK_ELSEWHERE
    assert told.note == "the gateway gave back 35.00 EUR in all, and by our books 10.00 EUR"
    till.run_due()
    till.assert_settled()


def test_a_late_notice_of_a_refund_that_came_back_since_is_no_difference(till: Till) -> None:
    attempt_id = till.paid()
    with till.engine.begin() as tx:
        refund = till.cashier.ask_refund(tx, attempt_id, 1_000, asked_by="ana")
    till.run_due()
    given_at = till.clock.now()
    till.pass_time(3600)
    tell(till, RefundMoved(refund.id), "evt_1")
    del till.bank.refunded[refund.id]
    till.bank.refund_declined.add(refund.id)
    till.run_due()
    tell(till, GivenBack(attempt_id, 1_000), "evt_2", given_at)
    kinds = [one.kind for one in _differences(till, attempt_id)]
    assert kinds == [Difference.REFUND_CAME_BACK]
    till.pass_time(3600)
    tell(till, GivenBack(attempt_id, 1_000), "evt_3", till.clock.now())  # and now by hand
    assert _differences(till, attempt_id)[-1].kind is Difference.GIVEN_BACK_ELSEWHERE


def test_what_was_given_back_of_no_payment_of_ours_is_only_a_hint(till: Till) -> None:
    """As a gateway tells it that only lets go of what it held."""
    tell(till, GivenBack("attempt_of_nobody", 1_000), "evt_1")
    attempt_id = lose_sight(till, Fate.NEVER)
    till.pass_time(60)
    looks = len(till.bank.looked_up)
    tell(till, GivenBack(attempt_id, 4_000), "evt_2")
    till.run_due()
    assert len(till.bank.looked_up) == looks + 1
    assert _differences(till, attempt_id) == []


def _differences(till: Till, attempt_id: str) -> list[differences.Told]:
    with till.engine.begin() as tx:
        return differences.of_payment(tx, attempt_id)
