"""What a gateway tells of money given back: what others gave back of a payment is told to a person, once."""

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from gateways.events import ExternalRefundFailed, PaymentUpdated, RefundedExternally, RefundUpdated
from ivr.jobs.job_list import LOOK_AT_LINK, OPEN_LINK, REFUND_PAYMENT, RESOLVE_ATTEMPT, VERIFY_ATTEMPT
from ivr.payments import history, timeouts
from ivr.payments.attempts.manual_review import Word
from ivr.payments.attempts.states import Event, State
from ivr.payments.history import Difference
from ivr.payments.refunds import store as refund_store
from ivr.payments.refunds.store import REFUND_FINAL
from tests.support.fake_gateway import Fate
from tests.support.link_gateway import LinkBank
from tests.support.payment_services import Till
from tests.support.webhook_gateway import TellingBank, lose_sight, tell

pytestmark = pytest.mark.slow

DAY_S = 86_400


def _by_hand(till: Till, attempt_id: str, minor: int, event: str = "evt_1") -> None:
    """Somebody gives back so much more in the dashboard, and the gateway tells of it."""
    till.bank.by_hand[attempt_id] = till.bank.by_hand.get(attempt_id, 0) + minor
    tell(till, RefundedExternally(attempt_id), event)


def _told(till: Till, attempt_id: str) -> list[str]:
    """The differences of a payment, as finance reads them."""
    with till.engine.begin() as tx:
        return [f"{one.kind}: {one.note}" for one in history.discrepancies_of(tx, attempt_id)]


def _elsewhere(amount: str) -> str:
    return f"given_back_elsewhere: {amount} EUR in total was refunded at the gateway, and not by this server"


def _refund(till: Till, attempt_id: str, minor: int, *fates: Fate) -> str:
    """A refund of ours that meets these fates, as far as it gets at once."""
    with till.engine.begin() as tx:
        refund_id = till.cashier.refunds.ask(tx, attempt_id, minor, asked_by="ana").id
    till.bank.fates += fates
    till.run(next(one for one in till.work.waiting() if one.job == REFUND_PAYMENT))
    return refund_id


def test_an_external_refund_is_reported_and_the_books_stay(till: Till) -> None:
    attempt_id = till.paid()
    with capture_logs() as logs:
        _by_hand(till, attempt_id, 2_500)
        till.run_due()
    errors = [(one["event"], one["in_all_minor"]) for one in logs if one["log_level"] == "error"]
    assert errors == [("given_back_elsewhere", 2_500)]
    assert _told(till, attempt_id) == [_elsewhere("25.00")]
    assert till.attempt(attempt_id).refunded_minor == 0
    assert VERIFY_ATTEMPT not in {one.job for one in till.work.waiting()}
    till.assert_settled()


def test_only_another_sum_than_was_told_is_told_again(till: Till) -> None:
    attempt_id = till.paid()
    _by_hand(till, attempt_id, 500)
    till.run_due()
    for number in range(2):
        _refund(till, attempt_id, 1_000)
        tell(till, RefundedExternally(attempt_id), f"evt_ours_{number}")
        till.run_due()
    assert _told(till, attempt_id) == [_elsewhere("5.00")]
    _by_hand(till, attempt_id, 200, "evt_2")
    till.run_due()
    assert _told(till, attempt_id)[1:] == [_elsewhere("7.00")]
    till.bank.by_hand[attempt_id] = 0  # all of it came back, and is given back once more
    tell(till, RefundedExternally(attempt_id), "evt_3")
    till.run_due()
    _by_hand(till, attempt_id, 600, "evt_4")
    till.run_due()
    gone = f"{_elsewhere('0.00')}; it was 7.00 EUR before: the rest came back"
    assert _told(till, attempt_id)[2:] == [gone, _elsewhere("6.00")]


# Refunds of ours ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_hand_minor", [0, 1_000])
@pytest.mark.parametrize("fate", [Fate.NEVER, Fate.LOST_REPLY, Fate.LATE])
def test_an_external_refund_does_not_count_our_own_unknown_refund(
    till: Till, fate: Fate, by_hand_minor: int
) -> None:
    attempt_id = till.paid()
    refund_id = _refund(till, attempt_id, 1_000, fate)
    _by_hand(till, attempt_id, by_hand_minor)
    till.pass_time(2 * DAY_S)
    assert _told(till, attempt_id) == ([_elsewhere("10.00")] if by_hand_minor else [])
    with till.engine.begin() as tx:
        assert refund_store.get(tx, refund_id).state in REFUND_FINAL


@pytest.mark.parametrize("by_hand_minor", [0, 1_000])
def test_a_refund_under_review_does_not_hide_an_external_refund(till: Till, by_hand_minor: int) -> None:
    attempt_id = till.paid()
    refund_id = _refund(till, attempt_id, 1_000, *[Fate.NEVER] * 1_000)
    till.pass_time(timeouts.NEEDS_REVIEW_AFTER_S + 2 * timeouts.LOOK_AT_MOST_S)
    till.bank.fates.clear()
    _by_hand(till, attempt_id, by_hand_minor)
    till.run_due()
    with till.engine.begin() as tx:
        till.cashier.refunds.decide(tx, refund_id, refunded=False, who="ana")
    till.run_due()
    assert _told(till, attempt_id) == ([_elsewhere("10.00")] if by_hand_minor else [])


def test_a_returned_external_refund_is_reported(till: Till) -> None:
    attempt_id = till.paid()
    _by_hand(till, attempt_id, 2_500, "evt_1")
    till.run_due()
    reference = till.attempt(attempt_id).gateway_reference
    assert reference is not None
    till.bank.by_hand[attempt_id] = 1_000
    for event in ("evt_2", "evt_3"):
        tell(till, ExternalRefundFailed(reference), event)
        till.run_due()
    fell = f"{_elsewhere('10.00')}; it was 25.00 EUR before: the rest came back"
    assert _told(till, attempt_id) == [_elsewhere("25.00"), fell]
    assert till.attempt(attempt_id).given_back_elsewhere_minor == 1_000
    till.assert_settled()


def test_a_returned_refund_of_an_unknown_payment_is_ignored(till: Till) -> None:
    attempt_id = till.paid()
    assert tell(till, ExternalRefundFailed("pi_of_another_shop"), "evt_1")
    assert _told(till, attempt_id) == []
    assert VERIFY_ATTEMPT not in {one.job for one in till.work.waiting()}


@pytest.mark.parametrize("is_known", [True, False])
def test_a_returned_refund_of_ours_is_no_external_refund(till: Till, is_known: bool) -> None:
    """Also one that came back before we knew that it was given back at all."""
    attempt_id = till.paid()
    refund_id = _refund(till, attempt_id, 1_000, *([] if is_known else [Fate.LOST_REPLY]))
    del till.bank.refunded[refund_id]
    till.bank.refund_declined.add(refund_id)
    tell(till, RefundUpdated(refund_id), "evt_1")
    till.run_due()
    tell(till, RefundedExternally(attempt_id), "evt_2")
    till.pass_time(3_600)
    tell(till, RefundedExternally(attempt_id), "evt_3")
    till.run_due()
    assert _elsewhere("10.00") not in _told(till, attempt_id)
    _by_hand(till, attempt_id, 1_000, "evt_4")
    till.run_due()
    assert _told(till, attempt_id)[-1] == _elsewhere("10.00")


# Payments that are not approved ---------------------------------------------------------------------------


def _unknown(till: Till) -> str:
    return lose_sight(till, Fate.LOST_REPLY)


def _for_a_person(till: Till) -> str:
    attempt_id = lose_sight(till, Fate.LOST_REPLY)
    with till.engine.begin() as tx:
        till.attempts.advance(tx, attempt_id, Event.NEEDS_REVIEW)
    return attempt_id


def _claimed(till: Till) -> str:
    """Its worker died before it could write the answer down."""
    attempt_id = till.confirmed()
    with till.engine.begin() as tx:
        till.attempts.advance(tx, attempt_id, Event.CLAIM)
    till.bank.charged[attempt_id] = 4_000
    return attempt_id


@pytest.mark.parametrize("begin", [_unknown, _for_a_person, _claimed])
def test_an_external_refund_is_reported_once_the_charge_is_known(
    till: Till, begin: Callable[[Till], str]
) -> None:
    attempt_id = begin(till)
    _by_hand(till, attempt_id, 1_500)
    assert till.state(attempt_id) is not State.APPROVED
    till.pass_time(3_600)
    assert till.state(attempt_id) is State.APPROVED
    assert _told(till, attempt_id) == [_elsewhere("15.00")]
    assert till.work.waiting() == []


@pytest.mark.parametrize("hung_s", [timeouts.NEEDS_REVIEW_AFTER_S - 60, 5 * DAY_S])
def test_an_external_refund_of_an_unknown_payment_is_reported_when_a_person_decides(
    till: Till, bank: TellingBank, hung_s: int
) -> None:
    """Although the day of asking what was taken is over by then, or nearly: a day of its own begins."""
    attempt_id = _for_a_person(till)
    bank.fates += [Fate.NEVER] * 1_000
    _by_hand(till, attempt_id, 1_500)
    till.pass_time(hung_s)
    assert till.state(attempt_id) is State.NEEDS_REVIEW
    with till.engine.begin() as tx:
        till.cashier.decide(tx, attempt_id, Word.APPROVED, who="ana", gateway_reference=f"ref_{attempt_id}")
    till.pass_time(900)
    bank.fates.clear()
    till.pass_time(900)
    assert _told(till, attempt_id)[-1] == _elsewhere("15.00")


@pytest.mark.parametrize("state", [State.LINK_OPEN, State.LINK_CLOSING])
def test_an_external_refund_of_a_link_is_reported_once_its_payment_is_known(till: Till, state: State) -> None:
    bank = LinkBank(till.clock)
    till = Till(till.engine, till.clock, till.ids, bank)
    attempt_id = till.linked()
    till.run(next(one for one in till.work.waiting() if one.job == OPEN_LINK))
    if state is State.LINK_CLOSING:
        till.close_link(attempt_id)
    assert till.state(attempt_id) is state
    assert bank.pay(attempt_id)
    _by_hand(till, attempt_id, 1_500)
    assert LOOK_AT_LINK in {one.job for one in till.work.waiting()}
    till.run_due()
    assert till.state(attempt_id) is State.APPROVED
    assert _told(till, attempt_id) == [_elsewhere("15.00")]


def test_a_contradicting_charge_is_reported_once_even_after_an_external_refund(till: Till) -> None:
    """That is how a person mends it; the gateway still says that it was taken."""
    attempt_id = lose_sight(till, Fate.NEVER)
    till.pass_time(60)
    assert till.state(attempt_id) is State.CANCELLED
    till.bank.fenced.clear()
    till.bank.charged[attempt_id] = 4_000  # the bank breaks its word
    with capture_logs() as logs:
        tell(till, PaymentUpdated(attempt_id, taken=True), "evt_1")
        till.run_due()
        _by_hand(till, attempt_id, 4_000, "evt_2")
        till.run_due()
    assert [one["event"] for one in logs if one["log_level"] == "critical"] == ["gateway_contradicts_itself"]
    assert _told(till, attempt_id) == [f"contradiction: the gateway says approved ref_{attempt_id}"]
    assert till.work.waiting() == []


def test_an_external_refund_of_an_unknown_payment_is_ignored(till: Till) -> None:
    """As a gateway tells it that only lets go of what it held."""
    tell(till, RefundedExternally("attempt_of_nobody"), "evt_1")
    attempt_id = lose_sight(till, Fate.NEVER)
    till.pass_time(60)
    looks = len(till.bank.looked_up)
    tell(till, RefundedExternally(attempt_id), "evt_2")
    till.run_due()
    assert len(till.bank.looked_up) == looks + 1
    assert _told(till, attempt_id) == []


# When the gateway does not say ----------------------------------------------------------------------------


def test_a_look_that_was_lost_is_asked_for_again(till: Till) -> None:
    attempt_id = till.paid()
    _by_hand(till, attempt_id, 1_000)
    till.work.lose(VERIFY_ATTEMPT)
    till.clock.advance(timeouts.LOST_AFTER_S + 1)
    assert till.cashier.sweep() == 1
    till.run_due()
    assert _told(till, attempt_id) == [_elsewhere("10.00")]
    till.clock.advance(timeouts.LOST_AFTER_S + 1)
    assert till.cashier.sweep() == 0


def test_a_notice_while_a_notice_is_looked_into_has_its_own_look(till: Till) -> None:
    attempt_id = till.paid()

    def meanwhile() -> None:
        till.bank.before_answer = lambda: None
        _by_hand(till, attempt_id, 500, "evt_2")

    till.bank.before_answer = meanwhile
    _by_hand(till, attempt_id, 1_000)
    till.run_due()
    assert _told(till, attempt_id) == [_elsewhere("15.00")]


@pytest.mark.parametrize("has_reference", [True, False])
def test_a_charge_unknown_for_a_day_needs_review(till: Till, bank: TellingBank, has_reference: bool) -> None:
    """So is the payment that a person called charged, and named no charge of the gateway's."""
    if has_reference:
        attempt_id = till.paid()
        bank.fates += [Fate.NEVER] * 1_000
    else:
        attempt_id = _for_a_person(till)
        with till.engine.begin() as tx:
            till.cashier.decide(tx, attempt_id, Word.APPROVED, who="ana")
    with capture_logs() as logs:
        _by_hand(till, attempt_id, 1_000)
        till.pass_time(timeouts.NEEDS_REVIEW_AFTER_S - 1)
        assert _told(till, attempt_id) == []
        till.pass_time(2 * timeouts.LOOK_AT_MOST_S)
    assert [one["event"] for one in logs if one["log_level"] == "error"] == ["notice_for_a_person"]
    [told] = _told(till, attempt_id)
    assert told.startswith(
        f"{Difference.UNVERIFIED}: the gateway reported that money was given back, but could not"
    )
    assert till.work.waiting() == []
    bank.fates.clear()
    tell(till, PaymentUpdated(attempt_id), "evt_2")
    till.clock.advance(timeouts.LOST_AFTER_S + 1)
    assert till.cashier.sweep() == 0
    assert RESOLVE_ATTEMPT not in {one.job for one in till.work.waiting()}
