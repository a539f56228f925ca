"""What became of a charge is found out by asking: patiently, never charging again, and not for ever."""

import pytest
import sqlalchemy as sa

from gateways.contract import (
    Approved,
    Authorized,
    Cancelled,
    CaptureRequest,
    ChargeRequest,
    Declined,
    LinkOpen,
    LookupResult,
    Order,
    Result,
    Unknown,
)
from gateways.declines import Decline
from ivr.jobs.job_list import CHARGE_ATTEMPT, RESOLVE_ATTEMPT
from ivr.payments import timeouts
from ivr.payments.attempts import gateway_answers
from ivr.payments.attempts import store as attempt_store
from ivr.payments.attempts.states import FINAL, State, move
from tests.support import schema
from tests.support.fake_gateway import Fate
from tests.support.payment_services import PaymentServices


def _make_unknown(services: PaymentServices, fate: Fate = Fate.NEVER_ARRIVES) -> str:
    """An attempt whose charge ended so and is unknown; no look-up has run yet."""
    services.bank.fates.append(fate)
    attempt_id = services.confirmed()
    services.run(next(one for one in services.work.waiting() if one.job == CHARGE_ATTEMPT))
    assert services.state(attempt_id) is State.UNKNOWN
    return attempt_id


def test_look_ups_slow_down_and_cancel_only_once_no_request_is_under_way(services: PaymentServices) -> None:
    attempt_id = _make_unknown(services)
    begun = services.clock.now()
    looks = []
    lookup = services.bank.lookup

    def watched(order: Order, *, cancel: bool, reference: str | None = None) -> LookupResult:
        looks.append(((services.clock.now() - begun).total_seconds(), cancel))
        return lookup(order, cancel=cancel, reference=reference)

    services.bank.lookup = watched  # type: ignore[method-assign]
    services.pass_time(300)
    assert looks == [(0, False), (2, False), (4, False), (8, False), (16, False), (32, True)]
    assert services.state(attempt_id) is State.CANCELLED
    assert services.events_of(attempt_id) == ["unknown", "not_charged"]
    services.assert_settled()


def test_unknown_keeps_the_reservation(services: PaymentServices) -> None:
    attempt_id = _make_unknown(services, Fate.LATE)
    bill_id = services.attempt(attempt_id).bill_id
    assert services.make(bill_id, 6_001) is None
    assert services.make(bill_id, 6_000) is not None


def test_a_charge_that_arrives_late_is_found(services: PaymentServices) -> None:
    attempt_id = _make_unknown(services, Fate.LATE)
    services.pass_time(10)
    assert services.state(attempt_id) is State.UNKNOWN
    services.bank.deliver()
    services.pass_time(10)
    assert services.state(attempt_id) is State.APPROVED
    services.assert_settled()


def test_a_decline_that_arrives_late_is_found(services: PaymentServices) -> None:
    services.bank.fates.append(Fate.LATE)
    attempt_id = services.confirmed("tok_declined")
    services.run_due()
    services.bank.deliver()
    services.pass_time(10)
    assert services.attempt(attempt_id).decline is Decline.INSUFFICIENT_FUNDS
    services.assert_settled()


def test_after_a_day_of_silence_a_person_decides(services: PaymentServices) -> None:
    attempt_id = _make_unknown(services, Fate.LOST_REPLY)
    services.bank.fates.extend([Fate.NEVER_ARRIVES] * 400)
    services.pass_time(3600)
    looks = len(services.bank.looked_up)
    services.pass_time(3600)
    assert len(services.bank.looked_up) - looks == 3600 / timeouts.LOOK_AT_MOST_S
    services.clock.advance(timeouts.NEEDS_REVIEW_AFTER_S - 2 * 3600 - timeouts.LOOK_AT_MOST_S)
    services.run_due()
    assert services.state(attempt_id) is State.UNKNOWN
    services.pass_time(2 * timeouts.LOOK_AT_MOST_S)
    attempt = services.attempt(attempt_id)
    assert attempt.state is State.NEEDS_REVIEW
    assert services.events_of(attempt_id) == ["unknown", "for_a_person"]
    assert services.bill(attempt.bill_id) == (0, 4_000)
    assert services.work.waiting() == []
    services.assert_books()


def test_a_job_of_a_past_state_does_nothing(services: PaymentServices) -> None:
    attempt_id = _make_unknown(services)
    stale = [one for one in services.work.waiting() if one.job == RESOLVE_ATTEMPT]
    assert len(stale) == 2  # the claim's, for half a minute later, and the one for now
    services.run(max(stale, key=lambda one: one.due_at))
    assert services.bank.looked_up == []
    services.run(min(stale, key=lambda one: one.due_at))
    assert services.bank.looked_up == [(attempt_id, False)]


def test_a_look_that_runs_twice_leaves_one_chain(services: PaymentServices) -> None:
    attempt_id = _make_unknown(services)
    look = min(
        (one for one in services.work.waiting() if one.job == RESOLVE_ATTEMPT), key=lambda one: one.due_at
    )
    services.run(look)
    services.run(look)
    assert services.bank.looked_up == [(attempt_id, False)]


def test_a_claim_that_is_young_is_left_to_its_worker(services: PaymentServices) -> None:
    attempt_id = services.confirmed()
    job = next(one for one in services.work.waiting() if one.job == CHARGE_ATTEMPT)

    def meanwhile() -> None:
        services.bank.before_answer = lambda: None
        look = next(one for one in services.work.waiting() if one.job == RESOLVE_ATTEMPT)
        services.run(look)
        assert services.state(attempt_id) is State.CLAIMED
        assert services.bank.looked_up == []

    services.bank.before_answer = meanwhile
    services.run(job)
    assert services.state(attempt_id) is State.APPROVED
    services.pass_time(60)
    services.assert_settled()


def test_a_found_authorization_is_captured_while_the_caller_waits(services: PaymentServices) -> None:
    call_id = services.begin_call()
    # capture 1 lost, look-up answered, capture 2 lost
    services.bank.fates.extend([Fate.NEVER_ARRIVES, Fate.ANSWERED, Fate.NEVER_ARRIVES])
    attempt_id = services.authorized(call_id=call_id)
    services.pass_time(2 * timeouts.LOOK_FIRST_S)
    assert services.state(attempt_id) is State.APPROVED
    assert [verb for verb, _ in services.bank.sent] == ["capture"] * 3
    assert services.events_of(attempt_id) == ["unknown", "approved"]
    services.assert_settled()


@pytest.mark.slow
def test_captures_that_fail_at_once_are_repeated_slowly(services: PaymentServices) -> None:
    """The bank refuses to listen to captures, and is quick to say what it holds."""
    captures: list[CaptureRequest] = []

    def fail(request: CaptureRequest) -> Unknown:
        captures.append(request)
        assert len(captures) < 100, "it never ends"
        return Unknown("HTTP 500")

    services.bank.capture = fail  # type: ignore[method-assign]
    attempt_id = services.authorized(call_id=services.begin_call())
    services.pass_time(2 * timeouts.CHARGE_WITHIN_S)
    assert services.state(attempt_id) is State.VOIDED
    assert 2 <= len(captures) <= 1 + timeouts.CHARGE_WITHIN_S / timeouts.LOOK_FIRST_S
    services.assert_settled()


@pytest.mark.parametrize("gone", ["hung up", "past the deadline"])
def test_a_found_authorization_is_voided_if_the_caller_is_gone(services: PaymentServices, gone: str) -> None:
    call_id = services.begin_call()
    services.bank.fates.append(Fate.NEVER_ARRIVES)
    attempt_id = services.authorized(call_id=call_id)
    services.run(next(one for one in services.work.waiting() if one.job == CHARGE_ATTEMPT))
    if gone == "hung up":
        services.hang_up(call_id)
    else:
        services.clock.advance(timeouts.CHARGE_WITHIN_S)
    services.run_due()
    assert services.state(attempt_id) is State.VOIDED
    services.assert_settled()


def test_a_found_authorization_waits_for_the_callers_confirmation(services: PaymentServices) -> None:
    from ivr.payments.attempts.states import Event

    attempt_id = services.await_card(call_id=services.begin_call())
    services.bank.authorize(attempt_id, 4_000)
    with services.engine.begin() as tx:
        services.attempts.advance(tx, attempt_id, Event.MARK_UNKNOWN)
    services.run_due()
    assert services.state(attempt_id) is State.AUTHORIZED
    with services.engine.begin() as tx:
        services.attempts.ask_charge(tx, attempt_id)
    services.run_due()
    assert services.state(attempt_id) is State.APPROVED
    services.assert_settled()


@pytest.mark.postgres
def test_a_late_look_up_does_not_authorize_again(services: PaymentServices) -> None:
    """It was held when it was asked about; before the answer is read, it is voided."""
    call_id = services.begin_call()
    services.bank.fates.append(Fate.NEVER_ARRIVES)
    attempt_id = services.authorized(call_id=call_id)
    services.run(next(one for one in services.work.waiting() if one.job == CHARGE_ATTEMPT))
    services.hang_up(call_id)
    number = services.attempt(attempt_id).jobs

    def overtaken() -> None:
        services.bank.before_answer = lambda: None
        services.run_due()

    services.bank.before_answer = overtaken
    services.handlers[RESOLVE_ATTEMPT](attempt_id, number)
    assert services.state(attempt_id) is State.VOIDED
    with services.engine.begin() as tx:
        events = tx.execute(sa.select(schema.attempt_move.c.event)).scalars().all()
    assert "contradiction" not in events
    services.assert_settled()


@pytest.mark.postgres
def test_a_contradiction_of_the_gateway_is_recorded_and_changes_nothing(services: PaymentServices) -> None:
    approved, declined = services.paid(), services.confirmed("tok_declined")
    services.run_due()
    moves = services.payments.transitions
    before = {one: services.attempt(one) for one in (approved, declined)}
    with services.engine.begin() as tx:
        gateway_answers.record(moves, tx, attempt_store.locked(tx, approved), Cancelled(), note="")
        gateway_answers.record(moves, tx, attempt_store.locked(tx, declined), Approved("ref_odd"), note="")
    assert {one: services.attempt(one) for one in before} == before
    with services.engine.begin() as tx:
        notes = tx.execute(
            sa.select(schema.attempt_move.c.note).where(schema.attempt_move.c.event == "contradiction")
        ).scalars()
        assert sorted(notes) == ["the gateway says approved ref_odd", "the gateway says fenced"]


def test_every_holding_state_handles_every_certain_answer() -> None:
    certain = (Approved, Authorized, Declined, Cancelled)
    links = {State.LINK_OPEN, State.LINK_CLOSING}
    open_states = frozenset(State) - FINAL - {State.RESERVED}  # a reserved attempt was never sent
    assert [(s, a) for s in open_states - links for a in certain if (s, a) not in gateway_answers.PATHS] == []
    of_links = (Approved, LinkOpen, Cancelled)
    assert [(s, a) for s in links for a in of_links if (s, a) not in gateway_answers.PATHS] == []


_NOT_CHARGED = {State.DECLINED, State.CANCELLED, State.ABANDONED, State.VOIDED}
_MEANS: dict[type, set[State]] = {
    Approved: {State.APPROVED},
    Authorized: {State.AUTHORIZED, State.VOIDING, State.NEEDS_REVIEW},
    Declined: _NOT_CHARGED,
    Cancelled: _NOT_CHARGED,
    LinkOpen: {State.LINK_OPEN, State.LINK_CLOSING, State.NEEDS_REVIEW, State.APPROVED, State.CANCELLED},
    Unknown: {State.UNKNOWN},
}
"""Where an attempt may stand once the gateway has said so, wherever it stood before."""


def test_every_answer_leads_where_it_says() -> None:
    for (state, answer), events in gateway_answers.PATHS.items():
        end = state
        for event in events:
            end = move(end, event)
        assert end in _MEANS[answer], f"{answer.__name__} brings {state} to {end}"


@pytest.mark.parametrize(
    ("held", "answer", "end"),
    [
        (State.NEEDS_REVIEW, Declined(Decline.GENERIC, "no"), State.CANCELLED),
        (State.NEEDS_REVIEW, Cancelled(), State.CANCELLED),
        (State.AUTHORIZED, Cancelled(), State.VOIDED),
        (State.AUTHORIZED, Declined(Decline.GENERIC, "no"), State.DECLINED),
        (State.VOIDING, Declined(Decline.GENERIC, "no"), State.VOIDED),
    ],
)
def test_a_certain_no_frees_the_bill_wherever_it_is_heard(
    services: PaymentServices, held: State, answer: LookupResult, end: State
) -> None:
    attempt_id = services.authorized(ask=False)
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(state=held))
        gateway_answers.record(
            services.payments.transitions, tx, attempt_store.locked(tx, attempt_id), answer, note=""
        )
    attempt = services.attempt(attempt_id)
    assert attempt.state is end
    assert services.bill(attempt.bill_id) == (0, 0)
    assert services.events_of(attempt_id)[-1] in {"not_charged", "declined"}


def test_a_long_gateway_code_is_cut_and_the_charge_recorded(services: PaymentServices) -> None:
    charge = services.bank.charge

    def long_answer(request: ChargeRequest) -> Result:
        charge(request)
        return Approved("r" * 300, "a" * 300)

    services.bank.charge = long_answer  # type: ignore[method-assign]
    attempt_id = services.confirmed()
    services.run_due()
    assert services.state(attempt_id) is State.APPROVED
    assert services.attempt(attempt_id).gateway_reference == "r" * 80
