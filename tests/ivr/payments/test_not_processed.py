"""What the gateway says it did not process is sent again under its key, while there is time and a worker."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from ivr.jobs.job_list import CHARGE_ATTEMPT, RESOLVE_ATTEMPT
from ivr.payments import timeouts
from ivr.payments.attempts.states import State
from ivr.payments.refunds.store import RefundState
from tests.support.fake_gateway import Fate, KilledError, PreparingGateway
from tests.support.link_gateway import LinkGateway
from tests.support.payment_services import PaymentServices
from tests.support.time_and_ids import ManualClock


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
def bank() -> PreparingGateway:
    return PreparingGateway()


@pytest.fixture
def clock() -> WatchedClock:
    return WatchedClock()


@pytest.fixture
def services(engine: sa.Engine, bank: PreparingGateway, clock: WatchedClock) -> PaymentServices:
    return PaymentServices(engine, clock=clock, bank=bank)


def test_a_charge_goes_on_after_one_two_and_four_seconds(
    services: PaymentServices, bank: PreparingGateway, clock: WatchedClock
) -> None:
    away = Fate.NOT_PROCESSED
    bank.fates += [away, away, away, Fate.ANSWERED, away, away, Fate.ANSWERED]
    attempt_id = services.confirmed()
    services.run_due()
    assert services.state(attempt_id) is State.APPROVED
    assert clock.slept_s == [1, 2, 4, 1, 2]
    assert bank.not_processed == [("prepare", attempt_id)] * 3 + [("charge", attempt_id)] * 2
    assert bank.charged == {attempt_id: 4_000}
    services.assert_settled()


def test_a_gateway_that_never_processes_is_given_up_without_a_charge(
    services: PaymentServices, bank: PreparingGateway, clock: WatchedClock
) -> None:
    """What was never prepared is over at once; what was never confirmed is looked up, and fenced."""
    bank.fates += [Fate.NOT_PROCESSED] * 4
    unprepared = services.confirmed()
    services.run_due()
    assert (services.state(unprepared), clock.slept_s) == (State.CANCELLED, [1, 2, 4])

    bank.fates += [Fate.ANSWERED, *[Fate.NOT_PROCESSED] * 4]
    unconfirmed = services.confirmed()
    services.run_due()
    assert services.state(unconfirmed) is State.UNKNOWN
    services.pass_time(60)
    assert services.state(unconfirmed) is State.CANCELLED
    assert bank.charged == {}
    services.assert_settled()


@pytest.mark.parametrize("fate", [Fate.NEVER_ARRIVES, Fate.LOST_REPLY, Fate.LATE, Fate.BUG])
def test_only_what_was_not_processed_is_sent_again(
    services: PaymentServices, bank: PreparingGateway, clock: WatchedClock, fate: Fate
) -> None:
    bank.fates += [Fate.ANSWERED, Fate.NOT_PROCESSED, fate]
    attempt_id = services.confirmed()
    services.run_due()
    assert bank.not_processed == [("charge", attempt_id)]
    assert bank.sent == [("prepare", attempt_id), ("charge", attempt_id)]
    assert clock.slept_s == [1]
    assert services.state(attempt_id) in {State.UNKNOWN, State.APPROVED}


@pytest.mark.parametrize("at", ["prepare", "confirm"])
def test_a_worker_that_dies_between_two_tries_leaves_it_unknown(
    services: PaymentServices, bank: PreparingGateway, clock: WatchedClock, at: str
) -> None:
    bank.fates += [Fate.NOT_PROCESSED] if at == "prepare" else [Fate.ANSWERED, Fate.NOT_PROCESSED]
    attempt_id = services.confirmed()
    clock.kills = True
    with pytest.raises(KilledError):
        services.handlers[CHARGE_ATTEMPT](attempt_id, 1)
    clock.kills = False
    services.handlers[CHARGE_ATTEMPT](attempt_id, 1)  # the job is taken over
    assert services.state(attempt_id) is State.UNKNOWN
    services.pass_time(700)
    assert len(bank.not_processed) == 1
    assert ("charge", attempt_id) not in bank.sent, "nobody sends it again"
    assert services.state(attempt_id) is State.CANCELLED
    services.assert_settled()


def test_nothing_is_sent_again_when_others_may_be_looking(
    services: PaymentServices, bank: PreparingGateway, clock: WatchedClock
) -> None:
    """The last try begins before the time from which a look-up may fence."""
    bank.fates += [Fate.ANSWERED, *[Fate.NOT_PROCESSED] * 4]
    attempt_id = services.confirmed()
    begun: list[float] = []

    def slowly() -> None:
        claimed_at = services.attempt(attempt_id).claimed_at
        assert claimed_at is not None
        begun.append((clock.now() - claimed_at) / timedelta(seconds=1))
        clock.advance(5)

    bank.before_answer = slowly
    services.handlers[CHARGE_ATTEMPT](attempt_id, 1)
    assert begun == [0, 5, 11]
    assert max(begun) <= timeouts.CONFIRM_WITHIN_S
    assert services.state(attempt_id) is State.UNKNOWN
    bank.before_answer = lambda: None
    services.run(next(one for one in services.work.waiting() if one.job == RESOLVE_ATTEMPT))


@pytest.mark.postgres
def test_a_capture_and_a_refund_are_sent_again(
    services: PaymentServices, bank: PreparingGateway, clock: WatchedClock
) -> None:
    bank.fates.append(Fate.NOT_PROCESSED)
    captured = services.authorized()
    services.run_due()
    assert services.state(captured) is State.APPROVED
    assert (bank.not_processed, clock.slept_s) == ([("capture", captured)], [1])

    bank.fates += [Fate.NOT_PROCESSED] * 2
    with services.engine.begin() as tx:
        refund = services.payments.refunds.ask(tx, captured, 1_000, asked_by="ana")
    services.run_due()
    with services.engine.begin() as tx:
        state = tx.execute(sa.text("SELECT state FROM refund")).scalar_one()
    assert state == RefundState.APPROVED
    assert bank.refunded == {refund.id: (captured, 1_000)}
    assert clock.slept_s == [1, 1, 2]
    services.assert_settled()


def test_a_link_is_opened_once_under_its_key(engine: sa.Engine, clock: WatchedClock) -> None:
    bank = LinkGateway(clock)
    services = PaymentServices(engine, clock=clock, bank=bank)
    bank.fates.append(Fate.NOT_PROCESSED)
    attempt_id = services.linked()
    services.run_due()
    assert services.state(attempt_id) is State.LINK_OPEN
    assert clock.slept_s == [1]
