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
from tests.support.payment_services import Till


def _lose_sight(till: Till, fate: Fate = Fate.NEVER) -> str:
    """An attempt whose charge met that fate, and is unknown now; its first look has not run."""
    till.bank.fates.append(fate)
    attempt_id = till.confirmed()
    till.run(next(one for one in till.work.waiting() if one.job == CHARGE_ATTEMPT))
    assert till.state(attempt_id) is State.UNKNOWN
    return attempt_id


def test_look_ups_slow_down_and_cancel_only_once_no_request_is_under_way(till: Till) -> None:
    attempt_id = _lose_sight(till)
    begun = till.clock.now()
    looks = []
    lookup = till.bank.lookup

    def watched(order: Order, *, cancel: bool, reference: str | None = None) -> LookupResult:
        looks.append(((till.clock.now() - begun).total_seconds(), cancel))
        return lookup(order, cancel=cancel, reference=reference)

    till.bank.lookup = watched  # type: ignore[method-assign]
    till.pass_time(300)
    assert looks == [(0, False), (2, False), (4, False), (8, False), (16, False), (32, True)]
    assert till.state(attempt_id) is State.CANCELLED
    assert till.told(attempt_id) == ["unknown", "not_charged"]
    till.assert_settled()


def test_unknown_keeps_the_reservation(till: Till) -> None:
    attempt_id = _lose_sight(till, Fate.LATE)
    bill_id = till.attempt(attempt_id).bill_id
    assert till.make(bill_id, 6_001) is None
    assert till.make(bill_id, 6_000) is not None


def test_a_charge_that_arrives_late_is_found(till: Till) -> None:
    attempt_id = _lose_sight(till, Fate.LATE)
    till.pass_time(10)
    assert till.state(attempt_id) is State.UNKNOWN
    till.bank.deliver()
    till.pass_time(10)
    assert till.state(attempt_id) is State.APPROVED
    till.assert_settled()


def test_a_decline_that_arrives_late_is_found(till: Till) -> None:
    till.bank.fates.append(Fate.LATE)
    attempt_id = till.confirmed("tok_declined")
    till.run_due()
    till.bank.deliver()
    till.pass_time(10)
    assert till.attempt(attempt_id).decline is Decline.INSUFFICIENT_FUNDS
    till.assert_settled()


def test_after_a_day_of_silence_a_person_decides(till: Till) -> None:
    attempt_id = _lose_sight(till, Fate.LOST_REPLY)
    till.bank.fates.extend([Fate.NEVER] * 400)
    till.pass_time(3600)
    looks = len(till.bank.looked_up)
    till.pass_time(3600)
    assert len(till.bank.looked_up) - looks == 3600 / timeouts.LOOK_AT_MOST_S
    till.clock.advance(timeouts.NEEDS_REVIEW_AFTER_S - 2 * 3600 - timeouts.LOOK_AT_MOST_S)
    till.run_due()
    assert till.state(attempt_id) is State.UNKNOWN
    till.pass_time(2 * timeouts.LOOK_AT_MOST_S)
    attempt = till.attempt(attempt_id)
    assert attempt.state is State.NEEDS_REVIEW
    assert till.told(attempt_id) == ["unknown", "for_a_person"]
    assert till.bill(attempt.bill_id) == (0, 4_000)
    assert till.work.waiting() == []
    till.assert_books()


def test_a_job_of_a_past_state_does_nothing(till: Till) -> None:
    attempt_id = _lose_sight(till)
    stale = [one for one in till.work.waiting() if one.job == RESOLVE_ATTEMPT]
    assert len(stale) == 2  # the claim's, for half a minute later, and the one for now
    till.run(max(stale, key=lambda one: one.due_at))
    assert till.bank.looked_up == []
    till.run(min(stale, key=lambda one: one.due_at))
    assert till.bank.looked_up == [(attempt_id, False)]


def test_a_look_that_runs_twice_leaves_one_chain(till: Till) -> None:
    attempt_id = _lose_sight(till)
    look = min((one for one in till.work.waiting() if one.job == RESOLVE_ATTEMPT), key=lambda one: one.due_at)
    till.run(look)
    till.run(look)
    assert till.bank.looked_up == [(attempt_id, False)]


def test_a_claim_that_is_young_is_left_to_its_worker(till: Till) -> None:
    attempt_id = till.confirmed()
    job = next(one for one in till.work.waiting() if one.job == CHARGE_ATTEMPT)

    def meanwhile() -> None:
        till.bank.before_answer = lambda: None
        look = next(one for one in till.work.waiting() if one.job == RESOLVE_ATTEMPT)
        till.run(look)
        assert till.state(attempt_id) is State.CLAIMED
        assert till.bank.looked_up == []

    till.bank.before_answer = meanwhile
    till.run(job)
    assert till.state(attempt_id) is State.APPROVED
    till.pass_time(60)
    till.assert_settled()


def test_a_found_authorization_is_captured_while_the_caller_waits(till: Till) -> None:
    call_id = till.begin_call()
    till.bank.fates.extend([Fate.NEVER, Fate.ANSWERED, Fate.NEVER])  # the first two captures
    attempt_id = till.authorized(call_id=call_id)
    till.pass_time(2 * timeouts.LOOK_FIRST_S)
    assert till.state(attempt_id) is State.APPROVED
    assert [verb for verb, _ in till.bank.sent] == ["capture"] * 3
    assert till.told(attempt_id) == ["unknown", "approved"]
    till.assert_settled()


@pytest.mark.slow
def test_captures_that_fail_at_once_are_repeated_slowly(till: Till) -> None:
    """The bank refuses to listen to captures, and is quick to say what it holds."""
    captures: list[CaptureRequest] = []

    def fail(request: CaptureRequest) -> Unknown:
        captures.append(request)
        assert len(captures) < 100, "it never ends"
        return Unknown("HTTP 500")

    till.bank.capture = fail  # type: ignore[method-assign]
    attempt_id = till.authorized(call_id=till.begin_call())
    till.pass_time(2 * timeouts.CHARGE_WITHIN_S)
    assert till.state(attempt_id) is State.VOIDED
    assert 2 <= len(captures) <= 1 + timeouts.CHARGE_WITHIN_S / timeouts.LOOK_FIRST_S
    till.assert_settled()


@pytest.mark.parametrize("gone", ["hung up", "past the deadline"])
def test_a_found_authorization_is_voided_if_the_caller_is_gone(till: Till, gone: str) -> None:
    call_id = till.begin_call()
    till.bank.fates.append(Fate.NEVER)
    attempt_id = till.authorized(call_id=call_id)
    till.run(next(one for one in till.work.waiting() if one.job == CHARGE_ATTEMPT))
    if gone == "hung up":
        till.hang_up(call_id)
    else:
        till.clock.advance(timeouts.CHARGE_WITHIN_S)
    till.run_due()
    assert till.state(attempt_id) is State.VOIDED
    till.assert_settled()


def test_a_found_authorization_waits_for_the_callers_confirmation(till: Till) -> None:
    from ivr.payments.attempts.states import Event

    attempt_id = till.want_card(call_id=till.begin_call())
    till.bank.authorize(attempt_id, 4_000)
    with till.engine.begin() as tx:
        till.attempts.advance(tx, attempt_id, Event.MARK_UNKNOWN)
    till.run_due()
    assert till.state(attempt_id) is State.AUTHORIZED
    with till.engine.begin() as tx:
        till.attempts.ask_charge(tx, attempt_id)
    till.run_due()
    assert till.state(attempt_id) is State.APPROVED
    till.assert_settled()


@pytest.mark.postgres
def test_a_late_look_up_does_not_authorize_again(till: Till) -> None:
    """It was held when it was asked about; before the answer is read, it is let go of."""
    call_id = till.begin_call()
    till.bank.fates.append(Fate.NEVER)
    attempt_id = till.authorized(call_id=call_id)
    till.run(next(one for one in till.work.waiting() if one.job == CHARGE_ATTEMPT))
    till.hang_up(call_id)
    number = till.attempt(attempt_id).jobs

    def overtaken() -> None:
        till.bank.before_answer = lambda: None
        till.run_due()

    till.bank.before_answer = overtaken
    till.handlers[RESOLVE_ATTEMPT](attempt_id, number)
    assert till.state(attempt_id) is State.VOIDED
    with till.engine.begin() as tx:
        events = tx.execute(sa.select(schema.attempt_move.c.event)).scalars().all()
    assert "contradiction" not in events
    till.assert_settled()


@pytest.mark.postgres
def test_a_contradiction_of_the_gateway_is_recorded_and_changes_nothing(till: Till) -> None:
    approved, declined = till.paid(), till.confirmed("tok_declined")
    till.run_due()
    moves = till.cashier.transitions
    before = {one: till.attempt(one) for one in (approved, declined)}
    with till.engine.begin() as tx:
        gateway_answers.record(moves, tx, attempt_store.locked(tx, approved), Cancelled(), note="")
        gateway_answers.record(moves, tx, attempt_store.locked(tx, declined), Approved("ref_odd"), note="")
    assert {one: till.attempt(one) for one in before} == before
    with till.engine.begin() as tx:
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
    till: Till, held: State, answer: LookupResult, end: State
) -> None:
    attempt_id = till.authorized(ask=False)
    with till.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(state=held))
        gateway_answers.record(
            till.cashier.transitions, tx, attempt_store.locked(tx, attempt_id), answer, note=""
        )
    attempt = till.attempt(attempt_id)
    assert attempt.state is end
    assert till.bill(attempt.bill_id) == (0, 0)
    assert till.told(attempt_id)[-1] in {"not_charged", "declined"}


def test_a_long_gateway_code_is_cut_and_the_charge_recorded(till: Till) -> None:
    charge = till.bank.charge

    def long_answer(request: ChargeRequest) -> Result:
        charge(request)
        return Approved("r" * 300, "a" * 300)

    till.bank.charge = long_answer  # type: ignore[method-assign]
    attempt_id = till.confirmed()
    till.run_due()
    assert till.state(attempt_id) is State.APPROVED
    assert till.attempt(attempt_id).gateway_reference == "r" * 80
