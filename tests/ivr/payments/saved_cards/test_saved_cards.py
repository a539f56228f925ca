"""A card is kept once, for who agreed, after it has paid; and forgotten for good, whatever gets lost on the
way.
"""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from ivr.jobs.job_list import CHARGE_ATTEMPT, SAVE_CARD
from ivr.payments import timeouts
from ivr.payments.attempts.states import State
from ivr.payments.saved_cards.jobs import KEPT_MAX
from ivr.payments.saved_cards.store import CardState
from tests.support import schema
from tests.support.fake_gateway import Fate, KilledError
from tests.support.payment_services import Till
from tests.support.saving_gateway import (
    KEEPS,
    KILLING,
    LOSING,
    PHONE,
    KeepingBank,
    agree,
    card_events,
    card_of,
    charged,
    forget,
    kept,
    offered,
    pay_by,
)

# Keeping --------------------------------------------------------------------------------------------------


def test_an_approved_card_is_kept_with_its_consent(till: Till, bank: KeepingBank) -> None:
    began = till.clock.now()
    card = kept(till)
    assert (card.phone, card.gateway_customer_id, card.brand, card.last_four) == (
        PHONE,
        f"cus_{card.id}",
        "visa",
        "4242",
    )
    assert (card.consent.wording, card.consent.language) == ("To pay and keep this card, 3.", "en")
    assert (card.consent.prompt, card.consent.release) == ("pay_bill:keep.branded", "0.1.0")
    assert card.consent.at == began
    assert bank.saved == {"tok_good": card.gateway_customer_id}
    assert card_events(till) == ["card_kept"]
    assert offered(till) == card.id
    assert till.attempt(card.attempt_id).token is None
    till.assert_settled()


def test_nothing_is_kept_of_a_card_that_was_declined(till: Till, bank: KeepingBank) -> None:
    attempt_id = agree(till, "tok_declined")
    till.pass_time(60)
    assert till.state(attempt_id) is State.DECLINED
    assert card_of(till, attempt_id) is None
    assert bank.asked("save_card") == 0
    assert card_events(till) == []


@pytest.mark.postgres
def test_nothing_is_kept_of_a_charge_that_was_never_sent(till: Till) -> None:
    attempt_id = agree(till)
    till.work.lose(CHARGE_ATTEMPT)
    till.pass_time(60)
    assert till.state(attempt_id) is State.ABANDONED
    assert card_of(till, attempt_id) is None


@pytest.mark.postgres
def test_a_payment_whose_payer_did_not_agree_keeps_nothing(till: Till, bank: KeepingBank) -> None:
    """The same payer by the same phone, who agreed to it for another card before."""
    card = kept(till, "tok_agreed", last_four="1111")
    call_id = till.begin_call()
    with till.engine.begin() as tx:
        tx.execute(sa.update(schema.call).values(from_number=PHONE))
    attempt_id = till.confirmed(call_id=call_id)
    till.pass_time(60)
    assert till.state(attempt_id) is State.APPROVED
    assert bank.agreed == set(bank.saved) == {"tok_agreed"}
    assert bank.asked("save_card") == 1
    assert card_of(till, attempt_id) is None
    assert offered(till) == card.id


@pytest.mark.parametrize("fate", [Fate.LOST_REPLY, Fate.LATE, Fate.KILLED_AFTER])
def test_a_later_found_approval_saves_the_card(till: Till, bank: KeepingBank, fate: Fate) -> None:
    attempt_id = agree(till)
    bank.fates.append(fate)
    job = till.work.one(CHARGE_ATTEMPT)
    if fate is Fate.KILLED_AFTER:
        with pytest.raises(KilledError):
            till.run(job)
    else:
        till.run(job)
    assert till.state(attempt_id) is not State.APPROVED
    if fate is Fate.LATE:
        bank.deliver()
    till.pass_time(60)
    assert till.state(attempt_id) is State.APPROVED
    card = card_of(till, attempt_id)
    assert card is not None
    assert card.state is CardState.KEPT
    till.assert_settled()


@pytest.mark.parametrize("fate", LOSING)
def test_a_save_whose_answer_is_lost_is_repeated_in_the_same_words(
    till: Till, bank: KeepingBank, fate: Fate
) -> None:
    attempt_id = charged(till)
    bank.fates.append(fate)
    till.run(till.work.one(SAVE_CARD))
    card = card_of(till, attempt_id)
    assert card is not None
    assert card.state is CardState.KEEPING
    assert offered(till) is None
    till.pass_time(60)
    assert offered(till) == card.id
    assert bank.asked("save_card") == 2
    assert len(bank.saved) == 1
    assert card_events(till) == ["card_kept"]
    till.assert_settled()


@pytest.mark.parametrize("fate", KILLING)
def test_a_worker_that_dies_while_it_saves(till: Till, bank: KeepingBank, fate: Fate) -> None:
    charged(till)
    bank.fates.append(fate)
    with pytest.raises(KilledError):
        till.run(till.work.one(SAVE_CARD))
    till.run_due()
    assert len(bank.saved) == 1
    assert card_events(till) == ["card_kept"]


def test_a_repeated_save_keeps_its_words_after_another_card_was_saved(till: Till, bank: KeepingBank) -> None:
    """The first try names no holder, because there is none; nor does any other."""
    charged(till)
    bank.fates.append(Fate.NEVER)
    till.run(till.work.one(SAVE_CARD))
    bank.fates.extend([Fate.ANSWERED, Fate.ANSWERED])
    kept(till, "tok_other", last_four="1111")
    till.pass_time(60)
    assert set(bank.saved) == {"tok_good", "tok_other"}


def test_a_second_card_is_kept_for_the_same_holder(till: Till, bank: KeepingBank) -> None:
    first, second = kept(till), kept(till, "tok_other", last_four="1111")
    assert first.gateway_customer_id == second.gateway_customer_id
    assert bank.saved == {"tok_good": first.gateway_customer_id, "tok_other": first.gateway_customer_id}


def test_a_gateway_that_will_not_keep_a_card_leaves_the_payment_alone(till: Till, bank: KeepingBank) -> None:
    bank.refuses_to_keep = True
    attempt_id = agree(till)
    till.pass_time(60)
    card = card_of(till, attempt_id)
    assert card is not None
    assert (card.state, card.token, card.forgotten_by) == (
        CardState.FORGOTTEN,
        None,
        "gateway: not_to_be_kept",
    )
    assert till.state(attempt_id) is State.APPROVED
    assert card_events(till) == ["card_not_kept"]
    till.assert_settled()


@pytest.mark.postgres
def test_a_gateway_that_cannot_keep_cards_leaves_the_payment_alone(
    till: Till, bank: KeepingBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a change of the settings: the capability is gone, and the adapter refuses."""
    bank.capabilities = replace(KEEPS, saves_cards=False)
    monkeypatch.delattr(KeepingBank, "save_card")
    attempt_id = agree(till)
    till.pass_time(60)
    assert till.state(attempt_id) is State.APPROVED
    assert card_events(till) == ["card_not_kept"]
    till.assert_settled()


@pytest.mark.slow
def test_a_card_the_gateway_does_not_confirm_for_a_day_is_deleted(till: Till, bank: KeepingBank) -> None:
    attempt_id = charged(till)
    bank.fates.append(Fate.LATE)
    bank.fates.extend([Fate.NEVER] * 1000)
    till.pass_time(timeouts.NEEDS_REVIEW_AFTER_S + 2 * timeouts.LOOK_AT_MOST_S)
    card = card_of(till, attempt_id)
    assert card is not None
    assert card.state is CardState.FORGETTING
    bank.fates.clear()
    bank.deliver()
    till.pass_time(2 * 3600)
    assert bank.saved == {}
    assert bank.forgotten == {"tok_good"}
    assert till.work.waiting() == []
    till.assert_settled()


def test_a_save_that_runs_twice_asks_once(till: Till, bank: KeepingBank) -> None:
    charged(till)
    job = till.work.one(SAVE_CARD)
    till.run(job)
    till.run(job)
    assert bank.asked("save_card") == 1
    assert card_events(till) == ["card_kept"]


def test_a_save_that_was_lost_is_swept_up(till: Till) -> None:
    attempt_id = charged(till)
    till.work.lose(SAVE_CARD)
    assert till.cashier.sweep() == 0
    till.pass_time(timeouts.LOST_AFTER_S + 1)
    assert till.cashier.sweep() == 1
    till.run_due()
    card = card_of(till, attempt_id)
    assert card is not None
    assert card.state is CardState.KEPT
    assert till.cashier.sweep() == 0


# One of each, and few -------------------------------------------------------------------------------------


def test_the_same_card_again_takes_the_place_of_the_first(till: Till, bank: KeepingBank) -> None:
    first = kept(till)
    second = kept(till, "tok_again")
    assert offered(till) == second.id
    assert bank.saved == {"tok_again": second.gateway_customer_id}
    assert bank.forgotten == {"tok_good"}
    gone = card_of(till, first.attempt_id)
    assert gone is not None
    assert (gone.state, gone.token) == (CardState.FORGOTTEN, None)


@pytest.mark.parametrize("other", [{"last_four": "1111"}, {"expiry": (10, 2031)}, {"phone": "+34600111333"}])
def test_another_card_or_another_customer_is_no_replacement(
    till: Till, bank: KeepingBank, other: dict[str, object]
) -> None:
    kept(till)
    kept(till, "tok_other", **other)
    assert set(bank.saved) == {"tok_good", "tok_other"}


def test_a_customer_keeps_few_cards_and_is_offered_the_newest(till: Till, bank: KeepingBank) -> None:
    cards = []
    for number in range(KEPT_MAX + 1):
        cards.append(kept(till, f"tok_{number}", last_four=f"111{number}"))
        till.clock.advance(60)
        assert offered(till) == cards[-1].id
    assert set(bank.saved) == {f"tok_{number}" for number in range(1, KEPT_MAX + 1)}
    forget(till, cards[-1].id)
    assert offered(till) == cards[-2].id


# Who is offered what --------------------------------------------------------------------------------------


def test_a_saved_card_is_offered_until_it_expires(till: Till) -> None:
    now = till.clock.now()
    card = kept(till, expiry=(now.month, now.year))
    assert offered(till) == card.id
    assert offered(till, phone="+34600111333") is None
    assert offered(till, gateway="another") is None
    till.clock.advance(timedelta(days=31).total_seconds())
    assert offered(till) is None


def test_an_expired_card_is_forgotten_by_the_sweep(till: Till, bank: KeepingBank) -> None:
    now = till.clock.now()
    card = kept(till, expiry=(now.month, now.year))
    assert till.cashier.sweep() == 0
    till.clock.advance(timedelta(days=31).total_seconds())
    assert till.cashier.sweep() == 1
    till.run_due()
    assert bank.saved == {}
    gone = card_of(till, card.attempt_id)
    assert gone is not None
    assert (gone.state, gone.forgotten_by) == (CardState.FORGOTTEN, "expired")


def test_the_sweep_deletes_cards_that_an_older_release_saved_for_withheld_numbers(
    till: Till, bank: KeepingBank
) -> None:
    nobodys, somebodys = kept(till, phone="+17378742833"), kept(till, "tok_other")
    assert till.cashier.sweep() == 1
    till.run_due()
    assert bank.forgotten == {"tok_good"}
    gone = card_of(till, nobodys.attempt_id)
    assert gone is not None
    assert gone.state is CardState.FORGOTTEN
    assert offered(till) == somebodys.id
    assert till.cashier.sweep() == 0


@pytest.mark.postgres
def test_a_card_that_was_declined_in_a_call_is_not_offered_in_it_again(till: Till, bank: KeepingBank) -> None:
    card = kept(till)
    bank.saved["tok_good"] = "somebody_else"
    attempt = till.attempt(pay_by(till, card))
    till.run_due()
    assert till.state(attempt.id) is State.DECLINED
    assert offered(till, call_id=str(attempt.call_id)) is None
    assert offered(till, call_id="another_call") == card.id


# Paying ---------------------------------------------------------------------------------------------------


def test_a_saved_card_pays_twice_for_its_holder(till: Till, bank: KeepingBank) -> None:
    card = kept(till)
    bank.holders.clear()
    attempts = [pay_by(till, card), pay_by(till, card)]
    till.run_due()
    assert [till.state(one) for one in attempts] == [State.APPROVED] * 2
    assert bank.holders == [card.gateway_customer_id] * 2
    assert [till.attempt(one).keep_card for one in attempts] == [False, False]
    till.assert_settled()


def test_a_gateway_that_prepares_hears_of_the_holder_first(engine: sa.Engine) -> None:
    bank = KeepingBank(replace(KEEPS, prepares=True))
    till = Till(engine, bank=bank)
    card = kept(till)
    bank.holders.clear()
    pay_by(till, card)
    till.run_due()
    assert bank.holders == [card.gateway_customer_id] * 2
    till.assert_settled()


def test_a_card_that_was_deleted_between_confirmation_and_charge_is_not_charged(
    till: Till, bank: KeepingBank
) -> None:
    card = kept(till)
    attempt_id = pay_by(till, card)
    forget(till, card.id)
    till.pass_time(60)
    assert till.state(attempt_id) is State.ABANDONED
    assert ("charge", attempt_id) not in bank.sent
    till.assert_settled()


# What is told -----------------------------------------------------------------------------------------------


def test_a_token_masks_itself(till: Till) -> None:
    card = kept(till)
    assert card.token is not None
    assert card.token.reveal() == "tok_good"
    assert "tok_good" not in repr(card)


def test_the_database_holds_that_one_card_is_kept_once(till: Till) -> None:
    first = kept(till)
    kept(till, "tok_again")
    back = sa.update(schema.saved_card).where(schema.saved_card.c.id == first.id)
    with pytest.raises(sa.exc.IntegrityError), till.engine.begin() as tx:
        tx.execute(back.values(state="kept", token="tok_good"))
