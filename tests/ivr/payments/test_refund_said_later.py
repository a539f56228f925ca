"""What the gateway says of a refund later: that it came back, or was given back after all."""

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from gateways.events import GatewayEvent, RefundUpdated
from ivr.jobs.job_list import REFUND_PAYMENT, VERIFY_REFUND
from ivr.payments import timeouts
from ivr.payments.attempts.manual_review import Word
from ivr.payments.history import Difference
from ivr.payments.refunds.service import RefundRefusedError
from ivr.payments.refunds.store import RefundState
from tests.support import schema
from tests.support.fake_gateway import Fate
from tests.support.payment_services import Till
from tests.support.refunds import ask, refund_of

pytestmark = pytest.mark.slow


def _tell(till: Till, refund_id: str, event: str = "evt_1") -> None:
    till.cashier.gateway_events.take(GatewayEvent(event, "refund.moved", RefundUpdated(refund_id)))


def _refunded(till: Till, amount_minor: int = 4_000) -> tuple[str, str]:
    attempt_id = till.paid(amount_minor=amount_minor)
    refund_id = ask(till, attempt_id)
    till.run_due()
    assert refund_of(till, refund_id).state is RefundState.APPROVED
    return attempt_id, refund_id


def _bounce(till: Till, refund_id: str) -> None:
    """The payer's bank sends the refund back."""
    del till.bank.refunded[refund_id]
    till.bank.refund_declined.add(refund_id)


def _notes(till: Till, attempt_id: str, event: str) -> list[str]:
    moves = schema.attempt_move.c
    with till.engine.begin() as tx:
        query = sa.select(moves.note).where(moves.attempt_id == attempt_id, moves.event == event)
        return list(tx.execute(query.order_by(moves.id)).scalars())


@pytest.mark.postgres
def test_a_returned_refund_is_rechecked_until_the_gateway_answers(till: Till) -> None:
    attempt_id, refund_id = _refunded(till)
    _bounce(till, refund_id)
    till.bank.fates += [Fate.NEVER] * 3
    _tell(till, refund_id)
    till.run_due()
    assert refund_of(till, refund_id).state is RefundState.APPROVED
    till.pass_time(60)
    assert till.ledger() == till.bank.money() == {attempt_id: 4_000}
    assert till.work.waiting() == []
    assert refund_of(till, refund_id).verify_since is None
    assert _notes(till, attempt_id, Difference.REFUND_CAME_BACK) == [
        f"{refund_id} the refund came back; 40.00 EUR is owed to the payer"
    ]


def test_a_refund_unknown_for_a_day_needs_review(till: Till) -> None:
    attempt_id, refund_id = _refunded(till)
    till.bank.fates += [Fate.NEVER] * 1000
    with capture_logs() as logs:
        _tell(till, refund_id)
        till.pass_time(timeouts.NEEDS_REVIEW_AFTER_S - 1)
        assert [one for one in logs if one["log_level"] == "error"] == []
        till.pass_time(2 * timeouts.LOOK_AT_MOST_S)
    assert [one["event"] for one in logs if one["log_level"] == "error"] == ["refund_notice_for_a_person"]
    assert len(_notes(till, attempt_id, "refund_unverified")) == 1
    assert till.work.waiting() == []


def test_a_notice_of_a_refund_during_a_look_makes_us_look_now(till: Till) -> None:
    attempt_id = till.paid()
    till.bank.fates += [Fate.LATE] + [Fate.NEVER] * 4
    refund_id = ask(till, attempt_id)
    till.pass_time(9)
    assert refund_of(till, refund_id).state is RefundState.UNKNOWN
    till.clock.advance(7)

    def meanwhile() -> None:
        till.bank.before_answer = lambda: None
        till.bank.deliver()
        _tell(till, refund_id)

    till.bank.before_answer = meanwhile
    till.bank.fates.append(Fate.LOST_REPLY)
    till.run_due()
    assert refund_of(till, refund_id).state is RefundState.APPROVED, "the notice's own look was dropped"


def test_a_notice_while_a_refund_is_verified_has_its_own_look(till: Till) -> None:
    attempt_id, refund_id = _refunded(till)
    _bounce(till, refund_id)
    _tell(till, refund_id)

    def meanwhile() -> None:
        till.bank.before_answer = lambda: None
        _tell(till, refund_id, "evt_2")

    till.bank.before_answer = meanwhile
    till.bank.fates.append(Fate.LOST_REPLY)
    till.run_due()
    assert till.ledger() == till.bank.money() == {attempt_id: 4_000}
    assert VERIFY_REFUND not in [one.job for one in till.work.waiting()]


@pytest.mark.parametrize("is_paid", [True, False])
def test_a_returned_refund_is_booked_once_the_bill_is_no_longer_being_paid(
    till: Till, *, is_paid: bool
) -> None:
    first, refund_id = _refunded(till)
    bill_id = till.attempt(first).bill_id
    second = till.make(bill_id, 10_000)  # all that is due
    assert second is not None
    _bounce(till, refund_id)
    _tell(till, refund_id)
    with capture_logs() as logs:
        till.run_due()
        assert refund_of(till, refund_id).state is RefundState.APPROVED
        assert till.bill(bill_id) == (0, 10_000), "nothing is changed under the other payment"
        if is_paid:
            till.confirm(second)
            till.run_due()
        else:
            with till.engine.begin() as tx:
                till.attempts.withdraw(tx, second)
        till.pass_time(60)
    refund = refund_of(till, refund_id)
    assert (refund.state, refund.verify_since) == (RefundState.DECLINED, None)
    assert till.ledger() == till.bank.money()
    assert till.bill(bill_id) == (14_000 if is_paid else 4_000, 0)
    assert till.told(first)[-1] == "refund_declined"
    [note] = _notes(till, first, "refund_declined")
    [told] = [one for one in logs if one["log_level"] == "error"]
    assert (told["event"], told["overpaid_minor"]) == ("refund_came_back", 4_000 if is_paid else 0)
    assert ("40.00 EUR too much is paid" in note) == is_paid, "a person reads that it is held twice"
    assert till.work.waiting() == []


def test_a_returned_refund_is_not_given_up_while_the_bill_is_held(till: Till) -> None:
    first, refund_id = _refunded(till)
    second = till.make(till.attempt(first).bill_id, 10_000)
    assert second is not None
    till.confirm(second)
    till.bank.fates += [Fate.NEVER, Fate.NEVER, Fate.NEVER]  # its charge, and the looks at it
    till.run_due()
    till.clock.advance(timeouts.NEEDS_REVIEW_AFTER_S)
    till.run_due()
    _bounce(till, refund_id)
    _tell(till, refund_id)
    with capture_logs() as logs:
        till.pass_time(timeouts.NEEDS_REVIEW_AFTER_S + 2 * 3600)
    late = [one for one in logs if one["log_level"] == "error"]
    assert {one["event"] for one in late} == {"refund_came_back_to_a_bill_that_is_being_paid"}
    assert len(late) == 2, "every hour"
    with till.engine.begin() as tx:
        till.cashier.decide(tx, second, Word.NOT_CHARGED, who="ana")
    till.pass_time(3600)
    assert till.ledger() == till.bank.money() == {first: 4_000}


def _declined_by_a_slip(till: Till, amount_minor: int) -> tuple[str, str]:
    """The bank gave it back, and a person said that it did not."""
    attempt_id = till.paid()
    till.bank.fates += [Fate.LOST_REPLY, Fate.NEVER, Fate.NEVER]
    refund_id = ask(till, attempt_id, amount_minor)
    till.run_due()
    till.clock.advance(timeouts.NEEDS_REVIEW_AFTER_S)
    till.run_due()
    with till.engine.begin() as tx:
        till.cashier.refunds.decide(tx, refund_id, refunded=False, who="ana")
    assert till.attempt(attempt_id).refunded_minor == 0
    return attempt_id, refund_id


@pytest.mark.postgres
def test_a_refund_that_was_given_back_after_all_is_booked(till: Till) -> None:
    attempt_id, refund_id = _declined_by_a_slip(till, 4_000)
    _tell(till, refund_id)
    till.run_due()
    assert refund_of(till, refund_id).state is RefundState.APPROVED
    assert till.told(attempt_id) == ["approved", "refund_declined", "refunded"]
    with pytest.raises(RefundRefusedError, match="refunded in full"):
        ask(till, attempt_id)
    till.assert_settled()


def test_a_declined_refund_that_succeeded_waits_for_its_replacement(till: Till) -> None:
    attempt_id, refund_id = _declined_by_a_slip(till, 3_000)
    till.bank.fates += [Fate.NEVER, Fate.NEVER]  # nobody knows yet of the second
    again = ask(till, attempt_id)
    till.run_due()
    _tell(till, refund_id)
    till.run_due()
    assert refund_of(till, refund_id).state is RefundState.DECLINED, "more was never given back than was paid"
    till.pass_time(120)
    assert refund_of(till, again).state is RefundState.DECLINED
    assert refund_of(till, refund_id).state is RefundState.APPROVED
    till.assert_settled()


@pytest.mark.parametrize("is_looked_up", [True, False])
def test_an_answer_after_a_persons_decision_is_rechecked(till: Till, *, is_looked_up: bool) -> None:
    attempt_id = till.paid()
    refund_id = ask(till, attempt_id)
    if is_looked_up:
        till.bank.fates.append(Fate.LOST_REPLY)
        till.run(next(one for one in till.work.waiting() if one.job == REFUND_PAYMENT))

    def meanwhile() -> None:
        till.bank.before_answer = lambda: None
        with till.engine.begin() as tx:
            tx.execute(sa.update(schema.refund).values(state=RefundState.NEEDS_REVIEW))
            till.cashier.refunds.decide(tx, refund_id, refunded=False, who="ana")
        ask(till, attempt_id)

    till.bank.before_answer = meanwhile
    till.pass_time(60)
    assert refund_of(till, refund_id).state is RefundState.APPROVED
    till.assert_settled()


def test_a_refund_that_never_fits_the_books_is_reported_after_a_day(till: Till) -> None:
    attempt_id, refund_id = _declined_by_a_slip(till, 4_000)
    with till.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(refunded_minor=1))
    with capture_logs() as logs:
        _tell(till, refund_id)
        till.pass_time(timeouts.NEEDS_REVIEW_AFTER_S + 2 * timeouts.LOOK_AT_MOST_S)
    assert [one["event"] for one in logs if one["log_level"] == "critical"] == ["gateway_contradicts_itself"]
    assert _notes(till, attempt_id, "contradiction") == [f"{refund_id} the gateway says approved"]
    assert till.work.waiting() == []


def test_a_returned_refund_is_never_booked_twice(till: Till) -> None:
    attempt_id, refund_id = _refunded(till)
    _bounce(till, refund_id)
    _tell(till, refund_id)
    till.run_due()
    till.bank.refund_declined.clear()
    till.bank.refunded[refund_id] = (attempt_id, 4_000)  # the bank breaks its word
    _tell(till, refund_id, "evt_2")
    till.run_due()
    assert refund_of(till, refund_id).state is RefundState.DECLINED
    assert till.ledger() == {attempt_id: 4_000}
