"""Money given back: never more than was paid, never twice, and in the books when it happened."""

import pytest
import sqlalchemy as sa

from gateways.contract import Capabilities, CardEntry, UnsupportedError
from ivr.finance import ledger
from ivr.jobs.job_list import REFUND_PAYMENT
from ivr.payments import timeouts
from ivr.payments.refunds.service import RefundRefusedError
from ivr.payments.refunds.store import RefundState
from tests.support import schema
from tests.support.fake_gateway import Fate, KilledError, TruthfulBank
from tests.support.payment_services import Till
from tests.support.refunds import ask, refund_of


def test_a_full_refund_is_booked_and_the_bill_is_due_again(till: Till) -> None:
    attempt_id = till.paid(amount_minor=4_000)
    refund_id = ask(till, attempt_id)
    till.run_due()
    refund = refund_of(till, refund_id)
    assert refund.state is RefundState.APPROVED
    assert refund.gateway_reference == f"re_{refund_id}"
    assert refund.asked_by == "ana"
    attempt = till.attempt(attempt_id)
    assert attempt.refunded_minor == 4_000
    assert till.bill(attempt.bill_id) == (0, 0)
    assert till.told(attempt_id) == ["approved", "refunded"]
    with till.engine.begin() as tx:
        assert ledger.has(tx, ledger.Kind.CHARGE, attempt_id)
        assert ledger.has(tx, ledger.Kind.REFUND, refund_id)
        assert ledger.balance(tx, "gateway:bank:receivable") == {"EUR": 0}
    till.assert_settled()


def test_parts_are_given_back_until_nothing_is_left(till: Till) -> None:
    attempt_id = till.paid(amount_minor=4_000)
    ask(till, attempt_id, 1_000)
    with pytest.raises(RefundRefusedError, match=r"Only 30\.00 EUR of payment"):
        ask(till, attempt_id, 3_001)
    ask(till, attempt_id)
    with pytest.raises(RefundRefusedError, match="refunded in full"):
        ask(till, attempt_id, 1)
    till.run_due()
    assert till.bank.money() == {attempt_id: 0}
    till.assert_settled()


@pytest.mark.parametrize("amount_minor", [0, -1])
def test_an_amount_that_is_not_above_zero_is_refused(till: Till, amount_minor: int) -> None:
    attempt_id = till.paid()
    with pytest.raises(RefundRefusedError, match="more than 0"):
        ask(till, attempt_id, amount_minor)


def test_what_was_not_charged_is_not_refunded(till: Till) -> None:
    attempt_id = till.confirmed("tok_declined")
    till.run_due()
    with pytest.raises(RefundRefusedError, match="is declined: only an approved payment can be refunded"):
        ask(till, attempt_id)


def test_a_charge_of_another_gateway_is_not_refunded_here(till: Till) -> None:
    attempt_id = till.paid()
    with till.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(gateway="elsewhere"))
    with pytest.raises(RefundRefusedError, match="was charged by elsewhere"):
        ask(till, attempt_id)


@pytest.mark.parametrize(("refund", "amount_minor"), [(False, None), (True, 1_000)])
def test_a_capability_the_gateway_lacks_is_refused_before_sending(
    engine: sa.Engine, refund: bool, amount_minor: int | None
) -> None:
    till = Till(engine, bank=TruthfulBank(Capabilities(card_entry=CardEntry.TOKENIZE, refund=refund)))
    attempt_id = till.paid()
    with pytest.raises(UnsupportedError, match="bank does not support"):
        ask(till, attempt_id, amount_minor)
    assert till.attempt(attempt_id).refunded_minor == 0
    assert REFUND_PAYMENT not in [one.job for one in till.work.waiting()]
    till.assert_settled()


@pytest.mark.parametrize(
    ("fate", "end"),
    [
        (Fate.LOST_REPLY, RefundState.APPROVED),
        (Fate.BUG, RefundState.APPROVED),
        (Fate.NEVER, RefundState.DECLINED),
        (Fate.LATE, RefundState.DECLINED),
    ],
)
def test_a_refund_whose_answer_is_lost_is_looked_up(till: Till, fate: Fate, end: RefundState) -> None:
    attempt_id = till.paid()
    till.bank.fates.append(fate)
    refund_id = ask(till, attempt_id)
    till.pass_time(120)
    assert refund_of(till, refund_id).state is end
    while till.bank.under_way:
        till.bank.deliver()
    till.assert_settled()


@pytest.mark.parametrize("fate", [Fate.KILLED_BEFORE, Fate.KILLED_AFTER, Fate.KILLED_LATE])
def test_a_killed_worker_refunds_once(till: Till, fate: Fate) -> None:
    attempt_id = till.paid()
    till.bank.fates.append(fate)
    ask(till, attempt_id)
    job = next(one for one in till.work.waiting() if one.job == REFUND_PAYMENT)
    with pytest.raises(KilledError):
        till.run(job)
    till.run(job)
    till.pass_time(120)
    while till.bank.under_way:
        till.bank.deliver()
    till.assert_settled()


def test_a_declined_refund_can_be_asked_again(till: Till) -> None:
    attempt_id = till.paid(amount_minor=4_000)
    till.bank.refunded["by hand"] = (attempt_id, 4_000)  # in the gateway's dashboard
    refund_id = ask(till, attempt_id)
    till.run_due()
    refund = refund_of(till, refund_id)
    assert (refund.state, refund.gateway_code) == (RefundState.DECLINED, "over_refund")
    attempt = till.attempt(attempt_id)
    assert attempt.refunded_minor == 0
    assert till.bill(attempt.bill_id) == (4_000, 0)
    assert till.told(attempt_id) == ["approved", "refund_declined"]
    del till.bank.refunded["by hand"]
    ask(till, attempt_id)
    till.run_due()
    till.assert_settled()


@pytest.mark.parametrize("refunded", [True, False])
def test_a_person_decides_a_refund_unknown_for_a_day(till: Till, refunded: bool) -> None:
    attempt_id = till.paid()
    till.bank.fates.extend([Fate.LOST_REPLY if refunded else Fate.NEVER, Fate.NEVER, Fate.NEVER])
    refund_id = ask(till, attempt_id)
    till.run_due()
    assert refund_of(till, refund_id).state is RefundState.UNKNOWN
    till.clock.advance(timeouts.NEEDS_REVIEW_AFTER_S)
    till.run_due()
    assert refund_of(till, refund_id).state is RefundState.NEEDS_REVIEW
    assert till.work.waiting() == []
    with till.engine.begin() as tx:
        decided = till.cashier.refunds.decide(tx, refund_id, refunded=refunded, who="ana")
    assert decided.state is (RefundState.APPROVED if refunded else RefundState.DECLINED)
    till.assert_settled()
    with pytest.raises(ValueError, match="nothing to decide"), till.engine.begin() as tx:
        till.cashier.refunds.decide(tx, refund_id, refunded=True, who="ana")


def test_moving_a_refund_without_its_lock_fails_and_books_nothing(till: Till) -> None:
    """Two hands on one refund: the second one's answer is of a state that has passed."""
    attempt_id = till.paid()
    refund_id = ask(till, attempt_id, 1_000)
    stale = refund_of(till, refund_id)
    till.run_due()
    transitions = till.cashier.refunds.transitions
    for act in (
        lambda tx: transitions.approve(tx, stale, "re_other", ""),
        lambda tx: transitions.decline(tx, stale, "no", ""),
    ):
        with pytest.raises(RuntimeError, match="is no longer asked"), till.engine.begin() as tx:
            act(tx)
    assert refund_of(till, refund_id).gateway_reference == f"re_{refund_id}"
    till.assert_settled()


@pytest.mark.postgres
def test_an_answer_that_contradicts_an_earlier_one_changes_nothing(till: Till) -> None:
    attempt_id = till.paid()
    till.bank.fates.append(Fate.LATE)
    refund_id = ask(till, attempt_id)
    job = next(one for one in till.work.waiting() if one.job == REFUND_PAYMENT)

    def meanwhile() -> None:
        till.bank.before_answer = lambda: None
        with till.engine.begin() as tx:
            tx.execute(sa.update(schema.refund).values(sent_at=till.clock.now()))
        till.pass_time(60)

    till.bank.before_answer = meanwhile
    till.run(job)
    assert refund_of(till, refund_id).state is RefundState.DECLINED
    till.bank.deliver()
    till.assert_settled()
