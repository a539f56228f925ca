"""A person's word where nobody else knows; and the sweep, which finds every attempt whose job was lost."""

import pytest
import sqlalchemy as sa

from gateways.events import GatewayEvent, PaymentUpdated, RefundUpdated
from ivr.jobs.job_list import ALL_JOBS
from ivr.payments import timeouts
from ivr.payments.attempts.manual_review import NothingToDecideError, ReferenceTakenError, Word
from ivr.payments.attempts.states import HOLDING, State
from ivr.payments.attempts.transitions import NEXT_JOB
from ivr.payments.refunds.store import REFUND_FINAL, RefundState
from ivr.payments.sweep import REFUND_JOBS
from tests.support import schema
from tests.support.fake_gateway import Fate, KilledError, PreparingBank
from tests.support.payment_services import Till
from tests.support.unresolved_payment import for_a_person


@pytest.mark.postgres
def test_a_person_finds_the_charge_in_the_dashboard(till: Till) -> None:
    attempt_id = for_a_person(till, Fate.LOST_REPLY)
    with till.engine.begin() as tx:
        attempt = till.cashier.decide(tx, attempt_id, Word.APPROVED, who="ana", gateway_reference="ref_seen")
    assert (attempt.state, attempt.gateway_reference) == (State.APPROVED, "ref_seen")
    assert till.told(attempt_id) == ["unknown", "for_a_person", "approved"]
    with till.engine.begin() as tx:
        notes = tx.execute(sa.select(schema.attempt_move.c.note).order_by(schema.attempt_move.c.id)).scalars()
        assert list(notes)[-1] == "decided by ana"
    till.assert_settled()


def test_a_decision_without_a_reference_keeps_the_known_one(engine: sa.Engine) -> None:
    till = Till(engine, bank=PreparingBank())
    attempt_id = till.confirmed()
    till.bank.fates.extend([Fate.ANSWERED, Fate.LOST_REPLY, Fate.NEVER, Fate.NEVER])
    till.run_due()
    till.clock.advance(timeouts.NEEDS_REVIEW_AFTER_S)
    till.run_due()
    with till.engine.begin() as tx:
        attempt = till.cashier.decide(tx, attempt_id, Word.APPROVED, who="ana")
    assert (attempt.state, attempt.gateway_reference) == (State.APPROVED, f"ref_{attempt_id}")
    till.assert_settled()


def test_one_charge_of_the_gateway_is_not_booked_for_two_payments(till: Till) -> None:
    paid = till.paid()
    waits = for_a_person(till, Fate.NEVER)
    taken = rf"^ref_{paid} is already recorded as the charge of payment {till.attempt(paid).reference}"
    with pytest.raises(ReferenceTakenError, match=taken), till.engine.begin() as tx:
        till.cashier.decide(tx, waits, Word.APPROVED, who="ana", gateway_reference=f"ref_{paid}")
    assert till.state(waits) is State.NEEDS_REVIEW
    assert till.ledger() == till.bank.money()


def test_another_gateway_may_have_a_charge_of_the_same_name(till: Till) -> None:
    paid = till.paid()
    with till.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(gateway="other"))
    waits = for_a_person(till, Fate.LOST_REPLY)
    with till.engine.begin() as tx:
        decided = till.cashier.decide(tx, waits, Word.APPROVED, who="ana", gateway_reference=f"ref_{paid}")
    assert decided.state is State.APPROVED


def test_a_person_finds_no_charge(till: Till) -> None:
    attempt_id = for_a_person(till, Fate.NEVER)
    with till.engine.begin() as tx:
        assert till.cashier.decide(tx, attempt_id, Word.NOT_CHARGED, who="ana").state is State.CANCELLED
    till.assert_settled()


def test_a_person_released_an_authorization(till: Till) -> None:
    attempt_id = till.authorized(ask=False)
    till.bank.fates.extend([Fate.NEVER] * 4)
    with till.engine.begin() as tx:
        till.attempts.withdraw(tx, attempt_id)
    till.run_due()
    till.clock.advance(timeouts.NEEDS_REVIEW_AFTER_S)
    till.run_due()
    till.bank.held.clear()
    with till.engine.begin() as tx:
        assert till.cashier.decide(tx, attempt_id, Word.NOT_CHARGED, who="ana").state is State.VOIDED
    till.assert_settled()


@pytest.mark.parametrize("word", list(Word))
def test_nobody_overrules_what_is_certain(till: Till, word: Word) -> None:
    attempt_id = till.paid()
    with pytest.raises(NothingToDecideError, match="is approved"), till.engine.begin() as tx:
        till.cashier.decide(tx, attempt_id, word, who="ana")


def test_every_state_that_holds_money_has_a_way_on() -> None:
    assert frozenset(NEXT_JOB) == HOLDING
    assert [state for state, job in NEXT_JOB.items() if job is None] == [State.NEEDS_REVIEW]
    assert frozenset(REFUND_JOBS) == frozenset(RefundState) - REFUND_FINAL - {RefundState.NEEDS_REVIEW}


def _lose_everything(till: Till) -> None:
    for job in ALL_JOBS:
        till.work.lose(job)


def _stuck(till: Till, state: State) -> str:
    """An attempt in that state, whose jobs are lost."""
    match state:
        case State.RESERVED:
            attempt_id = till.make(till.add_bill()) or ""
        case State.AUTHORIZING:
            attempt_id = till.want_card()
        case State.AUTHORIZED:
            attempt_id = till.authorized()
        case State.VOIDING:
            attempt_id = till.authorized(ask=False)
            with till.engine.begin() as tx:
                till.attempts.withdraw(tx, attempt_id)
        case State.CLAIMED:
            attempt_id = till.confirmed()
            till.bank.fates.append(Fate.KILLED_AFTER)
            with pytest.raises(KilledError):
                till.run_due()
        case _:
            attempt_id = till.confirmed()
            till.bank.fates.extend([Fate.LOST_REPLY, Fate.NEVER])
            till.run_due()
    assert till.state(attempt_id) is state
    _lose_everything(till)
    return attempt_id


LINKS = {State.LINK_OPEN, State.LINK_CLOSING}
"""Their lost jobs are told in links/test_pay_links."""


@pytest.mark.parametrize("state", sorted(HOLDING - {State.NEEDS_REVIEW} - LINKS))
def test_the_sweep_finds_a_lost_job_in_every_state(till: Till, state: State) -> None:
    attempt_id = _stuck(till, state)
    assert till.cashier.sweep() == 0  # not late yet
    till.clock.advance(timeouts.CARD_WITHIN_S + timeouts.LOST_AFTER_S + 1)
    assert till.cashier.sweep() == 1
    assert till.cashier.sweep() == 0  # asked for, not lost again
    till.pass_time(120)
    assert till.state(attempt_id) not in HOLDING
    till.assert_settled()


def test_an_attempt_that_a_person_holds_is_left_to_them(till: Till) -> None:
    for_a_person(till, Fate.NEVER)
    till.clock.advance(7 * 24 * 3600)
    assert till.cashier.sweep() == 0


@pytest.mark.parametrize("sent", [False, True])
def test_a_refund_whose_job_was_lost_is_found(till: Till, sent: bool) -> None:
    attempt_id = till.paid()
    with till.engine.begin() as tx:
        till.cashier.refunds.ask(tx, attempt_id, asked_by="ana")
    if sent:
        till.bank.fates.append(Fate.KILLED_AFTER)
        with pytest.raises(KilledError):
            till.run_due()
    _lose_everything(till)
    till.clock.advance(timeouts.UNDER_WAY_S + timeouts.LOST_AFTER_S + 1)
    assert till.cashier.sweep() == 1
    till.run_due()
    assert till.told(attempt_id) == ["approved", "refunded"]
    till.assert_settled()


@pytest.mark.parametrize("waits", [True, False])
def test_a_notice_whose_look_was_lost_is_looked_into_again(till: Till, waits: bool) -> None:
    attempt_id = for_a_person(till, Fate.LOST_REPLY)
    if not waits:
        with till.engine.begin() as tx:
            till.cashier.decide(tx, attempt_id, Word.NOT_CHARGED, who="ana")
    till.cashier.gateway_events.take(
        GatewayEvent("evt_1", "payment.moved", PaymentUpdated(attempt_id, taken=True))
    )
    _lose_everything(till)
    till.clock.advance(timeouts.LOST_AFTER_S + 1)
    assert till.cashier.sweep() == 1
    till.run_due()
    assert till.state(attempt_id) is (State.APPROVED if waits else State.CANCELLED)
    with till.engine.begin() as tx:
        events = list(tx.execute(sa.select(schema.attempt_move.c.event)).scalars())
    assert ("contradiction" in events) is not waits
    till.clock.advance(timeouts.LOST_AFTER_S + 1)
    assert till.cashier.sweep() == 0


def test_a_webhook_replaces_a_lost_recheck_of_a_refund(till: Till) -> None:
    attempt_id = till.paid()
    with till.engine.begin() as tx:
        refund = till.cashier.refunds.ask(tx, attempt_id, asked_by="ana")
    till.run_due()
    del till.bank.refunded[refund.id]
    till.bank.refund_declined.add(refund.id)
    till.cashier.gateway_events.take(GatewayEvent("evt_1", "refund.moved", RefundUpdated(refund.id)))
    _lose_everything(till)
    till.clock.advance(timeouts.LOST_AFTER_S + 1)
    assert till.cashier.sweep() == 1
    till.run_due()
    assert till.ledger() == till.bank.money() == {attempt_id: 4_000}
    till.clock.advance(timeouts.LOST_AFTER_S + 1)
    assert till.cashier.sweep() == 0


def test_a_look_that_failed_is_found_again(till: Till) -> None:
    till.bank.fates.append(Fate.LOST_REPLY)
    attempt_id = till.confirmed()
    till.run(next(one for one in till.work.waiting() if one.job.name == "charge_attempt"))
    till.listeners.broken = True
    with pytest.raises(RuntimeError):
        till.run_due()
    till.listeners.broken = False
    _lose_everything(till)
    till.clock.advance(timeouts.LOST_AFTER_S + 1)
    assert till.cashier.sweep() == 1
    till.run_due()
    assert till.state(attempt_id) is State.APPROVED
    till.assert_settled()
