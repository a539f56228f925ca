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
from ivr.payments.refunds.transitions import NEXT_JOB as REFUND_JOBS
from tests.support import schema
from tests.support.fake_gateway import Fate, KilledError, PreparingGateway
from tests.support.payment_services import PaymentServices


@pytest.mark.postgres
def test_a_person_finds_the_charge_in_the_dashboard(services: PaymentServices) -> None:
    attempt_id = services.needs_review(Fate.LOST_REPLY)
    with services.engine.begin() as tx:
        attempt = services.review.decide(
            tx, attempt_id, Word.APPROVED, who="ana", gateway_reference="ref_seen"
        )
    assert (attempt.state, attempt.gateway_reference) == (State.APPROVED, "ref_seen")
    assert services.events_of(attempt_id) == ["unknown", "for_a_person", "approved"]
    with services.engine.begin() as tx:
        notes = tx.execute(sa.select(schema.attempt_move.c.note).order_by(schema.attempt_move.c.id)).scalars()
        assert list(notes)[-1] == "decided by ana"
    services.assert_settled()


def test_a_decision_without_a_reference_keeps_the_known_one(engine: sa.Engine) -> None:
    services = PaymentServices(engine, bank=PreparingGateway())
    attempt_id = services.confirmed()
    services.bank.fates.extend([Fate.ANSWERED, Fate.LOST_REPLY, Fate.NEVER_ARRIVES, Fate.NEVER_ARRIVES])
    services.run_due()
    services.clock.advance(timeouts.NEEDS_REVIEW_AFTER_S)
    services.run_due()
    with services.engine.begin() as tx:
        attempt = services.review.decide(tx, attempt_id, Word.APPROVED, who="ana")
    assert (attempt.state, attempt.gateway_reference) == (State.APPROVED, f"ref_{attempt_id}")
    services.assert_settled()


def test_one_charge_of_the_gateway_is_not_booked_for_two_payments(services: PaymentServices) -> None:
    paid = services.paid()
    waits = services.needs_review(Fate.NEVER_ARRIVES)
    taken = rf"^ref_{paid} is already recorded as the charge of payment {services.attempt(paid).reference}"
    with pytest.raises(ReferenceTakenError, match=taken), services.engine.begin() as tx:
        services.review.decide(tx, waits, Word.APPROVED, who="ana", gateway_reference=f"ref_{paid}")
    assert services.state(waits) is State.NEEDS_REVIEW
    assert services.ledger() == services.bank.money()


def test_another_gateway_may_have_a_charge_of_the_same_name(services: PaymentServices) -> None:
    paid = services.paid()
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(gateway="other"))
    waits = services.needs_review(Fate.LOST_REPLY)
    with services.engine.begin() as tx:
        decided = services.review.decide(tx, waits, Word.APPROVED, who="ana", gateway_reference=f"ref_{paid}")
    assert decided.state is State.APPROVED


def test_a_person_finds_no_charge(services: PaymentServices) -> None:
    attempt_id = services.needs_review(Fate.NEVER_ARRIVES)
    with services.engine.begin() as tx:
        assert services.review.decide(tx, attempt_id, Word.NOT_CHARGED, who="ana").state is State.CANCELLED
    services.assert_settled()


def test_a_person_released_an_authorization(services: PaymentServices) -> None:
    attempt_id = services.authorized(ask=False)
    services.bank.fates.extend([Fate.NEVER_ARRIVES] * 4)
    with services.engine.begin() as tx:
        services.attempts.withdraw(tx, attempt_id)
    services.run_due()
    services.clock.advance(timeouts.NEEDS_REVIEW_AFTER_S)
    services.run_due()
    services.bank.held.clear()
    with services.engine.begin() as tx:
        assert services.review.decide(tx, attempt_id, Word.NOT_CHARGED, who="ana").state is State.VOIDED
    services.assert_settled()


@pytest.mark.parametrize("word", list(Word))
def test_nobody_overrules_what_is_certain(services: PaymentServices, word: Word) -> None:
    attempt_id = services.paid()
    with pytest.raises(NothingToDecideError, match="is approved"), services.engine.begin() as tx:
        services.review.decide(tx, attempt_id, word, who="ana")


def test_every_state_that_holds_money_has_a_way_on() -> None:
    assert frozenset(NEXT_JOB) == HOLDING
    assert [state for state, job in NEXT_JOB.items() if job is None] == [State.NEEDS_REVIEW]
    assert frozenset(REFUND_JOBS) == frozenset(RefundState) - REFUND_FINAL - {RefundState.NEEDS_REVIEW}


def _lose_everything(services: PaymentServices) -> None:
    for job in ALL_JOBS:
        services.work.lose(job)


def _stuck(services: PaymentServices, state: State) -> str:
    """An attempt in that state, whose jobs are lost."""
    match state:
        case State.RESERVED:
            attempt_id = services.make(services.add_bill()) or ""
        case State.AUTHORIZING:
            attempt_id = services.await_card()
        case State.AUTHORIZED:
            attempt_id = services.authorized()
        case State.VOIDING:
            attempt_id = services.authorized(ask=False)
            with services.engine.begin() as tx:
                services.attempts.withdraw(tx, attempt_id)
        case State.CLAIMED:
            attempt_id = services.confirmed()
            services.bank.fates.append(Fate.KILLED_AFTER)
            with pytest.raises(KilledError):
                services.run_due()
        case _:
            attempt_id = services.confirmed()
            services.bank.fates.extend([Fate.LOST_REPLY, Fate.NEVER_ARRIVES])
            services.run_due()
    assert services.state(attempt_id) is state
    _lose_everything(services)
    return attempt_id


LINKS = {State.LINK_OPEN, State.LINK_CLOSING}
"""Their lost jobs are told in links/test_pay_links."""


@pytest.mark.parametrize("state", sorted(HOLDING - {State.NEEDS_REVIEW} - LINKS))
def test_the_sweep_finds_a_lost_job_in_every_state(services: PaymentServices, state: State) -> None:
    attempt_id = _stuck(services, state)
    assert services.payments.sweep() == 0  # not late yet
    services.clock.advance(timeouts.CARD_WITHIN_S + timeouts.LOST_AFTER_S + 1)
    assert services.payments.sweep() == 1
    assert services.payments.sweep() == 0  # asked for, not lost again
    services.pass_time(120)
    assert services.state(attempt_id) not in HOLDING
    services.assert_settled()


def test_an_attempt_that_a_person_holds_is_left_to_them(services: PaymentServices) -> None:
    services.needs_review(Fate.NEVER_ARRIVES)
    services.clock.advance(7 * 24 * 3600)
    assert services.payments.sweep() == 0


@pytest.mark.parametrize("sent", [False, True])
def test_a_refund_whose_job_was_lost_is_found(services: PaymentServices, sent: bool) -> None:
    attempt_id = services.paid()
    with services.engine.begin() as tx:
        services.payments.refunds.ask(tx, attempt_id, asked_by="ana")
    if sent:
        services.bank.fates.append(Fate.KILLED_AFTER)
        with pytest.raises(KilledError):
            services.run_due()
    _lose_everything(services)
    services.clock.advance(timeouts.UNDER_WAY_S + timeouts.LOST_AFTER_S + 1)
    assert services.payments.sweep() == 1
    services.run_due()
    assert services.events_of(attempt_id) == ["approved", "refunded"]
    services.assert_settled()


@pytest.mark.parametrize("waits", [True, False])
def test_a_notice_whose_look_was_lost_is_looked_into_again(services: PaymentServices, waits: bool) -> None:
    attempt_id = services.needs_review(Fate.LOST_REPLY)
    if not waits:
        with services.engine.begin() as tx:
            services.review.decide(tx, attempt_id, Word.NOT_CHARGED, who="ana")
    services.payments.gateway_events.take(
        GatewayEvent("evt_1", "payment.moved", PaymentUpdated(attempt_id, taken=True))
    )
    _lose_everything(services)
    services.clock.advance(timeouts.LOST_AFTER_S + 1)
    assert services.payments.sweep() == 1
    services.run_due()
    assert services.state(attempt_id) is (State.APPROVED if waits else State.CANCELLED)
    with services.engine.begin() as tx:
        events = list(tx.execute(sa.select(schema.attempt_move.c.event)).scalars())
    assert ("contradiction" in events) is not waits
    services.clock.advance(timeouts.LOST_AFTER_S + 1)
    assert services.payments.sweep() == 0


def test_a_webhook_replaces_a_lost_recheck_of_a_refund(services: PaymentServices) -> None:
    attempt_id = services.paid()
    with services.engine.begin() as tx:
        refund = services.payments.refunds.ask(tx, attempt_id, asked_by="ana")
    services.run_due()
    del services.bank.refunded[refund.id]
    services.bank.refund_declined.add(refund.id)
    services.payments.gateway_events.take(GatewayEvent("evt_1", "refund.moved", RefundUpdated(refund.id)))
    _lose_everything(services)
    services.clock.advance(timeouts.LOST_AFTER_S + 1)
    assert services.payments.sweep() == 1
    services.run_due()
    assert services.ledger() == services.bank.money() == {attempt_id: 4_000}
    services.clock.advance(timeouts.LOST_AFTER_S + 1)
    assert services.payments.sweep() == 0


def test_a_look_that_failed_is_found_again(services: PaymentServices) -> None:
    services.bank.fates.append(Fate.LOST_REPLY)
    attempt_id = services.confirmed()
    services.run(next(one for one in services.work.waiting() if one.job.name == "charge_attempt"))
    services.listeners.broken = True
    with pytest.raises(RuntimeError):
        services.run_due()
    services.listeners.broken = False
    _lose_everything(services)
    services.clock.advance(timeouts.LOST_AFTER_S + 1)
    assert services.payments.sweep() == 1
    services.run_due()
    assert services.state(attempt_id) is State.APPROVED
    services.assert_settled()
