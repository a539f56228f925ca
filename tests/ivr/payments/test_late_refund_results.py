"""What the gateway says of a refund later: that it came back, or was given back after all."""

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from gateways.events import GatewayEvent, RefundUpdated
from ivr.jobs.job_list import RECHECK_REFUND, REFUND_PAYMENT
from ivr.payments import timeouts
from ivr.payments.attempts.manual_review import Word
from ivr.payments.history import Difference
from ivr.payments.refunds.service import RefundRefusedError
from ivr.payments.refunds.store import RefundState
from tests.support import schema
from tests.support.fake_gateway import Fate
from tests.support.payment_services import PaymentServices

pytestmark = pytest.mark.slow


def _tell(services: PaymentServices, refund_id: str, event: str = "evt_1") -> None:
    services.payments.gateway_events.take(GatewayEvent(event, "refund.moved", RefundUpdated(refund_id)))


def _refunded(services: PaymentServices, amount_minor: int = 4_000) -> tuple[str, str]:
    attempt_id = services.paid(amount_minor=amount_minor)
    refund_id = services.ask_refund(attempt_id)
    services.run_due()
    assert services.refund(refund_id).state is RefundState.APPROVED
    return attempt_id, refund_id


def _bounce(services: PaymentServices, refund_id: str) -> None:
    """The payer's bank sends the refund back."""
    del services.bank.refunded[refund_id]
    services.bank.refund_declined.add(refund_id)


def _notes(services: PaymentServices, attempt_id: str, event: str) -> list[str]:
    moves = schema.attempt_move.c
    with services.engine.begin() as tx:
        query = sa.select(moves.note).where(moves.attempt_id == attempt_id, moves.event == event)
        return list(tx.execute(query.order_by(moves.id)).scalars())


@pytest.mark.postgres
def test_a_returned_refund_is_rechecked_until_the_gateway_answers(services: PaymentServices) -> None:
    attempt_id, refund_id = _refunded(services)
    _bounce(services, refund_id)
    services.bank.fates += [Fate.NEVER_ARRIVES] * 3
    _tell(services, refund_id)
    services.run_due()
    assert services.refund(refund_id).state is RefundState.APPROVED
    services.pass_time(60)
    assert services.ledger() == services.bank.money() == {attempt_id: 4_000}
    assert services.work.waiting() == []
    assert services.refund(refund_id).verify_since is None
    assert _notes(services, attempt_id, Difference.REFUND_CAME_BACK) == [
        f"{refund_id} the refund came back; 40.00 EUR is owed to the payer"
    ]


def test_a_refund_unknown_for_a_day_needs_review(services: PaymentServices) -> None:
    attempt_id, refund_id = _refunded(services)
    services.bank.fates += [Fate.NEVER_ARRIVES] * 1000
    with capture_logs() as logs:
        _tell(services, refund_id)
        services.pass_time(timeouts.NEEDS_REVIEW_AFTER_S - 1)
        assert [one for one in logs if one["log_level"] == "error"] == []
        services.pass_time(2 * timeouts.LOOK_AT_MOST_S)
    assert [one["event"] for one in logs if one["log_level"] == "error"] == ["refund_notice_for_a_person"]
    assert len(_notes(services, attempt_id, "refund_unverified")) == 1
    assert services.work.waiting() == []


def test_a_notice_of_a_refund_during_a_look_makes_us_look_now(services: PaymentServices) -> None:
    attempt_id = services.paid()
    services.bank.fates += [Fate.LATE] + [Fate.NEVER_ARRIVES] * 4
    refund_id = services.ask_refund(attempt_id)
    services.pass_time(9)
    assert services.refund(refund_id).state is RefundState.UNKNOWN
    services.clock.advance(7)

    def meanwhile() -> None:
        services.bank.before_answer = lambda: None
        services.bank.deliver()
        _tell(services, refund_id)

    services.bank.before_answer = meanwhile
    services.bank.fates.append(Fate.LOST_REPLY)
    services.run_due()
    assert services.refund(refund_id).state is RefundState.APPROVED, "the notice's own look was dropped"


def test_a_notice_while_a_refund_is_verified_has_its_own_look(services: PaymentServices) -> None:
    attempt_id, refund_id = _refunded(services)
    _bounce(services, refund_id)
    _tell(services, refund_id)

    def meanwhile() -> None:
        services.bank.before_answer = lambda: None
        _tell(services, refund_id, "evt_2")

    services.bank.before_answer = meanwhile
    services.bank.fates.append(Fate.LOST_REPLY)
    services.run_due()
    assert services.ledger() == services.bank.money() == {attempt_id: 4_000}
    assert RECHECK_REFUND not in [one.job for one in services.work.waiting()]


@pytest.mark.parametrize("is_paid", [True, False])
def test_a_returned_refund_is_booked_once_the_bill_is_no_longer_being_paid(
    services: PaymentServices, *, is_paid: bool
) -> None:
    first, refund_id = _refunded(services)
    bill_id = services.attempt(first).bill_id
    second = services.make(bill_id, 10_000)  # all that is due
    assert second is not None
    _bounce(services, refund_id)
    _tell(services, refund_id)
    with capture_logs() as logs:
        services.run_due()
        assert services.refund(refund_id).state is RefundState.APPROVED
        assert services.bill(bill_id) == (0, 10_000), "nothing is changed under the other payment"
        if is_paid:
            services.confirm(second)
            services.run_due()
        else:
            with services.engine.begin() as tx:
                services.attempts.withdraw(tx, second)
        services.pass_time(60)
    refund = services.refund(refund_id)
    assert (refund.state, refund.verify_since) == (RefundState.DECLINED, None)
    assert services.ledger() == services.bank.money()
    assert services.bill(bill_id) == (14_000 if is_paid else 4_000, 0)
    assert services.events_of(first)[-1] == "refund_declined"
    [note] = _notes(services, first, "refund_declined")
    [told] = [one for one in logs if one["log_level"] == "error"]
    assert (told["event"], told["overpaid_minor"]) == ("refund_came_back", 4_000 if is_paid else 0)
    assert ("40.00 EUR too much is paid" in note) == is_paid, "a person reads that it is held twice"
    assert services.work.waiting() == []


def test_a_returned_refund_is_not_given_up_while_the_bill_is_held(services: PaymentServices) -> None:
    first, refund_id = _refunded(services)
    second = services.make(services.attempt(first).bill_id, 10_000)
    assert second is not None
    services.confirm(second)
    services.bank.fates += [
        Fate.NEVER_ARRIVES,
        Fate.NEVER_ARRIVES,
        Fate.NEVER_ARRIVES,
    ]  # its charge, and the looks at it
    services.run_due()
    services.clock.advance(timeouts.NEEDS_REVIEW_AFTER_S)
    services.run_due()
    _bounce(services, refund_id)
    _tell(services, refund_id)
    with capture_logs() as logs:
        services.pass_time(timeouts.NEEDS_REVIEW_AFTER_S + 2 * 3600)
    late = [one for one in logs if one["log_level"] == "error"]
    assert {one["event"] for one in late} == {"refund_came_back_to_a_bill_that_is_being_paid"}
    assert len(late) == 2, "every hour"
    with services.engine.begin() as tx:
        services.review.decide(tx, second, Word.NOT_CHARGED, who="ana")
    services.pass_time(3600)
    assert services.ledger() == services.bank.money() == {first: 4_000}


def _declined_by_a_slip(services: PaymentServices, amount_minor: int) -> tuple[str, str]:
    """The bank gave it back, and a person said that it did not."""
    attempt_id = services.paid()
    services.bank.fates += [Fate.LOST_REPLY, Fate.NEVER_ARRIVES, Fate.NEVER_ARRIVES]
    refund_id = services.ask_refund(attempt_id, amount_minor)
    services.run_due()
    services.clock.advance(timeouts.NEEDS_REVIEW_AFTER_S)
    services.run_due()
    with services.engine.begin() as tx:
        services.payments.refunds.decide(tx, refund_id, refunded=False, who="ana")
    assert services.attempt(attempt_id).refunded_minor == 0
    return attempt_id, refund_id


@pytest.mark.postgres
def test_a_refund_that_was_given_back_after_all_is_booked(services: PaymentServices) -> None:
    attempt_id, refund_id = _declined_by_a_slip(services, 4_000)
    _tell(services, refund_id)
    services.run_due()
    assert services.refund(refund_id).state is RefundState.APPROVED
    assert services.events_of(attempt_id) == ["approved", "refund_declined", "refunded"]
    with pytest.raises(RefundRefusedError, match="refunded in full"):
        services.ask_refund(attempt_id)
    services.assert_settled()


def test_a_declined_refund_that_succeeded_waits_for_its_replacement(services: PaymentServices) -> None:
    attempt_id, refund_id = _declined_by_a_slip(services, 3_000)
    services.bank.fates += [Fate.NEVER_ARRIVES, Fate.NEVER_ARRIVES]  # nobody knows yet of the second
    again = services.ask_refund(attempt_id)
    services.run_due()
    _tell(services, refund_id)
    services.run_due()
    assert services.refund(refund_id).state is RefundState.DECLINED, "more was never given back than was paid"
    services.pass_time(120)
    assert services.refund(again).state is RefundState.DECLINED
    assert services.refund(refund_id).state is RefundState.APPROVED
    services.assert_settled()


@pytest.mark.parametrize("is_looked_up", [True, False])
def test_an_answer_after_a_persons_decision_is_rechecked(
    services: PaymentServices, *, is_looked_up: bool
) -> None:
    attempt_id = services.paid()
    refund_id = services.ask_refund(attempt_id)
    if is_looked_up:
        services.bank.fates.append(Fate.LOST_REPLY)
        services.run(next(one for one in services.work.waiting() if one.job == REFUND_PAYMENT))

    def meanwhile() -> None:
        services.bank.before_answer = lambda: None
        with services.engine.begin() as tx:
            tx.execute(sa.update(schema.refund).values(state=RefundState.NEEDS_REVIEW))
            services.payments.refunds.decide(tx, refund_id, refunded=False, who="ana")
        services.ask_refund(attempt_id)

    services.bank.before_answer = meanwhile
    services.pass_time(60)
    assert services.refund(refund_id).state is RefundState.APPROVED
    services.assert_settled()


def test_a_refund_that_never_fits_the_books_is_reported_after_a_day(services: PaymentServices) -> None:
    attempt_id, refund_id = _declined_by_a_slip(services, 4_000)
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(refunded_minor=1))
    with capture_logs() as logs:
        _tell(services, refund_id)
        services.pass_time(timeouts.NEEDS_REVIEW_AFTER_S + 2 * timeouts.LOOK_AT_MOST_S)
    assert [one["event"] for one in logs if one["log_level"] == "critical"] == ["gateway_contradicts_itself"]
    assert _notes(services, attempt_id, "contradiction") == [f"{refund_id} the gateway says approved"]
    assert services.work.waiting() == []


def test_a_returned_refund_is_never_booked_twice(services: PaymentServices) -> None:
    attempt_id, refund_id = _refunded(services)
    _bounce(services, refund_id)
    _tell(services, refund_id)
    services.run_due()
    services.bank.refund_declined.clear()
    services.bank.refunded[refund_id] = (attempt_id, 4_000)  # the bank breaks its word
    _tell(services, refund_id, "evt_2")
    services.run_due()
    assert services.refund(refund_id).state is RefundState.DECLINED
    assert services.ledger() == {attempt_id: 4_000}
