"""A charge is sent once, whatever happens to the worker, the line and the answer."""

from typing import NoReturn

import pytest
import sqlalchemy as sa

from gateways.contract import ChargeRequest, UnsupportedError
from gateways.declines import Decline
from ivr.finance import ledger
from ivr.jobs.job_list import CHARGE_ATTEMPT
from ivr.payments import timeouts
from ivr.payments.attempts.states import State
from tests.support import schema
from tests.support.fake_gateway import Fate, KilledError
from tests.support.payment_services import Till
from tests.support.stored_jobs import Waiting


def _charge_job(till: Till) -> Waiting:
    return next(one for one in till.work.waiting() if one.job == CHARGE_ATTEMPT)


def test_an_approved_charge_is_settled_in_one_go(till: Till) -> None:
    attempt_id = till.confirmed()
    till.run_due()
    attempt = till.attempt(attempt_id)
    assert attempt.state is State.APPROVED
    assert attempt.gateway_reference == f"ref_{attempt_id}"
    assert attempt.authorisation_code == "A1B2C3"
    assert attempt.settled_at == till.clock.now()
    assert attempt.token is None
    assert till.bill(attempt.bill_id) == (4_000, 0)
    assert till.told(attempt_id) == ["approved"]
    with till.engine.begin() as tx:
        assert ledger.has(tx, ledger.Kind.CHARGE, attempt_id)
        assert ledger.balance(tx, "gateway:bank:receivable") == {"EUR": 4_000}
        assert ledger.balance(tx, "bills:paid") == {"EUR": -4_000}
    till.assert_settled()


def test_the_bank_hears_our_references(till: Till) -> None:
    heard = []
    charge = till.bank.charge
    till.bank.charge = lambda request: (heard.append(request), charge(request))[1]  # type: ignore[method-assign]
    call_id = till.begin_call()
    attempt_id = till.confirmed(call_id=call_id)
    till.run_due()
    attempt = till.attempt(attempt_id)
    order = heard[0].order
    assert order.key == attempt_id
    assert order.metadata == {
        "attempt": attempt_id,
        "payment": attempt.reference,
        "bill": "10000001",
        "call": call_id,
        "channel": "phone",
    }
    assert order.description == f"Bill 10000001, payment {attempt.reference}"
    assert order.statement == "BILL 10000001"


def test_a_declined_charge_frees_the_bill(till: Till) -> None:
    attempt_id = till.confirmed("tok_declined")
    till.run_due()
    attempt = till.attempt(attempt_id)
    assert attempt.state is State.DECLINED
    assert attempt.decline is Decline.INSUFFICIENT_FUNDS
    assert attempt.gateway_code == "nsf"
    assert till.bill(attempt.bill_id) == (0, 0)
    assert till.told(attempt_id) == ["declined"]
    till.assert_settled()


@pytest.mark.parametrize("fate", [Fate.LOST_REPLY, Fate.BUG])
def test_a_lost_answer_is_unknown_and_then_found(till: Till, fate: Fate) -> None:
    till.bank.fates.append(fate)
    attempt_id = till.confirmed()
    till.run(_charge_job(till))
    attempt = till.attempt(attempt_id)
    assert attempt.state is State.UNKNOWN
    assert till.bill(attempt.bill_id) == (0, 4_000)
    till.run_due()
    assert till.state(attempt_id) is State.APPROVED
    assert till.told(attempt_id) == ["unknown", "approved"]
    assert till.bank.sent == [("charge", attempt_id)]
    till.assert_settled()


@pytest.mark.parametrize(
    ("fate", "end"),
    [
        (Fate.KILLED_BEFORE, State.CANCELLED),
        (Fate.KILLED_AFTER, State.APPROVED),
        (Fate.KILLED_LATE, State.CANCELLED),
    ],
)
def test_a_killed_worker_is_run_again_and_sends_nothing_twice(till: Till, fate: Fate, end: State) -> None:
    till.bank.fates.append(fate)
    attempt_id = till.confirmed()
    job = _charge_job(till)
    with pytest.raises(KilledError):
        till.run(job)
    assert till.state(attempt_id) is State.CLAIMED
    till.run(job)  # taken over by another worker
    assert till.state(attempt_id) is State.UNKNOWN
    till.pass_time(120)
    assert till.state(attempt_id) is end
    while till.bank.under_way:
        till.bank.deliver()
    till.assert_settled()


def test_a_killed_worker_that_nobody_runs_again_is_noticed_after_half_a_minute(till: Till) -> None:
    till.bank.fates.append(Fate.KILLED_AFTER)
    attempt_id = till.confirmed()
    job = _charge_job(till)
    with pytest.raises(KilledError):
        till.run(job)
    till.work.mark_run(job)
    till.pass_time(timeouts.UNDER_WAY_S - 1)
    assert till.state(attempt_id) is State.CLAIMED
    till.pass_time(1)
    assert till.state(attempt_id) is State.APPROVED
    till.assert_settled()


def test_an_answer_after_the_look_up_changes_nothing(till: Till) -> None:
    attempt_id = till.confirmed()
    job = _charge_job(till)

    def meanwhile() -> None:
        till.bank.before_answer = lambda: None
        till.run(job)  # another worker takes the job over while the first one still waits
        till.run_due()
        assert till.state(attempt_id) is State.APPROVED

    till.bank.before_answer = meanwhile
    till.run(job)
    assert till.told(attempt_id) == ["unknown", "approved"]
    till.assert_settled()


def test_a_late_decline_of_an_unknown_attempt_is_a_decline(till: Till) -> None:
    attempt_id = till.confirmed("tok_declined")
    job = _charge_job(till)

    def meanwhile() -> None:
        till.bank.before_answer = lambda: None
        till.run(job)
        assert till.state(attempt_id) is State.UNKNOWN

    till.bank.before_answer = meanwhile
    till.run(job)
    assert till.state(attempt_id) is State.DECLINED
    till.assert_settled()


def test_a_worker_that_comes_after_the_deadline_charges_nobody(till: Till) -> None:
    attempt_id = till.confirmed()
    till.clock.advance(timeouts.CHARGE_WITHIN_S)
    till.run(_charge_job(till))
    assert till.state(attempt_id) is State.ABANDONED
    assert till.bank.sent == []
    assert till.bill(till.attempt(attempt_id).bill_id) == (0, 0)
    till.assert_settled()


def test_the_deadline_abandons_what_nobody_claimed(till: Till) -> None:
    attempt_id = till.confirmed()
    till.work.lose(CHARGE_ATTEMPT)
    till.pass_time(timeouts.CHARGE_WITHIN_S - 1)
    assert till.state(attempt_id) is State.RESERVED
    till.pass_time(1)
    assert till.state(attempt_id) is State.ABANDONED
    assert till.told(attempt_id) == ["not_charged"]
    till.assert_settled()


@pytest.mark.usefixtures("_frozen_after_claim")
def test_a_worker_that_froze_after_its_claim_does_not_send(till: Till) -> None:
    attempt_id = till.confirmed()
    till.run(_charge_job(till))
    assert till.bank.sent == []
    till.pass_time(60)
    assert till.state(attempt_id) is State.CANCELLED
    till.assert_settled()


def test_a_request_under_way_is_cancelled_and_charges_nobody(till: Till) -> None:
    till.bank.fates.append(Fate.LATE)
    attempt_id = till.confirmed()
    till.pass_time(60)
    assert till.state(attempt_id) is State.CANCELLED
    till.bank.deliver()
    till.assert_settled()


def test_a_job_that_runs_twice_charges_once(till: Till) -> None:
    attempt_id = till.confirmed()
    job = _charge_job(till)
    till.run(job)
    till.run(job)
    assert till.bank.sent == [("charge", attempt_id)]
    assert till.state(attempt_id) is State.APPROVED
    till.assert_settled()


def test_an_attempt_without_a_card_is_never_claimed(till: Till) -> None:
    attempt_id = till.make(till.add_bill())
    with till.engine.begin() as tx:
        till.attempts.ask_charge(tx, attempt_id)
    till.run_due()
    assert till.state(attempt_id) is State.RESERVED
    till.pass_time(timeouts.CHARGE_WITHIN_S)
    assert till.state(attempt_id) is State.ABANDONED


def test_an_attempt_of_another_gateway_is_neither_charged_nor_looked_up_here(till: Till) -> None:
    reserved, unknown = till.confirmed(), till.confirmed()
    jobs = [one for one in till.work.waiting() if one.job == CHARGE_ATTEMPT]
    till.bank.fates.append(Fate.LOST_REPLY)
    till.run(next(one for one in jobs if one.subject_id == unknown))
    with till.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(gateway="elsewhere"))
    till.pass_time(60)
    assert till.state(reserved) is State.ABANDONED
    assert till.state(unknown) is State.UNKNOWN
    assert till.bank.looked_up == []


def test_a_currency_that_the_gateway_refuses_is_a_decline_and_nothing_was_sent(till: Till) -> None:
    def refuse(_request: ChargeRequest) -> NoReturn:
        raise UnsupportedError("bank does not take EUR")

    till.bank.charge = refuse  # type: ignore[method-assign]
    attempt_id = till.confirmed()
    till.run_due()
    assert till.attempt(attempt_id).decline is Decline.CONFIG_ERROR
    till.assert_settled()


def test_a_failing_listener_rolls_the_approval_back_and_a_look_up_records_it_later(till: Till) -> None:
    till.listeners.broken = True
    attempt_id = till.confirmed()
    with pytest.raises(RuntimeError, match="a listener has a bug"):
        till.run(_charge_job(till))
    assert till.state(attempt_id) is State.CLAIMED
    assert till.ledger() == {}
    till.assert_books()
    till.listeners.broken = False
    till.pass_time(timeouts.UNDER_WAY_S)
    assert till.state(attempt_id) is State.APPROVED
    assert till.bank.sent == [("charge", attempt_id)]
    till.assert_settled()
