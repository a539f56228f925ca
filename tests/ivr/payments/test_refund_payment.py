"""Money given back: never more than was paid, never twice, and in the books when it happened."""

import pytest
import sqlalchemy as sa

from gateways.capability import Capabilities, CardEntry, UnsupportedError
from ivr.finance import ledger
from ivr.jobs.job_list import REFUND_PAYMENT
from ivr.payments import timeouts
from ivr.payments.refunds.service import RefundRefusedError
from ivr.payments.refunds.store import RefundState
from tests.support import schema
from tests.support.fake_gateway import FakeGateway, Fate, KilledError
from tests.support.payment_services import PaymentServices


def test_a_full_refund_is_booked_and_the_bill_is_due_again(services: PaymentServices) -> None:
    attempt_id = services.paid(amount_minor=4_000)
    refund_id = services.ask_refund(attempt_id)
    services.run_due()
    refund = services.refund(refund_id)
    assert refund.state is RefundState.APPROVED
    assert refund.gateway_reference == f"re_{refund_id}"
    assert refund.asked_by == "ana"
    attempt = services.attempt(attempt_id)
    assert attempt.refunded_minor == 4_000
    assert services.bill(attempt.bill_id) == (0, 0)
    assert services.events_of(attempt_id) == ["approved", "refunded"]
    with services.engine.begin() as tx:
        assert ledger.has(tx, ledger.EntryKind.CHARGE, attempt_id)
        assert ledger.has(tx, ledger.EntryKind.REFUND, refund_id)
        assert ledger.balance(tx, "gateway:bank:receivable") == {"EUR": 0}
    services.assert_settled()


def test_parts_are_given_back_until_nothing_is_left(services: PaymentServices) -> None:
    attempt_id = services.paid(amount_minor=4_000)
    services.ask_refund(attempt_id, 1_000)
    with pytest.raises(RefundRefusedError, match=r"Only 30\.00 EUR of payment"):
        services.ask_refund(attempt_id, 3_001)
    services.ask_refund(attempt_id)
    with pytest.raises(RefundRefusedError, match="refunded in full"):
        services.ask_refund(attempt_id, 1)
    services.run_due()
    assert services.bank.money() == {attempt_id: 0}
    services.assert_settled()


@pytest.mark.parametrize("amount_minor", [0, -1])
def test_an_amount_that_is_not_above_zero_is_refused(services: PaymentServices, amount_minor: int) -> None:
    attempt_id = services.paid()
    with pytest.raises(RefundRefusedError, match="more than 0"):
        services.ask_refund(attempt_id, amount_minor)


def test_what_was_not_charged_is_not_refunded(services: PaymentServices) -> None:
    attempt_id = services.confirmed("tok_declined")
    services.run_due()
    with pytest.raises(RefundRefusedError, match="is declined: only an approved payment can be refunded"):
        services.ask_refund(attempt_id)


def test_a_charge_of_another_gateway_is_not_refunded_here(services: PaymentServices) -> None:
    attempt_id = services.paid()
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(gateway="elsewhere"))
    with pytest.raises(RefundRefusedError, match="was charged by elsewhere"):
        services.ask_refund(attempt_id)


@pytest.mark.parametrize(("refund", "amount_minor"), [(False, None), (True, 1_000)])
def test_a_capability_the_gateway_lacks_is_refused_before_sending(
    engine: sa.Engine, refund: bool, amount_minor: int | None
) -> None:
    services = PaymentServices(
        engine, bank=FakeGateway(Capabilities(card_entry=CardEntry.TOKENIZE, refund=refund))
    )
    attempt_id = services.paid()
    with pytest.raises(UnsupportedError, match="bank does not support"):
        services.ask_refund(attempt_id, amount_minor)
    assert services.attempt(attempt_id).refunded_minor == 0
    assert REFUND_PAYMENT not in [one.job for one in services.work.waiting()]
    services.assert_settled()


@pytest.mark.parametrize(
    ("fate", "end"),
    [
        (Fate.LOST_REPLY, RefundState.APPROVED),
        (Fate.BUG, RefundState.APPROVED),
        (Fate.NEVER_ARRIVES, RefundState.DECLINED),
        (Fate.LATE, RefundState.DECLINED),
    ],
)
def test_a_refund_whose_answer_is_lost_is_looked_up(
    services: PaymentServices, fate: Fate, end: RefundState
) -> None:
    attempt_id = services.paid()
    services.bank.fates.append(fate)
    refund_id = services.ask_refund(attempt_id)
    services.pass_time(120)
    assert services.refund(refund_id).state is end
    while services.bank.under_way:
        services.bank.deliver()
    services.assert_settled()


@pytest.mark.parametrize("fate", [Fate.KILLED_BEFORE, Fate.KILLED_AFTER, Fate.KILLED_LATE])
def test_a_killed_worker_refunds_once(services: PaymentServices, fate: Fate) -> None:
    attempt_id = services.paid()
    services.bank.fates.append(fate)
    services.ask_refund(attempt_id)
    job = next(one for one in services.work.waiting() if one.job == REFUND_PAYMENT)
    with pytest.raises(KilledError):
        services.run(job)
    services.run(job)
    services.pass_time(120)
    while services.bank.under_way:
        services.bank.deliver()
    services.assert_settled()


def test_a_declined_refund_can_be_asked_again(services: PaymentServices) -> None:
    attempt_id = services.paid(amount_minor=4_000)
    services.bank.refunded["by hand"] = (attempt_id, 4_000)  # in the gateway's dashboard
    refund_id = services.ask_refund(attempt_id)
    services.run_due()
    refund = services.refund(refund_id)
    assert (refund.state, refund.gateway_code) == (RefundState.DECLINED, "over_refund")
    attempt = services.attempt(attempt_id)
    assert attempt.refunded_minor == 0
    assert services.bill(attempt.bill_id) == (4_000, 0)
    assert services.events_of(attempt_id) == ["approved", "refund_declined"]
    del services.bank.refunded["by hand"]
    services.ask_refund(attempt_id)
    services.run_due()
    services.assert_settled()


@pytest.mark.parametrize("refunded", [True, False])
def test_a_person_decides_a_refund_unknown_for_a_day(services: PaymentServices, refunded: bool) -> None:
    attempt_id = services.paid()
    services.bank.fates.extend(
        [Fate.LOST_REPLY if refunded else Fate.NEVER_ARRIVES, Fate.NEVER_ARRIVES, Fate.NEVER_ARRIVES]
    )
    refund_id = services.ask_refund(attempt_id)
    services.run_due()
    assert services.refund(refund_id).state is RefundState.UNKNOWN
    services.clock.advance(timeouts.NEEDS_REVIEW_AFTER_S)
    services.run_due()
    assert services.refund(refund_id).state is RefundState.NEEDS_REVIEW
    assert services.work.waiting() == []
    with services.engine.begin() as tx:
        decided = services.payments.refunds.decide(tx, refund_id, refunded=refunded, who="ana")
    assert decided.state is (RefundState.APPROVED if refunded else RefundState.DECLINED)
    services.assert_settled()
    with pytest.raises(ValueError, match="nothing to decide"), services.engine.begin() as tx:
        services.payments.refunds.decide(tx, refund_id, refunded=True, who="ana")


def test_moving_a_refund_without_its_lock_fails_and_books_nothing(services: PaymentServices) -> None:
    """Two hands on one refund: the second one's answer is of a state that has passed."""
    attempt_id = services.paid()
    refund_id = services.ask_refund(attempt_id, 1_000)
    stale = services.refund(refund_id)
    services.run_due()
    transitions = services.payments.refunds.transitions
    for act in (
        lambda tx: transitions.approve(tx, stale, "re_other", ""),
        lambda tx: transitions.decline(tx, stale, "no", ""),
    ):
        with pytest.raises(RuntimeError, match="is no longer asked"), services.engine.begin() as tx:
            act(tx)
    assert services.refund(refund_id).gateway_reference == f"re_{refund_id}"
    services.assert_settled()


@pytest.mark.postgres
def test_an_answer_that_contradicts_an_earlier_one_changes_nothing(services: PaymentServices) -> None:
    attempt_id = services.paid()
    services.bank.fates.append(Fate.LATE)
    refund_id = services.ask_refund(attempt_id)
    job = next(one for one in services.work.waiting() if one.job == REFUND_PAYMENT)

    def meanwhile() -> None:
        services.bank.before_answer = lambda: None
        with services.engine.begin() as tx:
            tx.execute(sa.update(schema.refund).values(sent_at=services.clock.now()))
        services.pass_time(60)

    services.bank.before_answer = meanwhile
    services.run(job)
    assert services.refund(refund_id).state is RefundState.DECLINED
    services.bank.deliver()
    services.assert_settled()
