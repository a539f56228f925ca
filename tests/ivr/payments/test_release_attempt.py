"""An authorization that nobody captures is let go, until that is certain."""

import pytest

from gateways.contract import CaptureRequest, Declined, UnsupportedError
from gateways.declines import Decline
from ivr.jobs.job_list import CHARGE_ATTEMPT, RESOLVE_ATTEMPT
from ivr.payments import timeouts
from ivr.payments.attempts.states import State
from tests.support.fake_gateway import Fate
from tests.support.payment_services import Till


def _look(till: Till) -> None:
    """The look that was asked for last, and nothing else."""
    till.run(max((one for one in till.work.waiting() if one.job == RESOLVE_ATTEMPT), key=lambda one: one.nth))


def test_an_authorized_attempt_is_captured(till: Till) -> None:
    attempt_id = till.authorized()
    till.run_due()
    assert till.state(attempt_id) is State.APPROVED
    assert till.bank.sent == [("capture", attempt_id)]
    till.assert_settled()


def test_hanging_up_before_confirming_voids_the_authorization(till: Till) -> None:
    attempt_id = till.authorized(ask=False)
    with till.engine.begin() as tx:
        assert till.attempts.withdraw(tx, attempt_id).state is State.VOIDING
    till.run_due()
    attempt = till.attempt(attempt_id)
    assert attempt.state is State.VOIDED
    assert attempt.gateway_authorization is None
    assert till.told(attempt_id) == ["not_charged"]
    till.assert_settled()


@pytest.mark.parametrize("fate", [Fate.NEVER, Fate.LOST_REPLY, Fate.LATE, Fate.BUG])
def test_a_void_is_tried_until_it_is_certain(till: Till, fate: Fate) -> None:
    attempt_id = till.authorized(ask=False)
    till.bank.fates.extend([fate, Fate.NEVER, fate])
    with till.engine.begin() as tx:
        till.attempts.withdraw(tx, attempt_id)
    till.run_due()
    assert till.state(attempt_id) is State.VOIDING
    assert till.bill(till.attempt(attempt_id).bill_id) == (0, 4_000)
    till.pass_time(60)
    assert till.state(attempt_id) is State.VOIDED
    while till.bank.under_way:
        till.bank.deliver()
    till.assert_settled()


def test_an_authorization_unknown_to_the_gateway_is_cancelled(till: Till) -> None:
    """A capture that is still on its way finds its key closed."""
    attempt_id = till.authorized(ask=False)
    till.bank.held.clear()
    till.bank.fates.append(Fate.NEVER)
    with till.engine.begin() as tx:
        till.attempts.withdraw(tx, attempt_id)
    till.run_due()
    assert till.bank.looked_up == [(attempt_id, True)]
    assert till.state(attempt_id) is State.VOIDED
    till.assert_settled()


def test_a_capture_that_came_first_is_recorded_as_the_charge_it_is(till: Till) -> None:
    till.bank.fates.append(Fate.LATE)
    attempt_id = till.authorized(call_id=till.begin_call())
    till.run(next(one for one in till.work.waiting() if one.job == CHARGE_ATTEMPT))
    till.clock.advance(timeouts.CHARGE_WITHIN_S)  # nobody waits any more
    _look(till)
    assert till.state(attempt_id) is State.VOIDING
    till.bank.deliver()  # the capture arrives before the void
    till.run_due()
    assert till.state(attempt_id) is State.APPROVED
    till.assert_settled()


def test_a_late_answer_to_the_capture_is_heard_while_voiding(till: Till) -> None:
    attempt_id = till.authorized(ask=True)
    job = next(one for one in till.work.waiting() if one.job == CHARGE_ATTEMPT)
    captured = dict(till.bank.held)

    def meanwhile() -> None:
        """The look-up was answered just before the capture arrived."""
        till.bank.before_answer = lambda: None
        till.clock.advance(timeouts.CHARGE_WITHIN_S)
        till.run(job)
        charged = dict(till.bank.charged)
        till.bank.held.update(captured)
        till.bank.charged.clear()
        _look(till)
        till.bank.held.clear()
        till.bank.charged.update(charged)
        assert till.state(attempt_id) is State.VOIDING

    till.bank.before_answer = meanwhile
    till.run(job)
    assert till.state(attempt_id) is State.APPROVED
    till.run_due()
    till.assert_settled()


def test_a_capture_declined_while_voiding_does_not_end_the_void(till: Till) -> None:
    attempt_id = till.authorized()
    job = next(one for one in till.work.waiting() if one.job == CHARGE_ATTEMPT)

    def refuse(_request: CaptureRequest) -> Declined:
        """Meanwhile the look-up finds it held, and nobody waits any more."""
        till.clock.advance(timeouts.CHARGE_WITHIN_S)
        till.run(job)
        _look(till)
        assert till.state(attempt_id) is State.VOIDING
        return Declined(Decline.GENERIC, "try_later")

    till.bank.capture = refuse  # type: ignore[method-assign]
    till.run(job)
    assert till.state(attempt_id) is State.VOIDING
    assert till.bank.held
    till.run_due()
    assert till.state(attempt_id) is State.VOIDED
    till.assert_settled()


def test_a_refused_capture_after_a_look_up_voids_the_authorization(till: Till) -> None:
    """The look-up says authorized, for a caller who waits, before the refusal is read."""
    attempt_id = till.authorized(call_id=till.begin_call())
    job = till.work.one(CHARGE_ATTEMPT)
    captures: list[CaptureRequest] = []

    def refuse(request: CaptureRequest) -> Declined:
        captures.append(request)
        till.run(job)  # taken over: this worker is taken for dead
        _look(till)
        assert till.state(attempt_id) is State.AUTHORIZED
        return Declined(Decline.GENERIC, "no")

    till.bank.capture = refuse  # type: ignore[method-assign]
    till.run(job)
    assert till.state(attempt_id) is State.VOIDING
    till.run_due()
    assert till.state(attempt_id) is State.VOIDED
    assert (len(captures), till.bank.held) == (1, {})
    till.assert_settled()


@pytest.mark.parametrize("refusal", [Declined(Decline.GENERIC, "no"), UnsupportedError("no captures here")])
def test_a_capture_that_is_refused_leaves_nothing_held(
    till: Till, refusal: Declined | UnsupportedError
) -> None:
    def refuse(_request: CaptureRequest) -> Declined:
        if isinstance(refusal, UnsupportedError):
            raise refusal
        return refusal

    till.bank.capture = refuse  # type: ignore[method-assign]
    attempt_id = till.authorized(call_id=till.begin_call())
    till.run_due()
    assert till.state(attempt_id) is State.VOIDED
    assert not till.bank.held
    till.assert_settled()


def test_an_unclaimed_authorization_is_voided_at_its_deadline(till: Till) -> None:
    attempt_id = till.authorized()
    till.work.lose(CHARGE_ATTEMPT)
    till.pass_time(timeouts.CHARGE_WITHIN_S)
    assert till.state(attempt_id) is State.VOIDED
    till.assert_settled()


def test_a_worker_that_comes_after_the_deadline_voids_instead_of_capturing(till: Till) -> None:
    attempt_id = till.authorized()
    till.clock.advance(timeouts.CHARGE_WITHIN_S)
    till.run(next(one for one in till.work.waiting() if one.job == CHARGE_ATTEMPT))
    assert till.state(attempt_id) is State.VOIDING
    till.run_due()
    assert till.bank.sent == [("void", attempt_id)]
    till.assert_settled()


def test_an_overdue_card_entry_is_looked_up_once_its_call_has_ended(till: Till) -> None:
    call_id = till.begin_call()
    attempt_id = till.want_card(call_id=call_id)
    till.pass_time(timeouts.CARD_WITHIN_S + 60)
    assert till.state(attempt_id) is State.AUTHORIZING
    till.hang_up(call_id)
    till.pass_time(timeouts.CARD_LOOK_S + 60)
    assert till.state(attempt_id) is State.CANCELLED
    till.assert_settled()


def test_a_call_that_never_ends_frees_its_bill_after_an_hour(till: Till) -> None:
    attempt_id = till.want_card(call_id=till.begin_call())
    till.clock.advance(timeouts.CARD_AT_MOST_S - 1)
    till.run_due()
    assert till.state(attempt_id) is State.AUTHORIZING
    till.pass_time(timeouts.CARD_LOOK_S + 60)
    assert till.state(attempt_id) is State.CANCELLED


def test_an_authorization_not_voided_for_a_day_needs_review(till: Till) -> None:
    attempt_id = till.authorized(ask=False)
    till.bank.fates.extend([Fate.NEVER] * 4)
    with till.engine.begin() as tx:
        till.attempts.withdraw(tx, attempt_id)
    till.run_due()
    assert till.state(attempt_id) is State.VOIDING
    till.clock.advance(timeouts.NEEDS_REVIEW_AFTER_S)
    till.run_due()
    assert till.state(attempt_id) is State.NEEDS_REVIEW
    assert till.work.waiting() == []
