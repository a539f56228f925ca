"""Many workers and callers at once, on real threads: one charge for an attempt, one payment for a bill."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from gateways.capability import UnsupportedError
from ivr.calls.store import lock
from ivr.jobs.job_list import CHARGE_ATTEMPT, REFUND_PAYMENT
from ivr.payments.attempts.states import State
from ivr.payments.attempts.store import locked
from ivr.payments.refunds.service import RefundRefusedError
from ivr.platform.ids import RandomIds
from tests.support import schema
from tests.support.fake_gateway import Fate
from tests.support.payment_services import PaymentServices

pytestmark = pytest.mark.postgres

AT_ONCE = 4


def _all_at_once(*jobs: Callable[[], object]) -> list[object]:
    """Runs them on threads that start together; what each gave, or the exception it raised."""
    start = threading.Barrier(len(jobs))

    def run(job: Callable[[], object]) -> object:
        start.wait(10)
        try:
            return job()
        except (RefundRefusedError, UnsupportedError) as refused:
            return refused

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


@pytest.fixture
def services(engine: sa.Engine) -> PaymentServices:
    """Its ids are random: those that count are not for threads."""
    return PaymentServices(engine, ids=RandomIds())


def test_workers_that_claim_one_attempt_charge_once(services: PaymentServices) -> None:
    attempt_id = services.confirmed()
    job = next(one for one in services.work.waiting() if one.job == CHARGE_ATTEMPT)
    others = threading.Semaphore(0)

    def answer_after_the_others_have_run() -> None:
        for _ in range(AT_ONCE - 1):
            others.acquire(timeout=5)

    def work() -> None:
        services.handlers[job.job](attempt_id, job.nth)
        others.release()

    services.bank.before_answer = answer_after_the_others_have_run

    _all_at_once(*[work] * AT_ONCE)
    services.bank.before_answer = lambda: None
    assert services.bank.sent == [("charge", attempt_id)]
    services.pass_time(60)
    assert services.state(attempt_id) is State.APPROVED
    services.assert_settled()


def test_callers_of_one_bill_reserve_it_once(services: PaymentServices) -> None:
    bill_id = services.add_bill(10_000)
    made = _all_at_once(*[lambda: services.make(bill_id, 6_000)] * AT_ONCE)
    assert len([one for one in made if one is not None]) == 1
    assert services.bill(bill_id) == (0, 6_000)
    services.assert_books()


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_job_does_not_wait_for_a_turn_that_may_be_waiting_for_it(
    services: PaymentServices, engine: sa.Engine
) -> None:
    """The turn holds its call and wants the attempt; the job holds the attempt. On SQLite only one writes."""
    call_id = services.begin_call()
    attempt_id = services.confirmed(call_id=call_id)
    with engine.begin() as turn:
        assert lock(turn, call_id) is not None
        services.run_due()
        assert locked(turn, attempt_id).state is State.APPROVED


@pytest.mark.parametrize("amount_minor", [2_000, 10_000], ids=["a part", "all of it"])
def test_a_turn_that_is_delivered_many_times_makes_one_attempt(
    services: PaymentServices, amount_minor: int
) -> None:
    bill_id = services.add_bill(10_000)
    made = _all_at_once(*[lambda: services.make(bill_id, amount_minor, made_for="call_1.7")] * AT_ONCE)
    assert len(set(made)) == 1
    assert made[0] is not None
    assert services.bill(bill_id) == (0, amount_minor)


def test_a_withdrawal_and_a_claim_at_once_agree(services: PaymentServices) -> None:
    attempt_id = services.confirmed()
    job = next(one for one in services.work.waiting() if one.job == CHARGE_ATTEMPT)

    def withdraw() -> State:
        with services.engine.begin() as tx:
            return services.attempts.withdraw(tx, attempt_id).state

    withdrawn, _ = _all_at_once(withdraw, lambda: services.handlers[job.job](attempt_id, job.nth))
    if withdrawn is State.ABANDONED:
        assert services.bank.sent == []
    else:
        assert services.state(attempt_id) is State.APPROVED
    services.assert_settled()


def test_an_answer_and_look_ups_at_once_record_it_once(services: PaymentServices) -> None:
    services.bank.fates.append(Fate.LOST_REPLY)
    attempt_id = services.confirmed()
    services.run(next(one for one in services.work.waiting() if one.job == CHARGE_ATTEMPT))
    look = max(services.work.waiting(), key=lambda one: one.nth)
    _all_at_once(*[lambda: services.handlers[look.job](attempt_id, look.nth)] * AT_ONCE)
    assert services.state(attempt_id) is State.APPROVED
    assert services.events_of(attempt_id) == ["unknown", "approved"]
    services.assert_settled()


def test_people_who_refund_at_once_give_back_no_more_than_was_paid(services: PaymentServices) -> None:
    attempt_id = services.paid(amount_minor=4_000)

    def ask() -> object:
        with services.engine.begin() as tx:
            return services.payments.refunds.ask(tx, attempt_id, 3_000, asked_by="ana")

    answers = _all_at_once(*[ask] * AT_ONCE)
    assert len([one for one in answers if isinstance(one, RefundRefusedError)]) == AT_ONCE - 1
    with services.engine.begin() as tx:
        assert tx.execute(sa.select(sa.func.count()).select_from(schema.refund)).scalar() == 1
    job = next(one for one in services.work.waiting() if one.job == REFUND_PAYMENT)
    _all_at_once(*[lambda: services.handlers[job.job](job.subject_id, job.nth)] * AT_ONCE)
    services.pass_time(60)
    assert services.bank.money() == {attempt_id: 1_000}
    services.assert_settled()
