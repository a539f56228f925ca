"""An attempt as a call makes it: once for each turn, on what is due, with a card that masks itself."""

import pytest
import sqlalchemy as sa

from gateways.declines import Decline
from gateways.secret import Secret
from ivr.jobs.job_list import CHARGE_ATTEMPT, EXPIRE_ATTEMPT
from ivr.payments import timeouts
from ivr.payments.attempts.service import NewAttempt, NoSuchAttemptError
from ivr.payments.attempts.states import Event, IllegalMoveError, State
from ivr.platform.ids import SequentialIds
from tests.support import schema
from tests.support.payment_services import Till

pytestmark = pytest.mark.postgres


def test_an_attempt_reserves_its_part_and_has_a_deadline(till: Till) -> None:
    bill_id = till.add_bill(10_000)
    attempt_id = till.make(bill_id, 4_000)
    assert attempt_id is not None
    attempt = till.attempt(attempt_id)
    assert attempt.state is State.RESERVED
    assert len(attempt.reference) == 8
    assert (attempt.deadline_at - till.clock.now()).total_seconds() == timeouts.CHARGE_WITHIN_S
    assert till.bill(bill_id) == (0, 4_000)
    (expiry,) = till.work.waiting()
    assert (expiry.job, expiry.subject_id) == (EXPIRE_ATTEMPT, attempt_id)
    assert expiry.due_at == attempt.deadline_at.timestamp()


def test_the_same_turn_makes_one_attempt(till: Till) -> None:
    bill_id = till.add_bill(10_000)
    first = till.make(bill_id, 10_000, made_for="call_1.7")
    assert till.make(bill_id, 10_000, made_for="call_1.7") == first
    assert till.bill(bill_id) == (0, 10_000)
    with till.engine.begin() as tx:
        found = till.attempts.find_made_for(tx, "call_1.7")
    assert found is not None
    assert found.id == first


def test_the_same_turn_for_another_amount_is_a_bug(till: Till) -> None:
    bill_id = till.add_bill(10_000)
    till.make(bill_id, 4_000, made_for="call_1.7")
    with pytest.raises(ValueError, match="another bill or amount"):
        till.make(bill_id, 5_000, made_for="call_1.7")


def test_what_is_no_longer_due_makes_no_attempt(till: Till) -> None:
    bill_id = till.add_bill(5_000)
    assert till.make(bill_id, 4_000) is not None
    assert till.make(bill_id, 4_000) is None
    assert till.bill(bill_id) == (0, 4_000)


def test_another_currency_than_the_bills_is_a_bug(till: Till) -> None:
    bill_id = till.add_bill()
    new = NewAttempt(made_for="t", bill_id=bill_id, amount_minor=1, currency="USD", language="en")
    with pytest.raises(ValueError, match="not in USD"), till.engine.begin() as tx:
        till.attempts.make(tx, new)
    assert till.bill(bill_id) == (0, 0)


def test_a_reference_that_is_taken_is_drawn_again(engine: sa.Engine) -> None:
    class Colliding(SequentialIds):
        drawn = 0

        def reference(self) -> str:
            self.drawn += 1
            return "55555555" if self.drawn < 4 else f"{self.drawn:08d}"

    ids = Colliding()
    till = Till(engine, ids=ids)
    bill_id = till.add_bill(10_000)
    first, second = till.make(bill_id, 1_000), till.make(bill_id, 1_000)
    assert first is not None
    assert second is not None
    assert {till.attempt(first).reference, till.attempt(second).reference} == {"55555555", "00000004"}
    assert ids.drawn == 4
    assert till.bill(bill_id) == (0, 2_000)


def test_the_card_masks_itself(till: Till) -> None:
    attempt_id = till.confirmed("tok_very_secret")
    attempt = till.attempt(attempt_id)
    assert attempt.token == Secret("tok_very_secret")
    assert (attempt.brand, attempt.last_four) == ("visa", "4242")
    assert "tok_very_secret" not in repr(attempt)


def test_asking_for_the_charge_twice_asks_once(till: Till) -> None:
    attempt_id = till.make(till.add_bill())
    till.clock.advance(20)
    till.confirm(attempt_id)
    till.confirm(attempt_id)
    assert [one.job for one in till.work.waiting()].count(CHARGE_ATTEMPT) == 1
    deadline_at = till.attempt(attempt_id).deadline_at
    assert (deadline_at - till.clock.now()).total_seconds() == timeouts.CHARGE_WITHIN_S
    till.work.lose(CHARGE_ATTEMPT)
    till.pass_time(15)  # past the deadline that it was made with
    assert till.state(attempt_id) is State.RESERVED
    till.pass_time(15)
    assert till.state(attempt_id) is State.ABANDONED


def test_withdrawn_before_it_is_claimed_it_is_never_sent(till: Till) -> None:
    attempt_id = till.confirmed()
    with till.engine.begin() as tx:
        assert till.attempts.withdraw(tx, attempt_id).state is State.ABANDONED
    till.pass_time(600)
    assert till.bank.sent == []
    assert till.attempt(attempt_id).token is None
    till.assert_settled()


def test_a_finished_attempt_is_not_withdrawn_and_takes_no_card(till: Till) -> None:
    attempt_id = till.paid()
    with till.engine.begin() as tx:
        assert till.attempts.withdraw(tx, attempt_id).state is State.APPROVED
        till.attempts.attach_card(tx, attempt_id, "visa", "1111", token="tok_late")
        till.attempts.ask_charge(tx, attempt_id)
    assert till.attempt(attempt_id).token is None
    assert till.attempt(attempt_id).last_four == "4242"
    assert till.run_due() == 0
    till.assert_settled()


def test_a_card_entry_that_never_asked_the_issuer_frees_the_bill(till: Till) -> None:
    attempt_id = till.want_card()
    with till.engine.begin() as tx:
        assert till.attempts.withdraw(tx, attempt_id, never_asked=True).state is State.CANCELLED
    assert till.bill(till.attempt(attempt_id).bill_id) == (0, 0)
    till.assert_settled()


def test_a_card_entry_that_may_have_authorized_is_looked_up(till: Till) -> None:
    attempt_id = till.want_card()
    with till.engine.begin() as tx:
        assert till.attempts.withdraw(tx, attempt_id).state is State.UNKNOWN
    assert till.bill(till.attempt(attempt_id).bill_id) == (0, 4_000)
    till.pass_time(60)
    assert till.state(attempt_id) is State.CANCELLED
    assert till.bank.authorize(attempt_id, 4_000) is None
    till.assert_settled()


def test_a_card_entry_withdrawn_while_authorizing_is_voided(till: Till) -> None:
    attempt_id = till.want_card(call_id=till.begin_call())
    till.bank.authorize(attempt_id, 4_000)
    with till.engine.begin() as tx:
        till.attempts.withdraw(tx, attempt_id)
    till.run_due()
    assert till.state(attempt_id) is State.VOIDED
    till.assert_settled()


def test_a_declined_authorization_frees_the_bill(till: Till) -> None:
    attempt_id = till.want_card()
    with till.engine.begin() as tx:
        attempt = till.attempts.advance(tx, attempt_id, Event.DECLINE, decline=Decline.EXPIRED_CARD)
    assert (attempt.state, attempt.decline) == (State.DECLINED, Decline.EXPIRED_CARD)
    till.assert_settled()


def test_a_report_that_a_look_up_has_overtaken_changes_nothing(till: Till) -> None:
    attempt_id = till.want_card()
    with till.engine.begin() as tx:
        till.attempts.withdraw(tx, attempt_id)
    till.pass_time(60)
    assert till.state(attempt_id) is State.CANCELLED
    with till.engine.begin() as tx:
        for event in (Event.MARK_UNKNOWN, Event.DECLINE, Event.AUTHORIZED):
            assert till.attempts.advance(tx, attempt_id, event).state is State.CANCELLED
    till.assert_settled()


def test_a_charge_that_is_unknown_twice_is_unknown_since_the_first_time(till: Till) -> None:
    """At the authorization, and, found again, at the capture."""
    attempt_id = till.want_card()
    first = till.clock.now()
    with till.engine.begin() as tx:
        till.attempts.advance(tx, attempt_id, Event.MARK_UNKNOWN)
        till.clock.advance(30)
        for event in (Event.AUTHORIZED, Event.CLAIM, Event.MARK_UNKNOWN):
            till.attempts.advance(tx, attempt_id, event)
    attempt = till.attempt(attempt_id)
    assert (attempt.state, attempt.unknown_since) == (State.UNKNOWN, first)
    assert till.told(attempt_id).count("unknown") == 1


def test_what_was_claimed_cannot_be_abandoned(till: Till) -> None:
    attempt_id = till.paid()
    with pytest.raises(IllegalMoveError), till.engine.begin() as tx:
        till.attempts.advance(tx, attempt_id, Event.ABANDON)


def test_an_unknown_id_is_told(till: Till) -> None:
    with till.engine.begin() as tx, pytest.raises(NoSuchAttemptError, match="attempt_none"):
        till.attempts.get(tx, "attempt_none")


def test_a_roll_back_leaves_nothing(till: Till) -> None:
    bill_id = till.add_bill()
    new = NewAttempt(made_for="t", bill_id=bill_id, amount_minor=1, currency="EUR", language="en")
    with till.engine.connect() as connection, connection.begin() as tx:
        till.attempts.make(connection, new)
        tx.rollback()
    assert till.bill(bill_id) == (0, 0)
    assert till.work.waiting() == []
    with till.engine.begin() as tx:
        assert tx.execute(sa.select(sa.func.count()).select_from(schema.attempt)).scalar() == 0
