"""An authorization that nobody captures is let go, until that is certain."""

import pytest

from gateways.capability import UnsupportedError
from gateways.contract import CaptureRequest, Declined
from gateways.declines import Decline
from ivr.jobs.job_list import CHARGE_ATTEMPT, RESOLVE_ATTEMPT
from ivr.payments import timeouts
from ivr.payments.attempts.states import State
from tests.support.fake_gateway import Fate
from tests.support.payment_services import PaymentServices


def _look(services: PaymentServices) -> None:
    """The look that was asked for last, and nothing else."""
    services.run(
        max((one for one in services.work.waiting() if one.job == RESOLVE_ATTEMPT), key=lambda one: one.nth)
    )


def test_an_authorized_attempt_is_captured(services: PaymentServices) -> None:
    attempt_id = services.authorized()
    services.run_due()
    assert services.state(attempt_id) is State.APPROVED
    assert services.bank.sent == [("capture", attempt_id)]
    services.assert_settled()


def test_hanging_up_before_confirming_voids_the_authorization(services: PaymentServices) -> None:
    attempt_id = services.authorized(ask=False)
    with services.engine.begin() as tx:
        assert services.attempts.withdraw(tx, attempt_id).state is State.VOIDING
    services.run_due()
    attempt = services.attempt(attempt_id)
    assert attempt.state is State.VOIDED
    assert attempt.gateway_authorization is None
    assert services.events_of(attempt_id) == ["not_charged"]
    services.assert_settled()


@pytest.mark.parametrize("fate", [Fate.NEVER_ARRIVES, Fate.LOST_REPLY, Fate.LATE, Fate.BUG])
def test_a_void_is_tried_until_it_is_certain(services: PaymentServices, fate: Fate) -> None:
    attempt_id = services.authorized(ask=False)
    services.bank.fates.extend([fate, Fate.NEVER_ARRIVES, fate])
    with services.engine.begin() as tx:
        services.attempts.withdraw(tx, attempt_id)
    services.run_due()
    assert services.state(attempt_id) is State.VOIDING
    assert services.bill(services.attempt(attempt_id).bill_id) == (0, 4_000)
    services.pass_time(60)
    assert services.state(attempt_id) is State.VOIDED
    while services.bank.under_way:
        services.bank.deliver()
    services.assert_settled()


def test_an_authorization_unknown_to_the_gateway_is_cancelled(services: PaymentServices) -> None:
    """A capture that is still on its way finds its key closed."""
    attempt_id = services.authorized(ask=False)
    services.bank.held.clear()
    services.bank.fates.append(Fate.NEVER_ARRIVES)
    with services.engine.begin() as tx:
        services.attempts.withdraw(tx, attempt_id)
    services.run_due()
    assert services.bank.looked_up == [(attempt_id, True)]
    assert services.state(attempt_id) is State.VOIDED
    services.assert_settled()


def test_a_capture_that_came_first_is_recorded_as_the_charge_it_is(services: PaymentServices) -> None:
    services.bank.fates.append(Fate.LATE)
    attempt_id = services.authorized(call_id=services.begin_call())
    services.run(next(one for one in services.work.waiting() if one.job == CHARGE_ATTEMPT))
    services.clock.advance(timeouts.CHARGE_WITHIN_S)  # nobody waits any more
    _look(services)
    assert services.state(attempt_id) is State.VOIDING
    services.bank.deliver()  # the capture arrives before the void
    services.run_due()
    assert services.state(attempt_id) is State.APPROVED
    services.assert_settled()


def test_a_late_answer_to_the_capture_is_heard_while_voiding(services: PaymentServices) -> None:
    attempt_id = services.authorized(ask=True)
    job = next(one for one in services.work.waiting() if one.job == CHARGE_ATTEMPT)
    captured = dict(services.bank.held)

    def meanwhile() -> None:
        """The look-up was answered just before the capture arrived."""
        services.bank.before_answer = lambda: None
        services.clock.advance(timeouts.CHARGE_WITHIN_S)
        services.run(job)
        charged = dict(services.bank.charged)
        services.bank.held.update(captured)
        services.bank.charged.clear()
        _look(services)
        services.bank.held.clear()
        services.bank.charged.update(charged)
        assert services.state(attempt_id) is State.VOIDING

    services.bank.before_answer = meanwhile
    services.run(job)
    assert services.state(attempt_id) is State.APPROVED
    services.run_due()
    services.assert_settled()


def test_a_capture_declined_while_voiding_does_not_end_the_void(services: PaymentServices) -> None:
    attempt_id = services.authorized()
    job = next(one for one in services.work.waiting() if one.job == CHARGE_ATTEMPT)

    def refuse(_request: CaptureRequest) -> Declined:
        """Meanwhile the look-up finds it held, and nobody waits any more."""
        services.clock.advance(timeouts.CHARGE_WITHIN_S)
        services.run(job)
        _look(services)
        assert services.state(attempt_id) is State.VOIDING
        return Declined(Decline.GENERIC, "try_later")

    services.bank.capture = refuse  # type: ignore[method-assign]
    services.run(job)
    assert services.state(attempt_id) is State.VOIDING
    assert services.bank.held
    services.run_due()
    assert services.state(attempt_id) is State.VOIDED
    services.assert_settled()


def test_a_refused_capture_after_a_look_up_voids_the_authorization(services: PaymentServices) -> None:
    """The look-up says authorized, for a caller who waits, before the refusal is read."""
    attempt_id = services.authorized(call_id=services.begin_call())
    job = services.work.one(CHARGE_ATTEMPT)
    captures: list[CaptureRequest] = []

    def refuse(request: CaptureRequest) -> Declined:
        captures.append(request)
        services.run(job)  # taken over: this worker is taken for dead
        _look(services)
        assert services.state(attempt_id) is State.AUTHORIZED
        return Declined(Decline.GENERIC, "no")

    services.bank.capture = refuse  # type: ignore[method-assign]
    services.run(job)
    assert services.state(attempt_id) is State.VOIDING
    services.run_due()
    assert services.state(attempt_id) is State.VOIDED
    assert (len(captures), services.bank.held) == (1, {})
    services.assert_settled()


@pytest.mark.parametrize("refusal", [Declined(Decline.GENERIC, "no"), UnsupportedError("no captures here")])
def test_a_capture_that_is_refused_leaves_nothing_held(
    services: PaymentServices, refusal: Declined | UnsupportedError
) -> None:
    def refuse(_request: CaptureRequest) -> Declined:
        if isinstance(refusal, UnsupportedError):
            raise refusal
        return refusal

    services.bank.capture = refuse  # type: ignore[method-assign]
    attempt_id = services.authorized(call_id=services.begin_call())
    services.run_due()
    assert services.state(attempt_id) is State.VOIDED
    assert not services.bank.held
    services.assert_settled()


def test_an_unclaimed_authorization_is_voided_at_its_deadline(services: PaymentServices) -> None:
    attempt_id = services.authorized()
    services.work.lose(CHARGE_ATTEMPT)
    services.pass_time(timeouts.CHARGE_WITHIN_S)
    assert services.state(attempt_id) is State.VOIDED
    services.assert_settled()


def test_a_late_worker_voids_instead_of_capturing(services: PaymentServices) -> None:
    attempt_id = services.authorized()
    services.clock.advance(timeouts.CHARGE_WITHIN_S)
    services.run(next(one for one in services.work.waiting() if one.job == CHARGE_ATTEMPT))
    assert services.state(attempt_id) is State.VOIDING
    services.run_due()
    assert services.bank.sent == [("void", attempt_id)]
    services.assert_settled()


def test_an_overdue_card_entry_is_looked_up_once_its_call_has_ended(services: PaymentServices) -> None:
    call_id = services.begin_call()
    attempt_id = services.await_card(call_id=call_id)
    services.pass_time(timeouts.CARD_WITHIN_S + 60)
    assert services.state(attempt_id) is State.AUTHORIZING
    services.hang_up(call_id)
    services.pass_time(timeouts.CARD_LOOK_S + 60)
    assert services.state(attempt_id) is State.CANCELLED
    services.assert_settled()


def test_a_call_that_never_ends_frees_its_bill_after_an_hour(services: PaymentServices) -> None:
    attempt_id = services.await_card(call_id=services.begin_call())
    services.clock.advance(timeouts.CARD_AT_MOST_S - 1)
    services.run_due()
    assert services.state(attempt_id) is State.AUTHORIZING
    services.pass_time(timeouts.CARD_LOOK_S + 60)
    assert services.state(attempt_id) is State.CANCELLED


def test_an_authorization_not_voided_for_a_day_needs_review(services: PaymentServices) -> None:
    attempt_id = services.authorized(ask=False)
    services.bank.fates.extend([Fate.NEVER_ARRIVES] * 4)
    with services.engine.begin() as tx:
        services.attempts.withdraw(tx, attempt_id)
    services.run_due()
    assert services.state(attempt_id) is State.VOIDING
    services.clock.advance(timeouts.NEEDS_REVIEW_AFTER_S)
    services.run_due()
    assert services.state(attempt_id) is State.NEEDS_REVIEW
    assert services.work.waiting() == []
