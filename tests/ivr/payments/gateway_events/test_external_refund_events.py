"""What a gateway tells of money given back: what others gave back of a payment is told to a person, once."""

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from gateways.events import ExternalRefundFailed, PaymentUpdated, RefundedExternally, RefundUpdated
from ivr.jobs.job_list import LOOK_AT_LINK, OPEN_LINK, RECHECK_ATTEMPT, REFUND_PAYMENT, RESOLVE_ATTEMPT
from ivr.payments import history, timeouts
from ivr.payments.attempts.manual_review import Word
from ivr.payments.attempts.states import Event, State
from ivr.payments.history import Difference
from ivr.payments.refunds import store as refund_store
from ivr.payments.refunds.store import REFUND_FINAL
from tests.support.fake_gateway import FakeGateway, Fate
from tests.support.link_gateway import LinkGateway
from tests.support.payment_services import PaymentServices

pytestmark = pytest.mark.slow

DAY_S = 86_400


def _by_hand(services: PaymentServices, attempt_id: str, minor: int, event: str = "evt_1") -> None:
    """Somebody gives back so much more in the dashboard, and the gateway tells of it."""
    services.bank.by_hand[attempt_id] = services.bank.by_hand.get(attempt_id, 0) + minor
    services.receive(RefundedExternally(attempt_id), event)


def _told(services: PaymentServices, attempt_id: str) -> list[str]:
    """The differences of a payment, as finance reads them."""
    with services.engine.begin() as tx:
        return [f"{one.kind}: {one.note}" for one in history.discrepancies_of(tx, attempt_id)]


def _elsewhere(amount: str) -> str:
    return f"given_back_elsewhere: {amount} EUR in total was refunded at the gateway, and not by this server"


def _refund(services: PaymentServices, attempt_id: str, minor: int, *fates: Fate) -> str:
    """A refund of ours that meets these fates, as far as it gets at once."""
    with services.engine.begin() as tx:
        refund_id = services.payments.refunds.ask(tx, attempt_id, minor, asked_by="ana").id
    services.bank.fates += fates
    services.run(next(one for one in services.work.waiting() if one.job == REFUND_PAYMENT))
    return refund_id


def test_an_external_refund_is_reported_and_the_books_stay(services: PaymentServices) -> None:
    attempt_id = services.paid()
    with capture_logs() as logs:
        _by_hand(services, attempt_id, 2_500)
        services.run_due()
    errors = [(one["event"], one["in_all_minor"]) for one in logs if one["log_level"] == "error"]
    assert errors == [("given_back_elsewhere", 2_500)]
    assert _told(services, attempt_id) == [_elsewhere("25.00")]
    assert services.attempt(attempt_id).refunded_minor == 0
    assert RECHECK_ATTEMPT not in {one.job for one in services.work.waiting()}
    services.assert_settled()


def test_only_another_sum_than_was_told_is_told_again(services: PaymentServices) -> None:
    attempt_id = services.paid()
    _by_hand(services, attempt_id, 500)
    services.run_due()
    for number in range(2):
        _refund(services, attempt_id, 1_000)
        services.receive(RefundedExternally(attempt_id), f"evt_ours_{number}")
        services.run_due()
    assert _told(services, attempt_id) == [_elsewhere("5.00")]
    _by_hand(services, attempt_id, 200, "evt_2")
    services.run_due()
    assert _told(services, attempt_id)[1:] == [_elsewhere("7.00")]
    services.bank.by_hand[attempt_id] = 0  # all of it came back, and is given back once more
    services.receive(RefundedExternally(attempt_id), "evt_3")
    services.run_due()
    _by_hand(services, attempt_id, 600, "evt_4")
    services.run_due()
    gone = f"{_elsewhere('0.00')}; it was 7.00 EUR before: the rest came back"
    assert _told(services, attempt_id)[2:] == [gone, _elsewhere("6.00")]


# Refunds of ours ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_hand_minor", [0, 1_000])
@pytest.mark.parametrize("fate", [Fate.NEVER_ARRIVES, Fate.LOST_REPLY, Fate.LATE])
def test_an_external_refund_does_not_count_our_own_unknown_refund(
    services: PaymentServices, fate: Fate, by_hand_minor: int
) -> None:
    attempt_id = services.paid()
    refund_id = _refund(services, attempt_id, 1_000, fate)
    _by_hand(services, attempt_id, by_hand_minor)
    services.pass_time(2 * DAY_S)
    assert _told(services, attempt_id) == ([_elsewhere("10.00")] if by_hand_minor else [])
    with services.engine.begin() as tx:
        assert refund_store.get(tx, refund_id).state in REFUND_FINAL


@pytest.mark.parametrize("by_hand_minor", [0, 1_000])
def test_a_refund_under_review_does_not_hide_an_external_refund(
    services: PaymentServices, by_hand_minor: int
) -> None:
    attempt_id = services.paid()
    refund_id = _refund(services, attempt_id, 1_000, *[Fate.NEVER_ARRIVES] * 1_000)
    services.pass_time(timeouts.NEEDS_REVIEW_AFTER_S + 2 * timeouts.LOOK_AT_MOST_S)
    services.bank.fates.clear()
    _by_hand(services, attempt_id, by_hand_minor)
    services.run_due()
    with services.engine.begin() as tx:
        services.payments.refunds.decide(tx, refund_id, refunded=False, who="ana")
    services.run_due()
    assert _told(services, attempt_id) == ([_elsewhere("10.00")] if by_hand_minor else [])


def test_a_returned_external_refund_is_reported(services: PaymentServices) -> None:
    attempt_id = services.paid()
    _by_hand(services, attempt_id, 2_500, "evt_1")
    services.run_due()
    reference = services.attempt(attempt_id).gateway_reference
    assert reference is not None
    services.bank.by_hand[attempt_id] = 1_000
    for event in ("evt_2", "evt_3"):
        services.receive(ExternalRefundFailed(reference), event)
        services.run_due()
    fell = f"{_elsewhere('10.00')}; it was 25.00 EUR before: the rest came back"
    assert _told(services, attempt_id) == [_elsewhere("25.00"), fell]
    assert services.attempt(attempt_id).refunded_externally_minor == 1_000
    services.assert_settled()


def test_a_returned_refund_of_an_unknown_payment_is_ignored(services: PaymentServices) -> None:
    attempt_id = services.paid()
    assert services.receive(ExternalRefundFailed("pi_of_another_shop"), "evt_1")
    assert _told(services, attempt_id) == []
    assert RECHECK_ATTEMPT not in {one.job for one in services.work.waiting()}


@pytest.mark.parametrize("is_known", [True, False])
def test_a_returned_refund_of_ours_is_no_external_refund(services: PaymentServices, is_known: bool) -> None:
    """Also one that came back before we knew that it was given back at all."""
    attempt_id = services.paid()
    refund_id = _refund(services, attempt_id, 1_000, *([] if is_known else [Fate.LOST_REPLY]))
    del services.bank.refunded[refund_id]
    services.bank.refund_declined.add(refund_id)
    services.receive(RefundUpdated(refund_id), "evt_1")
    services.run_due()
    services.receive(RefundedExternally(attempt_id), "evt_2")
    services.pass_time(3_600)
    services.receive(RefundedExternally(attempt_id), "evt_3")
    services.run_due()
    assert _elsewhere("10.00") not in _told(services, attempt_id)
    _by_hand(services, attempt_id, 1_000, "evt_4")
    services.run_due()
    assert _told(services, attempt_id)[-1] == _elsewhere("10.00")


# Payments that are not approved ---------------------------------------------------------------------------


def _unknown(services: PaymentServices) -> str:
    return services.unknown_charge(Fate.LOST_REPLY)


def _for_a_person(services: PaymentServices) -> str:
    attempt_id = services.unknown_charge(Fate.LOST_REPLY)
    with services.engine.begin() as tx:
        services.attempts.advance(tx, attempt_id, Event.NEEDS_REVIEW)
    return attempt_id


def _claimed(services: PaymentServices) -> str:
    """Its worker died before it could write the answer down."""
    attempt_id = services.confirmed()
    with services.engine.begin() as tx:
        services.attempts.advance(tx, attempt_id, Event.CLAIM)
    services.bank.charged[attempt_id] = 4_000
    return attempt_id


@pytest.mark.parametrize("begin", [_unknown, _for_a_person, _claimed])
def test_an_external_refund_is_reported_once_the_charge_is_known(
    services: PaymentServices, begin: Callable[[PaymentServices], str]
) -> None:
    attempt_id = begin(services)
    _by_hand(services, attempt_id, 1_500)
    assert services.state(attempt_id) is not State.APPROVED
    services.pass_time(3_600)
    assert services.state(attempt_id) is State.APPROVED
    assert _told(services, attempt_id) == [_elsewhere("15.00")]
    assert services.work.waiting() == []


@pytest.mark.parametrize("hung_s", [timeouts.NEEDS_REVIEW_AFTER_S - 60, 5 * DAY_S])
def test_an_external_refund_of_an_unknown_payment_is_reported_when_a_person_decides(
    services: PaymentServices, bank: FakeGateway, hung_s: int
) -> None:
    """Although the day of asking what was taken is over by then, or nearly: a day of its own begins."""
    attempt_id = _for_a_person(services)
    bank.fates += [Fate.NEVER_ARRIVES] * 1_000
    _by_hand(services, attempt_id, 1_500)
    services.pass_time(hung_s)
    assert services.state(attempt_id) is State.NEEDS_REVIEW
    with services.engine.begin() as tx:
        services.review.decide(
            tx, attempt_id, Word.APPROVED, who="ana", gateway_reference=f"ref_{attempt_id}"
        )
    services.pass_time(900)
    bank.fates.clear()
    services.pass_time(900)
    assert _told(services, attempt_id)[-1] == _elsewhere("15.00")


@pytest.mark.parametrize("state", [State.LINK_OPEN, State.LINK_CLOSING])
def test_an_external_refund_of_a_link_is_reported_once_its_payment_is_known(
    services: PaymentServices, state: State
) -> None:
    bank = LinkGateway(services.clock)
    services = PaymentServices(services.engine, services.clock, services.ids, bank)
    attempt_id = services.linked()
    services.run(next(one for one in services.work.waiting() if one.job == OPEN_LINK))
    if state is State.LINK_CLOSING:
        services.close_link(attempt_id)
    assert services.state(attempt_id) is state
    assert bank.pay(attempt_id)
    _by_hand(services, attempt_id, 1_500)
    assert LOOK_AT_LINK in {one.job for one in services.work.waiting()}
    services.run_due()
    assert services.state(attempt_id) is State.APPROVED
    assert _told(services, attempt_id) == [_elsewhere("15.00")]


def test_a_contradicting_charge_is_reported_once_even_after_an_external_refund(
    services: PaymentServices,
) -> None:
    """That is how a person mends it; the gateway still says that it was taken."""
    attempt_id = services.unknown_charge(Fate.NEVER_ARRIVES)
    services.pass_time(60)
    assert services.state(attempt_id) is State.CANCELLED
    services.bank.fenced.clear()
    services.bank.charged[attempt_id] = 4_000  # the bank breaks its word
    with capture_logs() as logs:
        services.receive(PaymentUpdated(attempt_id, taken=True), "evt_1")
        services.run_due()
        _by_hand(services, attempt_id, 4_000, "evt_2")
        services.run_due()
    assert [one["event"] for one in logs if one["log_level"] == "critical"] == ["gateway_contradicts_itself"]
    assert _told(services, attempt_id) == [f"contradiction: the gateway says approved ref_{attempt_id}"]
    assert services.work.waiting() == []


def test_an_external_refund_of_an_unknown_payment_is_ignored(services: PaymentServices) -> None:
    """As a gateway tells it that only lets go of what it held."""
    services.receive(RefundedExternally("attempt_of_nobody"), "evt_1")
    attempt_id = services.unknown_charge(Fate.NEVER_ARRIVES)
    services.pass_time(60)
    looks = len(services.bank.looked_up)
    services.receive(RefundedExternally(attempt_id), "evt_2")
    services.run_due()
    assert len(services.bank.looked_up) == looks + 1
    assert _told(services, attempt_id) == []


# When the gateway does not say ----------------------------------------------------------------------------


def test_a_look_that_was_lost_is_asked_for_again(services: PaymentServices) -> None:
    attempt_id = services.paid()
    _by_hand(services, attempt_id, 1_000)
    services.work.lose(RECHECK_ATTEMPT)
    services.clock.advance(timeouts.LOST_AFTER_S + 1)
    assert services.payments.sweep() == 1
    services.run_due()
    assert _told(services, attempt_id) == [_elsewhere("10.00")]
    services.clock.advance(timeouts.LOST_AFTER_S + 1)
    assert services.payments.sweep() == 0


def test_a_notice_while_a_notice_is_looked_into_has_its_own_look(services: PaymentServices) -> None:
    attempt_id = services.paid()

    def meanwhile() -> None:
        services.bank.before_answer = lambda: None
        _by_hand(services, attempt_id, 500, "evt_2")

    services.bank.before_answer = meanwhile
    _by_hand(services, attempt_id, 1_000)
    services.run_due()
    assert _told(services, attempt_id) == [_elsewhere("15.00")]


@pytest.mark.postgres
@pytest.mark.parametrize("has_reference", [True, False])
def test_a_charge_unknown_for_a_day_needs_review(
    services: PaymentServices, bank: FakeGateway, has_reference: bool
) -> None:
    """So is the payment that a person called charged, and named no charge of the gateway's."""
    if has_reference:
        attempt_id = services.paid()
        bank.fates += [Fate.NEVER_ARRIVES] * 1_000
    else:
        attempt_id = _for_a_person(services)
        with services.engine.begin() as tx:
            services.review.decide(tx, attempt_id, Word.APPROVED, who="ana")
    with capture_logs() as logs:
        _by_hand(services, attempt_id, 1_000)
        services.pass_time(timeouts.NEEDS_REVIEW_AFTER_S - 1)
        assert _told(services, attempt_id) == []
        services.pass_time(2 * timeouts.LOOK_AT_MOST_S)
    assert [one["event"] for one in logs if one["log_level"] == "error"] == ["notice_for_a_person"]
    [told] = _told(services, attempt_id)
    assert told.startswith(
        f"{Difference.UNVERIFIED}: the gateway reported that money was given back, but could not"
    )
    assert services.work.waiting() == []
    bank.fates.clear()
    services.receive(PaymentUpdated(attempt_id), "evt_2")
    services.clock.advance(timeouts.LOST_AFTER_S + 1)
    assert services.payments.sweep() == 0
    assert RESOLVE_ATTEMPT not in {one.job for one in services.work.waiting()}
