"""A gateway that is told of the order first: its reference is committed before the money is asked for."""

import pytest
import sqlalchemy as sa

from ivr.jobs.job_list import CHARGE_ATTEMPT, RESOLVE_ATTEMPT, RESOLVE_REFUND
from ivr.payments import timeouts
from ivr.payments.attempts.states import State
from tests.support.fake_gateway import Fate, KilledError, PreparingGateway
from tests.support.payment_services import PaymentServices


@pytest.fixture
def bank() -> PreparingGateway:
    return PreparingGateway()


@pytest.fixture
def services(engine: sa.Engine, bank: PreparingGateway) -> PaymentServices:
    return PaymentServices(engine, bank=bank)


def _charge(services: PaymentServices) -> None:
    services.run(next(one for one in services.work.waiting() if one.job == CHARGE_ATTEMPT))


def test_an_order_is_prepared_kept_and_confirmed(services: PaymentServices, bank: PreparingGateway) -> None:
    attempt_id = services.paid()
    assert bank.sent == [("prepare", attempt_id), ("charge", attempt_id)]
    assert services.attempt(attempt_id).gateway_reference == f"ref_{attempt_id}"
    services.assert_settled()


def test_a_decline_keeps_the_reference_that_was_prepared(services: PaymentServices) -> None:
    attempt_id = services.confirmed("tok_declined")
    services.run_due()
    assert services.state(attempt_id) is State.DECLINED
    assert services.attempt(attempt_id).gateway_reference == f"ref_{attempt_id}"


@pytest.mark.parametrize("fate", [Fate.NEVER_ARRIVES, Fate.LATE, Fate.LOST_REPLY, Fate.BUG])
def test_a_preparation_without_an_answer_ends_without_a_charge(
    services: PaymentServices, bank: PreparingGateway, fate: Fate
) -> None:
    bank.fates.append(fate)
    attempt_id = services.confirmed()
    _charge(services)
    assert services.state(attempt_id) is State.CANCELLED
    assert services.events_of(attempt_id) == ["not_charged"]
    while bank.under_way:
        bank.deliver()
    services.pass_time(700)
    assert bank.charged == {}
    services.assert_settled()


@pytest.mark.parametrize("fate", [Fate.NEVER_ARRIVES, Fate.LOST_REPLY, Fate.LATE, Fate.BUG])
def test_a_confirmation_without_an_answer_is_unknown_and_then_resolved(
    services: PaymentServices, bank: PreparingGateway, fate: Fate
) -> None:
    bank.fates += [Fate.ANSWERED, fate]
    attempt_id = services.confirmed()
    _charge(services)
    assert services.state(attempt_id) is State.UNKNOWN
    services.pass_time(700)
    assert set(bank.asked_by) == {f"ref_{attempt_id}"}, "looked up by the reference that was kept"
    arrived = fate in {Fate.LOST_REPLY, Fate.BUG}
    assert services.state(attempt_id) is (State.APPROVED if arrived else State.CANCELLED)
    while bank.under_way:
        bank.deliver()
    services.assert_settled()


@pytest.mark.parametrize("at", ["prepare", "confirm"])
@pytest.mark.parametrize("fate", [Fate.KILLED_BEFORE, Fate.KILLED_AFTER, Fate.KILLED_LATE])
def test_other_workers_finish_the_attempt_of_a_killed_worker(
    services: PaymentServices, bank: PreparingGateway, at: str, fate: Fate
) -> None:
    bank.fates += [fate] if at == "prepare" else [Fate.ANSWERED, fate]
    attempt_id = services.confirmed()
    with pytest.raises(KilledError):
        services.handlers[CHARGE_ATTEMPT](attempt_id, 1)
    services.handlers[CHARGE_ATTEMPT](attempt_id, 1)  # the job is taken over, and sends nothing
    services.pass_time(700)
    charged = (at, fate) == ("confirm", Fate.KILLED_AFTER)
    assert services.state(attempt_id) is (State.APPROVED if charged else State.CANCELLED)
    while bank.under_way:
        bank.deliver()
    services.assert_settled()


def test_a_worker_killed_while_preparing_leaves_nothing_to_look_up(
    services: PaymentServices, bank: PreparingGateway
) -> None:
    """It may repeat a fault of its own under the key for a day, and the bill would be held as long."""
    bank.fates.append(Fate.KILLED_AFTER)
    attempt_id = services.confirmed()
    with pytest.raises(KilledError):
        services.handlers[CHARGE_ATTEMPT](attempt_id, 1)
    services.handlers[CHARGE_ATTEMPT](attempt_id, 1)
    bank.fates += [Fate.NEVER_ARRIVES] * 50
    services.pass_time(2)
    assert services.state(attempt_id) is State.CANCELLED
    assert not bank.looked_up
    assert services.events_of(attempt_id) == ["unknown", "not_charged"]
    services.assert_settled()


def test_a_frozen_worker_does_not_confirm_after_a_lookup(
    services: PaymentServices, bank: PreparingGateway
) -> None:
    attempt_id = services.confirmed()

    def meanwhile() -> None:
        """Half a minute passes before the answer to the preparation is read; others find out."""
        bank.before_answer = lambda: None
        services.clock.advance(timeouts.UNDER_WAY_S + 1)
        while due := [one for one in services.work.waiting() if one.job == RESOLVE_ATTEMPT]:
            services.clock.advance(max(due[0].due_at - services.clock.now().timestamp(), 0))
            services.run(due[0])

    bank.before_answer = meanwhile
    services.handlers[CHARGE_ATTEMPT](attempt_id, 1)
    assert services.state(attempt_id) is State.CANCELLED
    assert ("charge", attempt_id) not in bank.sent
    services.assert_settled()


def test_an_attempt_looked_up_while_it_was_prepared_is_not_confirmed(
    services: PaymentServices, bank: PreparingGateway
) -> None:
    attempt_id = services.confirmed()

    def meanwhile() -> None:
        bank.before_answer = lambda: None
        services.handlers[CHARGE_ATTEMPT](
            attempt_id, 1
        )  # the job's re-run: its first worker is taken for dead

    bank.before_answer = meanwhile
    services.handlers[CHARGE_ATTEMPT](attempt_id, 1)
    assert ("charge", attempt_id) not in bank.sent
    assert services.attempt(attempt_id).gateway_reference is None
    services.pass_time(700)
    assert services.state(attempt_id) is State.CANCELLED
    services.assert_settled()


def test_a_worker_that_freezes_before_it_confirms_does_not(
    services: PaymentServices, bank: PreparingGateway
) -> None:
    attempt_id = services.confirmed()

    def meanwhile() -> None:
        bank.before_answer = lambda: None
        services.clock.advance(timeouts.CONFIRM_WITHIN_S + 1)

    bank.before_answer = meanwhile
    services.handlers[CHARGE_ATTEMPT](attempt_id, 1)
    assert ("charge", attempt_id) not in bank.sent
    assert services.state(attempt_id) is State.UNKNOWN
    services.pass_time(700)
    assert services.state(attempt_id) is State.CANCELLED
    services.assert_settled()


@pytest.mark.parametrize("fate", [Fate.NEVER_ARRIVES, Fate.LATE, Fate.LOST_REPLY])
def test_a_refund_unknown_to_the_gateway_is_sent_again_and_refunds_once(
    services: PaymentServices, bank: PreparingGateway, fate: Fate
) -> None:
    attempt_id = services.paid()
    with services.engine.begin() as tx:
        refund = services.payments.refunds.ask(tx, attempt_id, 1_000, asked_by="ana")
    bank.fates.append(fate)
    services.run_due()
    services.pass_time(700)
    while bank.under_way:
        bank.deliver()
    assert bank.refunded == {refund.id: (attempt_id, 1_000)}
    services.assert_settled()
    assert services.events_of(attempt_id) == ["approved", "refunded"]


def test_a_refund_is_not_sent_again_when_its_key_may_be_forgotten(
    services: PaymentServices, bank: PreparingGateway
) -> None:
    attempt_id = services.paid()
    with services.engine.begin() as tx:
        refund = services.payments.refunds.ask(tx, attempt_id, 1_000, asked_by="ana")
    bank.fates.append(Fate.NEVER_ARRIVES)
    services.run_due()
    services.clock.advance(timeouts.SEND_REFUND_AGAIN_WITHIN_S + 1)
    late = next(one for one in services.work.waiting() if one.job == RESOLVE_REFUND)
    services.run(late)
    assert bank.sent.count(("refund", refund.id)) == 1
    assert bank.refunded == {}
