"""A gateway that is told of the order first: its reference is committed before the money is asked for."""

import pytest
import sqlalchemy as sa

from ivr.jobs.job_list import CHARGE_ATTEMPT, RESOLVE_ATTEMPT, RESOLVE_REFUND
from ivr.payments import timeouts
from ivr.payments.attempts.states import State
from tests.support.fake_gateway import Fate, KilledError, PreparingBank
from tests.support.payment_services import Till


@pytest.fixture
def bank() -> PreparingBank:
    return PreparingBank()


@pytest.fixture
def till(engine: sa.Engine, bank: PreparingBank) -> Till:
    return Till(engine, bank=bank)


def _charge(till: Till) -> None:
    till.run(next(one for one in till.work.waiting() if one.job == CHARGE_ATTEMPT))


def test_an_order_is_prepared_kept_and_confirmed(till: Till, bank: PreparingBank) -> None:
    attempt_id = till.paid()
    assert bank.sent == [("prepare", attempt_id), ("charge", attempt_id)]
    assert till.attempt(attempt_id).gateway_reference == f"ref_{attempt_id}"
    till.assert_settled()


def test_a_decline_keeps_the_reference_that_was_prepared(till: Till) -> None:
    attempt_id = till.confirmed("tok_declined")
    till.run_due()
    assert till.state(attempt_id) is State.DECLINED
    assert till.attempt(attempt_id).gateway_reference == f"ref_{attempt_id}"


@pytest.mark.parametrize("fate", [Fate.NEVER, Fate.LATE, Fate.LOST_REPLY, Fate.BUG])
def test_a_preparation_without_an_answer_ends_without_a_charge(
    till: Till, bank: PreparingBank, fate: Fate
) -> None:
    bank.fates.append(fate)
    attempt_id = till.confirmed()
    _charge(till)
    assert till.state(attempt_id) is State.CANCELLED
    assert till.told(attempt_id) == ["not_charged"]
    while bank.under_way:
        bank.deliver()
    till.pass_time(700)
    assert bank.charged == {}
    till.assert_settled()


@pytest.mark.parametrize("fate", [Fate.NEVER, Fate.LOST_REPLY, Fate.LATE, Fate.BUG])
def test_a_confirmation_without_an_answer_is_unknown_and_then_resolved(
    till: Till, bank: PreparingBank, fate: Fate
) -> None:
    bank.fates += [Fate.ANSWERED, fate]
    attempt_id = till.confirmed()
    _charge(till)
    assert till.state(attempt_id) is State.UNKNOWN
    till.pass_time(700)
    assert set(bank.asked_by) == {f"ref_{attempt_id}"}, "looked up by the reference that was kept"
    arrived = fate in {Fate.LOST_REPLY, Fate.BUG}
    assert till.state(attempt_id) is (State.APPROVED if arrived else State.CANCELLED)
    while bank.under_way:
        bank.deliver()
    till.assert_settled()


@pytest.mark.parametrize("at", ["prepare", "confirm"])
@pytest.mark.parametrize("fate", [Fate.KILLED_BEFORE, Fate.KILLED_AFTER, Fate.KILLED_LATE])
def test_other_workers_finish_the_attempt_of_a_killed_worker(
    till: Till, bank: PreparingBank, at: str, fate: Fate
) -> None:
    bank.fates += [fate] if at == "prepare" else [Fate.ANSWERED, fate]
    attempt_id = till.confirmed()
    with pytest.raises(KilledError):
        till.handlers[CHARGE_ATTEMPT](attempt_id, 1)
    till.handlers[CHARGE_ATTEMPT](attempt_id, 1)  # the job is taken over, and sends nothing
    till.pass_time(700)
    charged = (at, fate) == ("confirm", Fate.KILLED_AFTER)
    assert till.state(attempt_id) is (State.APPROVED if charged else State.CANCELLED)
    while bank.under_way:
        bank.deliver()
    till.assert_settled()


def test_a_worker_killed_while_preparing_leaves_nothing_to_look_up(till: Till, bank: PreparingBank) -> None:
    """It may repeat a fault of its own under the key for a day, and the bill would be held as long."""
    bank.fates.append(Fate.KILLED_AFTER)
    attempt_id = till.confirmed()
    with pytest.raises(KilledError):
        till.handlers[CHARGE_ATTEMPT](attempt_id, 1)
    till.handlers[CHARGE_ATTEMPT](attempt_id, 1)
    bank.fates += [Fate.NEVER] * 50
    till.pass_time(2)
    assert till.state(attempt_id) is State.CANCELLED
    assert not bank.looked_up
    assert till.told(attempt_id) == ["unknown", "not_charged"]
    till.assert_settled()


def test_a_worker_that_freezes_while_preparing_does_not_confirm_after_a_look_up(
    till: Till, bank: PreparingBank
) -> None:
    attempt_id = till.confirmed()

    def meanwhile() -> None:
        """Half a minute passes before the answer to the preparation is read; others find out."""
        bank.before_answer = lambda: None
        till.clock.advance(timeouts.UNDER_WAY_S + 1)
        while due := [one for one in till.work.waiting() if one.job == RESOLVE_ATTEMPT]:
            till.clock.advance(max(due[0].due_at - till.clock.now().timestamp(), 0))
            till.run(due[0])

    bank.before_answer = meanwhile
    till.handlers[CHARGE_ATTEMPT](attempt_id, 1)
    assert till.state(attempt_id) is State.CANCELLED
    assert ("charge", attempt_id) not in bank.sent
    till.assert_settled()


def test_an_attempt_looked_up_while_it_was_prepared_is_not_confirmed(till: Till, bank: PreparingBank) -> None:
    attempt_id = till.confirmed()

    def meanwhile() -> None:
        bank.before_answer = lambda: None
        till.handlers[CHARGE_ATTEMPT](attempt_id, 1)  # the job's re-run: its first worker is taken for dead

    bank.before_answer = meanwhile
    till.handlers[CHARGE_ATTEMPT](attempt_id, 1)
    assert ("charge", attempt_id) not in bank.sent
    assert till.attempt(attempt_id).gateway_reference is None
    till.pass_time(700)
    assert till.state(attempt_id) is State.CANCELLED
    till.assert_settled()


def test_a_worker_that_freezes_before_it_confirms_does_not(till: Till, bank: PreparingBank) -> None:
    attempt_id = till.confirmed()

    def meanwhile() -> None:
        bank.before_answer = lambda: None
        till.clock.advance(timeouts.CONFIRM_WITHIN_S + 1)

    bank.before_answer = meanwhile
    till.handlers[CHARGE_ATTEMPT](attempt_id, 1)
    assert ("charge", attempt_id) not in bank.sent
    assert till.state(attempt_id) is State.UNKNOWN
    till.pass_time(700)
    assert till.state(attempt_id) is State.CANCELLED
    till.assert_settled()


@pytest.mark.parametrize("fate", [Fate.NEVER, Fate.LATE, Fate.LOST_REPLY])
def test_a_refund_unknown_to_the_gateway_is_sent_again_and_refunds_once(
    till: Till, bank: PreparingBank, fate: Fate
) -> None:
    attempt_id = till.paid()
    with till.engine.begin() as tx:
        refund = till.cashier.refunds.ask(tx, attempt_id, 1_000, asked_by="ana")
    bank.fates.append(fate)
    till.run_due()
    till.pass_time(700)
    while bank.under_way:
        bank.deliver()
    assert bank.refunded == {refund.id: (attempt_id, 1_000)}
    till.assert_settled()
    assert till.told(attempt_id) == ["approved", "refunded"]


def test_a_refund_is_not_sent_again_when_its_key_may_be_forgotten(till: Till, bank: PreparingBank) -> None:
    attempt_id = till.paid()
    with till.engine.begin() as tx:
        refund = till.cashier.refunds.ask(tx, attempt_id, 1_000, asked_by="ana")
    bank.fates.append(Fate.NEVER)
    till.run_due()
    till.clock.advance(timeouts.SEND_REFUND_AGAIN_WITHIN_S + 1)
    late = next(one for one in till.work.waiting() if one.job == RESOLVE_REFUND)
    till.run(late)
    assert bank.sent.count(("refund", refund.id)) == 1
    assert bank.refunded == {}
