"""An attempt as a call makes it: once for each turn, on what is due, with a card that masks itself."""

import pytest
import sqlalchemy as sa

from gateways.declines import Decline
from gateways.secret import Secret
from ivr.jobs.job_list import CHARGE_ATTEMPT, EXPIRE_ATTEMPT
from ivr.payments import timeouts
from ivr.payments.attempts import store
from ivr.payments.attempts.service import NewAttempt, NoSuchAttemptError
from ivr.payments.attempts.states import Event, IllegalMoveError, State
from tests.support import schema
from tests.support.payment_services import PaymentServices
from tests.support.time_and_ids import SequentialIds

pytestmark = pytest.mark.postgres


def test_an_attempt_reserves_its_part_and_has_a_deadline(services: PaymentServices) -> None:
    bill_id = services.add_bill(10_000)
    attempt_id = services.make(bill_id, 4_000)
    assert attempt_id is not None
    attempt = services.attempt(attempt_id)
    assert attempt.state is State.RESERVED
    assert len(attempt.reference) == 8
    assert (attempt.deadline_at - services.clock.now()).total_seconds() == timeouts.CHARGE_WITHIN_S
    assert services.bill(bill_id) == (0, 4_000)
    (expiry,) = services.work.waiting()
    assert (expiry.job, expiry.subject_id) == (EXPIRE_ATTEMPT, attempt_id)
    assert expiry.due_at == attempt.deadline_at.timestamp()


def test_the_same_turn_makes_one_attempt(services: PaymentServices) -> None:
    bill_id = services.add_bill(10_000)
    first = services.make(bill_id, 10_000, made_for="call_1.7")
    assert services.make(bill_id, 10_000, made_for="call_1.7") == first
    assert services.bill(bill_id) == (0, 10_000)
    with services.engine.begin() as tx:
        found = store.find_made_for(tx, "call_1.7")
    assert found is not None
    assert found.id == first


def test_the_same_turn_for_another_amount_is_a_bug(services: PaymentServices) -> None:
    bill_id = services.add_bill(10_000)
    services.make(bill_id, 4_000, made_for="call_1.7")
    with pytest.raises(ValueError, match="another bill or amount"):
        services.make(bill_id, 5_000, made_for="call_1.7")


def test_what_is_no_longer_due_makes_no_attempt(services: PaymentServices) -> None:
    bill_id = services.add_bill(5_000)
    assert services.make(bill_id, 4_000) is not None
    assert services.make(bill_id, 4_000) is None
    assert services.bill(bill_id) == (0, 4_000)


def test_another_currency_than_the_bills_is_a_bug(services: PaymentServices) -> None:
    bill_id = services.add_bill()
    new = NewAttempt(made_for="t", bill_id=bill_id, amount_minor=1, currency="USD", language="en")
    with pytest.raises(ValueError, match="not in USD"), services.engine.begin() as tx:
        services.attempts.make(tx, new)
    assert services.bill(bill_id) == (0, 0)


def test_a_reference_that_is_taken_is_drawn_again(engine: sa.Engine) -> None:
    class Colliding(SequentialIds):
        drawn = 0

        def reference(self) -> str:
            self.drawn += 1
            return "55555555" if self.drawn < 4 else f"{self.drawn:08d}"

    ids = Colliding()
    services = PaymentServices(engine, ids=ids)
    bill_id = services.add_bill(10_000)
    first, second = services.make(bill_id, 1_000), services.make(bill_id, 1_000)
    assert first is not None
    assert second is not None
    assert {services.attempt(first).reference, services.attempt(second).reference} == {"55555555", "00000004"}
    assert ids.drawn == 4
    assert services.bill(bill_id) == (0, 2_000)


def test_the_card_masks_itself(services: PaymentServices) -> None:
    attempt_id = services.confirmed("tok_very_secret")
    attempt = services.attempt(attempt_id)
    assert attempt.token == Secret("tok_very_secret")
    assert (attempt.brand, attempt.last_four) == ("visa", "4242")
    assert "tok_very_secret" not in repr(attempt)


def test_asking_for_the_charge_twice_asks_once(services: PaymentServices) -> None:
    attempt_id = services.make(services.add_bill())
    services.clock.advance(20)
    services.confirm(attempt_id)
    services.confirm(attempt_id)
    assert [one.job for one in services.work.waiting()].count(CHARGE_ATTEMPT) == 1
    deadline_at = services.attempt(attempt_id).deadline_at
    assert (deadline_at - services.clock.now()).total_seconds() == timeouts.CHARGE_WITHIN_S
    services.work.lose(CHARGE_ATTEMPT)
    services.pass_time(15)  # past the deadline that it was made with
    assert services.state(attempt_id) is State.RESERVED
    services.pass_time(15)
    assert services.state(attempt_id) is State.ABANDONED


def test_withdrawn_before_it_is_claimed_it_is_never_sent(services: PaymentServices) -> None:
    attempt_id = services.confirmed()
    with services.engine.begin() as tx:
        assert services.attempts.withdraw(tx, attempt_id).state is State.ABANDONED
    services.pass_time(600)
    assert services.bank.sent == []
    assert services.attempt(attempt_id).token is None
    services.assert_settled()


def test_a_finished_attempt_is_not_withdrawn_and_takes_no_card(services: PaymentServices) -> None:
    attempt_id = services.paid()
    with services.engine.begin() as tx:
        assert services.attempts.withdraw(tx, attempt_id).state is State.APPROVED
        services.attempts.attach_card(tx, attempt_id, "visa", "1111", token="tok_late")
        services.attempts.ask_charge(tx, attempt_id)
    assert services.attempt(attempt_id).token is None
    assert services.attempt(attempt_id).last_four == "4242"
    assert services.run_due() == 0
    services.assert_settled()


def test_a_card_entry_that_never_asked_the_issuer_frees_the_bill(services: PaymentServices) -> None:
    attempt_id = services.await_card()
    with services.engine.begin() as tx:
        assert services.attempts.withdraw(tx, attempt_id, never_asked=True).state is State.CANCELLED
    assert services.bill(services.attempt(attempt_id).bill_id) == (0, 0)
    services.assert_settled()


def test_a_card_entry_that_may_have_authorized_is_looked_up(services: PaymentServices) -> None:
    attempt_id = services.await_card()
    with services.engine.begin() as tx:
        assert services.attempts.withdraw(tx, attempt_id).state is State.UNKNOWN
    assert services.bill(services.attempt(attempt_id).bill_id) == (0, 4_000)
    services.pass_time(60)
    assert services.state(attempt_id) is State.CANCELLED
    assert services.bank.authorize(attempt_id, 4_000) is None
    services.assert_settled()


def test_a_card_entry_withdrawn_while_authorizing_is_voided(services: PaymentServices) -> None:
    attempt_id = services.await_card(call_id=services.begin_call())
    services.bank.authorize(attempt_id, 4_000)
    with services.engine.begin() as tx:
        services.attempts.withdraw(tx, attempt_id)
    services.run_due()
    assert services.state(attempt_id) is State.VOIDED
    services.assert_settled()


def test_a_declined_authorization_frees_the_bill(services: PaymentServices) -> None:
    attempt_id = services.await_card()
    with services.engine.begin() as tx:
        attempt = services.attempts.advance(tx, attempt_id, Event.DECLINE, decline=Decline.EXPIRED_CARD)
    assert (attempt.state, attempt.decline) == (State.DECLINED, Decline.EXPIRED_CARD)
    services.assert_settled()


def test_a_report_that_a_look_up_has_overtaken_changes_nothing(services: PaymentServices) -> None:
    attempt_id = services.await_card()
    with services.engine.begin() as tx:
        services.attempts.withdraw(tx, attempt_id)
    services.pass_time(60)
    assert services.state(attempt_id) is State.CANCELLED
    with services.engine.begin() as tx:
        for event in (Event.MARK_UNKNOWN, Event.DECLINE, Event.AUTHORIZED):
            assert services.attempts.advance(tx, attempt_id, event).state is State.CANCELLED
    services.assert_settled()


def test_a_charge_unknown_twice_is_unknown_since_the_first_time(services: PaymentServices) -> None:
    """At the authorization, and, found again, at the capture."""
    attempt_id = services.await_card()
    first = services.clock.now()
    with services.engine.begin() as tx:
        services.attempts.advance(tx, attempt_id, Event.MARK_UNKNOWN)
        services.clock.advance(30)
        for event in (Event.AUTHORIZED, Event.CLAIM, Event.MARK_UNKNOWN):
            services.attempts.advance(tx, attempt_id, event)
    attempt = services.attempt(attempt_id)
    assert (attempt.state, attempt.unknown_since) == (State.UNKNOWN, first)
    assert services.events_of(attempt_id).count("unknown") == 1


def test_what_was_claimed_cannot_be_abandoned(services: PaymentServices) -> None:
    attempt_id = services.paid()
    with pytest.raises(IllegalMoveError), services.engine.begin() as tx:
        services.attempts.advance(tx, attempt_id, Event.ABANDON)


def test_an_unknown_id_is_told(services: PaymentServices) -> None:
    with services.engine.begin() as tx, pytest.raises(NoSuchAttemptError, match="attempt_none"):
        services.attempts.get(tx, "attempt_none")


def test_a_roll_back_leaves_nothing(services: PaymentServices) -> None:
    bill_id = services.add_bill()
    new = NewAttempt(made_for="t", bill_id=bill_id, amount_minor=1, currency="EUR", language="en")
    with services.engine.connect() as connection, connection.begin() as tx:
        services.attempts.make(connection, new)
        tx.rollback()
    assert services.bill(bill_id) == (0, 0)
    assert services.work.waiting() == []
    with services.engine.begin() as tx:
        assert tx.execute(sa.select(sa.func.count()).select_from(schema.attempt)).scalar() == 0
