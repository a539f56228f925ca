"""What the gateway says it did not process is sent again under its key, while there is time and a worker."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from ivr.jobs.job_list import CHARGE_ATTEMPT, RESOLVE_ATTEMPT
from ivr.payments import timeouts
from ivr.payments.attempts.states import State
from ivr.payments.refunds.store import RefundState
from ivr.platform.clock import ManualClock
from tests.support.fake_gateway import Fate, KilledError, PreparingBank
from tests.support.link_gateway import LinkBank
from tests.support.payment_services import Till


class WatchedClock(ManualClock):
    """Notes for how long somebody slept; kills the sleeper where a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.slept_s: list[float] = []
        self.kills = False

    def sleep(self, duration_s: float) -> None:
        self.slept_s.append(duration_s)
        super().sleep(duration_s)
        if self.kills:
            raise KilledError


@pytest.fixture
def bank() -> PreparingBank:
    return PreparingBank()


@pytest.fixture
def clock() -> WatchedClock:
    return WatchedClock()


@pytest.fixture
def till(engine: sa.Engine, bank: PreparingBank, clock: WatchedClock) -> Till:
    return Till(engine, clock=clock, bank=bank)


def test_a_charge_goes_on_after_one_two_and_four_seconds(
    till: Till, bank: PreparingBank, clock: WatchedClock
) -> None:
    away = Fate.TURNED_AWAY
    bank.fates += [away, away, away, Fate.ANSWERED, away, away, Fate.ANSWERED]
    attempt_id = till.confirmed()
    till.run_due()
    assert till.state(attempt_id) is State.APPROVED
    assert clock.slept_s == [1, 2, 4, 1, 2]
    assert bank.turned_away == [("prepare", attempt_id)] * 3 + [("charge", attempt_id)] * 2
    assert bank.charged == {attempt_id: 4_000}
    till.assert_settled()


def test_a_gateway_that_never_processes_is_given_up_without_a_charge(
    till: Till, bank: PreparingBank, clock: WatchedClock
) -> None:
    """What was never prepared is over at once; what was never confirmed is looked up, and fenced."""
    bank.fates += [Fate.TURNED_AWAY] * 4
    unprepared = till.confirmed()
    till.run_due()
    assert (till.state(unprepared), clock.slept_s) == (State.CANCELLED, [1, 2, 4])

    bank.fates += [Fate.ANSWERED, *[Fate.TURNED_AWAY] * 4]
    unconfirmed = till.confirmed()
    till.run_due()
    assert till.state(unconfirmed) is State.UNKNOWN
    till.pass_time(60)
    assert till.state(unconfirmed) is State.CANCELLED
    assert bank.charged == {}
    till.assert_settled()


@pytest.mark.parametrize("fate", [Fate.NEVER, Fate.LOST_REPLY, Fate.LATE, Fate.BUG])
def test_only_what_was_not_processed_is_sent_again(
    till: Till, bank: PreparingBank, clock: WatchedClock, fate: Fate
) -> None:
    bank.fates += [Fate.ANSWERED, Fate.TURNED_AWAY, fate]
    attempt_id = till.confirmed()
    till.run_due()
    assert bank.turned_away == [("charge", attempt_id)]
    assert bank.sent == [("prepare", attempt_id), ("charge", attempt_id)]
    assert clock.slept_s == [1]
    assert till.state(attempt_id) in {State.UNKNOWN, State.APPROVED}


@pytest.mark.parametrize("at", ["prepare", "confirm"])
def test_a_worker_that_dies_between_two_tries_leaves_it_unknown(
    till: Till, bank: PreparingBank, clock: WatchedClock, at: str
) -> None:
    bank.fates += [Fate.TURNED_AWAY] if at == "prepare" else [Fate.ANSWERED, Fate.TURNED_AWAY]
    attempt_id = till.confirmed()
    clock.kills = True
    with pytest.raises(KilledError):
        till.handlers[CHARGE_ATTEMPT](attempt_id, 1)
    clock.kills = False
    till.handlers[CHARGE_ATTEMPT](attempt_id, 1)  # the job is taken over
    assert till.state(attempt_id) is State.UNKNOWN
    till.pass_time(700)
    assert len(bank.turned_away) == 1
    assert ("charge", attempt_id) not in bank.sent, "nobody sends it again"
    assert till.state(attempt_id) is State.CANCELLED
    till.assert_settled()


def test_nothing_is_sent_again_when_others_may_be_looking(
    till: Till, bank: PreparingBank, clock: WatchedClock
) -> None:
    """The last try begins before the time from which a look-up may fence."""
    bank.fates += [Fate.ANSWERED, *[Fate.TURNED_AWAY] * 4]
    attempt_id = till.confirmed()
    begun: list[float] = []

    def slowly() -> None:
        claimed_at = till.attempt(attempt_id).claimed_at
        assert claimed_at is not None
        begun.append((clock.now() - claimed_at) / timedelta(seconds=1))
        clock.advance(5)

    bank.before_answer = slowly
    till.handlers[CHARGE_ATTEMPT](attempt_id, 1)
    assert begun == [0, 5, 11]
    assert max(begun) <= timeouts.CONFIRM_WITHIN_S
    assert till.state(attempt_id) is State.UNKNOWN
    bank.before_answer = lambda: None
    till.run(next(one for one in till.work.waiting() if one.job == RESOLVE_ATTEMPT))


@pytest.mark.postgres
def test_a_capture_and_a_refund_are_sent_again(till: Till, bank: PreparingBank, clock: WatchedClock) -> None:
    bank.fates.append(Fate.TURNED_AWAY)
    captured = till.authorized()
    till.run_due()
    assert till.state(captured) is State.APPROVED
    assert (bank.turned_away, clock.slept_s) == ([("capture", captured)], [1])

    bank.fates += [Fate.TURNED_AWAY] * 2
    with till.engine.begin() as tx:
        refund = till.cashier.refunds.ask(tx, captured, 1_000, asked_by="ana")
    till.run_due()
    with till.engine.begin() as tx:
        state = tx.execute(sa.text("SELECT state FROM refund")).scalar_one()
    assert state == RefundState.APPROVED
    assert bank.refunded == {refund.id: (captured, 1_000)}
    assert clock.slept_s == [1, 1, 2]
    till.assert_settled()


def test_a_link_is_opened_once_under_its_key(engine: sa.Engine, clock: WatchedClock) -> None:
    bank = LinkBank(clock)
    till = Till(engine, clock=clock, bank=bank)
    bank.fates.append(Fate.TURNED_AWAY)
    attempt_id = till.linked()
    till.run_due()
    assert till.state(attempt_id) is State.LINK_OPEN
    assert clock.slept_s == [1]
