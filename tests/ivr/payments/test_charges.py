"""A charge is sent once, whatever happens to the worker, the line and the answer."""

from typing import NoReturn

import pytest
import sqlalchemy as sa

from gateways.capability import UnsupportedError
from gateways.contract import ChargeRequest
from gateways.declines import Decline
from ivr.finance import ledger
from ivr.jobs.job_list import CHARGE_ATTEMPT
from ivr.payments import timeouts
from ivr.payments.attempts.states import State
from tests.support import schema
from tests.support.fake_gateway import Fate, KilledError
from tests.support.payment_services import PaymentServices
from tests.support.stored_jobs import StoredJob


def _charge_job(services: PaymentServices) -> StoredJob:
    return next(one for one in services.work.waiting() if one.job == CHARGE_ATTEMPT)


def test_an_approved_charge_is_settled_in_one_go(services: PaymentServices) -> None:
    attempt_id = services.confirmed()
    services.run_due()
    attempt = services.attempt(attempt_id)
    assert attempt.state is State.APPROVED
    assert attempt.gateway_reference == f"ref_{attempt_id}"
    assert attempt.authorisation_code == "A1B2C3"
    assert attempt.settled_at == services.clock.now()
    assert attempt.token is None
    assert services.bill(attempt.bill_id) == (4_000, 0)
    assert services.events_of(attempt_id) == ["approved"]
    with services.engine.begin() as tx:
        assert ledger.has(tx, ledger.EntryKind.CHARGE, attempt_id)
        assert ledger.balance(tx, "gateway:bank:receivable") == {"EUR": 4_000}
        assert ledger.balance(tx, "bills:paid") == {"EUR": -4_000}
    services.assert_settled()


def test_the_bank_hears_our_references(services: PaymentServices) -> None:
    heard = []
    charge = services.bank.charge
    services.bank.charge = lambda request: (heard.append(request), charge(request))[1]  # type: ignore[method-assign]
    call_id = services.begin_call()
    attempt_id = services.confirmed(call_id=call_id)
    services.run_due()
    attempt = services.attempt(attempt_id)
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


def test_a_declined_charge_frees_the_bill(services: PaymentServices) -> None:
    attempt_id = services.confirmed("tok_declined")
    services.run_due()
    attempt = services.attempt(attempt_id)
    assert attempt.state is State.DECLINED
    assert attempt.decline is Decline.INSUFFICIENT_FUNDS
    assert attempt.gateway_code == "nsf"
    assert services.bill(attempt.bill_id) == (0, 0)
    assert services.events_of(attempt_id) == ["declined"]
    services.assert_settled()


@pytest.mark.parametrize("fate", [Fate.LOST_REPLY, Fate.BUG])
def test_a_lost_answer_is_unknown_and_then_found(services: PaymentServices, fate: Fate) -> None:
    services.bank.fates.append(fate)
    attempt_id = services.confirmed()
    services.run(_charge_job(services))
    attempt = services.attempt(attempt_id)
    assert attempt.state is State.UNKNOWN
    assert services.bill(attempt.bill_id) == (0, 4_000)
    services.run_due()
    assert services.state(attempt_id) is State.APPROVED
    assert services.events_of(attempt_id) == ["unknown", "approved"]
    assert services.bank.sent == [("charge", attempt_id)]
    services.assert_settled()


@pytest.mark.parametrize(
    ("fate", "end"),
    [
        (Fate.KILLED_BEFORE, State.CANCELLED),
        (Fate.KILLED_AFTER, State.APPROVED),
        (Fate.KILLED_LATE, State.CANCELLED),
    ],
)
def test_a_killed_worker_is_run_again_and_sends_nothing_twice(
    services: PaymentServices, fate: Fate, end: State
) -> None:
    services.bank.fates.append(fate)
    attempt_id = services.confirmed()
    job = _charge_job(services)
    with pytest.raises(KilledError):
        services.run(job)
    assert services.state(attempt_id) is State.CLAIMED
    services.run(job)  # taken over by another worker
    assert services.state(attempt_id) is State.UNKNOWN
    services.pass_time(120)
    assert services.state(attempt_id) is end
    while services.bank.under_way:
        services.bank.deliver()
    services.assert_settled()


def test_a_killed_worker_is_noticed_after_half_a_minute(services: PaymentServices) -> None:
    services.bank.fates.append(Fate.KILLED_AFTER)
    attempt_id = services.confirmed()
    job = _charge_job(services)
    with pytest.raises(KilledError):
        services.run(job)
    services.work.mark_run(job)
    services.pass_time(timeouts.UNDER_WAY_S - 1)
    assert services.state(attempt_id) is State.CLAIMED
    services.pass_time(1)
    assert services.state(attempt_id) is State.APPROVED
    services.assert_settled()


def test_an_answer_after_the_look_up_changes_nothing(services: PaymentServices) -> None:
    attempt_id = services.confirmed()
    job = _charge_job(services)

    def meanwhile() -> None:
        services.bank.before_answer = lambda: None
        services.run(job)  # another worker takes the job over while the first one still waits
        services.run_due()
        assert services.state(attempt_id) is State.APPROVED

    services.bank.before_answer = meanwhile
    services.run(job)
    assert services.events_of(attempt_id) == ["unknown", "approved"]
    services.assert_settled()


def test_a_late_decline_of_an_unknown_attempt_is_a_decline(services: PaymentServices) -> None:
    attempt_id = services.confirmed("tok_declined")
    job = _charge_job(services)

    def meanwhile() -> None:
        services.bank.before_answer = lambda: None
        services.run(job)
        assert services.state(attempt_id) is State.UNKNOWN

    services.bank.before_answer = meanwhile
    services.run(job)
    assert services.state(attempt_id) is State.DECLINED
    services.assert_settled()


def test_a_worker_that_comes_after_the_deadline_charges_nobody(services: PaymentServices) -> None:
    attempt_id = services.confirmed()
    services.clock.advance(timeouts.CHARGE_WITHIN_S)
    services.run(_charge_job(services))
    assert services.state(attempt_id) is State.ABANDONED
    assert services.bank.sent == []
    assert services.bill(services.attempt(attempt_id).bill_id) == (0, 0)
    services.assert_settled()


def test_the_deadline_abandons_what_nobody_claimed(services: PaymentServices) -> None:
    attempt_id = services.confirmed()
    services.work.lose(CHARGE_ATTEMPT)
    services.pass_time(timeouts.CHARGE_WITHIN_S - 1)
    assert services.state(attempt_id) is State.RESERVED
    services.pass_time(1)
    assert services.state(attempt_id) is State.ABANDONED
    assert services.events_of(attempt_id) == ["not_charged"]
    services.assert_settled()


@pytest.mark.usefixtures("_frozen_after_claim")
def test_a_worker_that_froze_after_its_claim_does_not_send(services: PaymentServices) -> None:
    attempt_id = services.confirmed()
    services.run(_charge_job(services))
    assert services.bank.sent == []
    services.pass_time(60)
    assert services.state(attempt_id) is State.CANCELLED
    services.assert_settled()


def test_a_request_under_way_is_cancelled_and_charges_nobody(services: PaymentServices) -> None:
    services.bank.fates.append(Fate.LATE)
    attempt_id = services.confirmed()
    services.pass_time(60)
    assert services.state(attempt_id) is State.CANCELLED
    services.bank.deliver()
    services.assert_settled()


def test_a_job_that_runs_twice_charges_once(services: PaymentServices) -> None:
    attempt_id = services.confirmed()
    job = _charge_job(services)
    services.run(job)
    services.run(job)
    assert services.bank.sent == [("charge", attempt_id)]
    assert services.state(attempt_id) is State.APPROVED
    services.assert_settled()


def test_an_attempt_without_a_card_is_never_claimed(services: PaymentServices) -> None:
    attempt_id = services.make(services.add_bill())
    with services.engine.begin() as tx:
        services.attempts.ask_charge(tx, attempt_id)
    services.run_due()
    assert services.state(attempt_id) is State.RESERVED
    services.pass_time(timeouts.CHARGE_WITHIN_S)
    assert services.state(attempt_id) is State.ABANDONED


def test_another_gateways_attempt_is_neither_charged_nor_looked_up(services: PaymentServices) -> None:
    reserved, unknown = services.confirmed(), services.confirmed()
    jobs = [one for one in services.work.waiting() if one.job == CHARGE_ATTEMPT]
    services.bank.fates.append(Fate.LOST_REPLY)
    services.run(next(one for one in jobs if one.subject_id == unknown))
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(gateway="elsewhere"))
    services.pass_time(60)
    assert services.state(reserved) is State.ABANDONED
    assert services.state(unknown) is State.UNKNOWN
    assert services.bank.looked_up == []


def test_a_refused_currency_is_a_decline_and_nothing_is_sent(services: PaymentServices) -> None:
    def refuse(_request: ChargeRequest) -> NoReturn:
        raise UnsupportedError("bank does not take EUR")

    services.bank.charge = refuse  # type: ignore[method-assign]
    attempt_id = services.confirmed()
    services.run_due()
    assert services.attempt(attempt_id).decline is Decline.CONFIG_ERROR
    services.assert_settled()


def test_a_failing_listener_rolls_the_approval_back_and_a_look_up_records_it_later(
    services: PaymentServices,
) -> None:
    services.listeners.broken = True
    attempt_id = services.confirmed()
    with pytest.raises(RuntimeError, match="a listener has a bug"):
        services.run(_charge_job(services))
    assert services.state(attempt_id) is State.CLAIMED
    assert services.ledger() == {}
    services.assert_books()
    services.listeners.broken = False
    services.pass_time(timeouts.UNDER_WAY_S)
    assert services.state(attempt_id) is State.APPROVED
    assert services.bank.sent == [("charge", attempt_id)]
    services.assert_settled()
