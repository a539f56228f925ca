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
from tests.support.payment_services import PaymentServices
from tests.support.saving_gateway import (
    KEEPS,
    KILLING,
    LOSING,
    PHONE,
    SavingGateway,
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


def test_an_approved_card_is_kept_with_its_consent(services: PaymentServices, bank: SavingGateway) -> None:
    began = services.clock.now()
    card = kept(services)
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
    assert card_events(services) == ["card_kept"]
    assert offered(services) == card.id
    assert services.attempt(card.attempt_id).token is None
    services.assert_settled()


def test_nothing_is_kept_of_a_card_that_was_declined(services: PaymentServices, bank: SavingGateway) -> None:
    attempt_id = agree(services, "tok_declined")
    services.pass_time(60)
    assert services.state(attempt_id) is State.DECLINED
    assert card_of(services, attempt_id) is None
    assert bank.asked("save_card") == 0
    assert card_events(services) == []


@pytest.mark.postgres
def test_nothing_is_kept_of_a_charge_that_was_never_sent(services: PaymentServices) -> None:
    attempt_id = agree(services)
    services.work.lose(CHARGE_ATTEMPT)
    services.pass_time(60)
    assert services.state(attempt_id) is State.ABANDONED
    assert card_of(services, attempt_id) is None


@pytest.mark.postgres
def test_a_payment_whose_payer_did_not_agree_keeps_nothing(
    services: PaymentServices, bank: SavingGateway
) -> None:
    """The same payer by the same phone, who agreed to it for another card before."""
    card = kept(services, "tok_agreed", last_four="1111")
    call_id = services.begin_call()
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.call).values(from_number=PHONE))
    attempt_id = services.confirmed(call_id=call_id)
    services.pass_time(60)
    assert services.state(attempt_id) is State.APPROVED
    assert bank.agreed == set(bank.saved) == {"tok_agreed"}
    assert bank.asked("save_card") == 1
    assert card_of(services, attempt_id) is None
    assert offered(services) == card.id


@pytest.mark.parametrize("fate", [Fate.LOST_REPLY, Fate.LATE, Fate.KILLED_AFTER])
def test_a_later_found_approval_saves_the_card(
    services: PaymentServices, bank: SavingGateway, fate: Fate
) -> None:
    attempt_id = agree(services)
    bank.fates.append(fate)
    job = services.work.one(CHARGE_ATTEMPT)
    if fate is Fate.KILLED_AFTER:
        with pytest.raises(KilledError):
            services.run(job)
    else:
        services.run(job)
    assert services.state(attempt_id) is not State.APPROVED
    if fate is Fate.LATE:
        bank.deliver()
    services.pass_time(60)
    assert services.state(attempt_id) is State.APPROVED
    card = card_of(services, attempt_id)
    assert card is not None
    assert card.state is CardState.KEPT
    services.assert_settled()


@pytest.mark.parametrize("fate", LOSING)
def test_a_save_whose_answer_is_lost_is_repeated_in_the_same_words(
    services: PaymentServices, bank: SavingGateway, fate: Fate
) -> None:
    attempt_id = charged(services)
    bank.fates.append(fate)
    services.run(services.work.one(SAVE_CARD))
    card = card_of(services, attempt_id)
    assert card is not None
    assert card.state is CardState.KEEPING
    assert offered(services) is None
    services.pass_time(60)
    assert offered(services) == card.id
    assert bank.asked("save_card") == 2
    assert len(bank.saved) == 1
    assert card_events(services) == ["card_kept"]
    services.assert_settled()


@pytest.mark.parametrize("fate", KILLING)
def test_a_worker_that_dies_while_it_saves(
    services: PaymentServices, bank: SavingGateway, fate: Fate
) -> None:
    charged(services)
    bank.fates.append(fate)
    with pytest.raises(KilledError):
        services.run(services.work.one(SAVE_CARD))
    services.run_due()
    assert len(bank.saved) == 1
    assert card_events(services) == ["card_kept"]


def test_a_repeated_save_keeps_its_words_after_another_card_was_saved(
    services: PaymentServices, bank: SavingGateway
) -> None:
    """The first try names no holder, because there is none; nor does any other."""
    charged(services)
    bank.fates.append(Fate.NEVER_ARRIVES)
    services.run(services.work.one(SAVE_CARD))
    bank.fates.extend([Fate.ANSWERED, Fate.ANSWERED])
    kept(services, "tok_other", last_four="1111")
    services.pass_time(60)
    assert set(bank.saved) == {"tok_good", "tok_other"}


def test_a_second_card_is_kept_for_the_same_holder(services: PaymentServices, bank: SavingGateway) -> None:
    first, second = kept(services), kept(services, "tok_other", last_four="1111")
    assert first.gateway_customer_id == second.gateway_customer_id
    assert bank.saved == {"tok_good": first.gateway_customer_id, "tok_other": first.gateway_customer_id}


def test_a_gateway_that_will_not_keep_a_card_leaves_the_payment_alone(
    services: PaymentServices, bank: SavingGateway
) -> None:
    bank.refuses_to_keep = True
    attempt_id = agree(services)
    services.pass_time(60)
    card = card_of(services, attempt_id)
    assert card is not None
    assert (card.state, card.token, card.forgotten_by) == (
        CardState.FORGOTTEN,
        None,
        "gateway: not_to_be_kept",
    )
    assert services.state(attempt_id) is State.APPROVED
    assert card_events(services) == ["card_not_kept"]
    services.assert_settled()


@pytest.mark.postgres
def test_a_gateway_that_cannot_keep_cards_leaves_the_payment_alone(
    services: PaymentServices, bank: SavingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a change of the settings: the capability is gone, and the adapter refuses."""
    bank.capabilities = replace(KEEPS, saves_cards=False)
    monkeypatch.delattr(SavingGateway, "save_card")
    attempt_id = agree(services)
    services.pass_time(60)
    assert services.state(attempt_id) is State.APPROVED
    assert card_events(services) == ["card_not_kept"]
    services.assert_settled()


@pytest.mark.slow
def test_a_card_the_gateway_does_not_confirm_for_a_day_is_deleted(
    services: PaymentServices, bank: SavingGateway
) -> None:
    attempt_id = charged(services)
    bank.fates.append(Fate.LATE)
    bank.fates.extend([Fate.NEVER_ARRIVES] * 1000)
    services.pass_time(timeouts.NEEDS_REVIEW_AFTER_S + 2 * timeouts.LOOK_AT_MOST_S)
    card = card_of(services, attempt_id)
    assert card is not None
    assert card.state is CardState.FORGETTING
    bank.fates.clear()
    bank.deliver()
    services.pass_time(2 * 3600)
    assert bank.saved == {}
    assert bank.forgotten == {"tok_good"}
    assert services.work.waiting() == []
    services.assert_settled()


def test_a_save_that_runs_twice_asks_once(services: PaymentServices, bank: SavingGateway) -> None:
    charged(services)
    job = services.work.one(SAVE_CARD)
    services.run(job)
    services.run(job)
    assert bank.asked("save_card") == 1
    assert card_events(services) == ["card_kept"]


def test_a_save_that_was_lost_is_swept_up(services: PaymentServices) -> None:
    attempt_id = charged(services)
    services.work.lose(SAVE_CARD)
    assert services.payments.sweep() == 0
    services.pass_time(timeouts.LOST_AFTER_S + 1)
    assert services.payments.sweep() == 1
    services.run_due()
    card = card_of(services, attempt_id)
    assert card is not None
    assert card.state is CardState.KEPT
    assert services.payments.sweep() == 0


# One of each, and few -------------------------------------------------------------------------------------


def test_the_same_card_again_takes_the_place_of_the_first(
    services: PaymentServices, bank: SavingGateway
) -> None:
    first = kept(services)
    second = kept(services, "tok_again")
    assert offered(services) == second.id
    assert bank.saved == {"tok_again": second.gateway_customer_id}
    assert bank.forgotten == {"tok_good"}
    gone = card_of(services, first.attempt_id)
    assert gone is not None
    assert (gone.state, gone.token) == (CardState.FORGOTTEN, None)


@pytest.mark.parametrize("other", [{"last_four": "1111"}, {"expiry": (10, 2031)}, {"phone": "+34600111333"}])
def test_another_card_or_another_customer_is_no_replacement(
    services: PaymentServices, bank: SavingGateway, other: dict[str, object]
) -> None:
    kept(services)
    kept(services, "tok_other", **other)
    assert set(bank.saved) == {"tok_good", "tok_other"}


def test_a_customer_keeps_few_cards_and_is_offered_the_newest(
    services: PaymentServices, bank: SavingGateway
) -> None:
    cards = []
    for number in range(KEPT_MAX + 1):
        cards.append(kept(services, f"tok_{number}", last_four=f"111{number}"))
        services.clock.advance(60)
        assert offered(services) == cards[-1].id
    assert set(bank.saved) == {f"tok_{number}" for number in range(1, KEPT_MAX + 1)}
    forget(services, cards[-1].id)
    assert offered(services) == cards[-2].id


# Who is offered what --------------------------------------------------------------------------------------


def test_a_saved_card_is_offered_until_it_expires(services: PaymentServices) -> None:
    now = services.clock.now()
    card = kept(services, expiry=(now.month, now.year))
    assert offered(services) == card.id
    assert offered(services, phone="+34600111333") is None
    assert offered(services, gateway="another") is None
    services.clock.advance(timedelta(days=31).total_seconds())
    assert offered(services) is None


def test_an_expired_card_is_forgotten_by_the_sweep(services: PaymentServices, bank: SavingGateway) -> None:
    now = services.clock.now()
    card = kept(services, expiry=(now.month, now.year))
    assert services.payments.sweep() == 0
    services.clock.advance(timedelta(days=31).total_seconds())
    assert services.payments.sweep() == 1
    services.run_due()
    assert bank.saved == {}
    gone = card_of(services, card.attempt_id)
    assert gone is not None
    assert (gone.state, gone.forgotten_by) == (CardState.FORGOTTEN, "expired")


def test_the_sweep_deletes_cards_that_an_older_release_saved_for_withheld_numbers(
    services: PaymentServices, bank: SavingGateway
) -> None:
    nobodys, somebodys = kept(services, phone="+17378742833"), kept(services, "tok_other")
    assert services.payments.sweep() == 1
    services.run_due()
    assert bank.forgotten == {"tok_good"}
    gone = card_of(services, nobodys.attempt_id)
    assert gone is not None
    assert gone.state is CardState.FORGOTTEN
    assert offered(services) == somebodys.id
    assert services.payments.sweep() == 0


@pytest.mark.postgres
def test_a_card_that_was_declined_in_a_call_is_not_offered_in_it_again(
    services: PaymentServices, bank: SavingGateway
) -> None:
    card = kept(services)
    bank.saved["tok_good"] = "somebody_else"
    attempt = services.attempt(pay_by(services, card))
    services.run_due()
    assert services.state(attempt.id) is State.DECLINED
    assert offered(services, call_id=str(attempt.call_id)) is None
    assert offered(services, call_id="another_call") == card.id


# Paying ---------------------------------------------------------------------------------------------------


def test_a_saved_card_pays_twice_for_its_holder(services: PaymentServices, bank: SavingGateway) -> None:
    card = kept(services)
    bank.holders.clear()
    attempts = [pay_by(services, card), pay_by(services, card)]
    services.run_due()
    assert [services.state(one) for one in attempts] == [State.APPROVED] * 2
    assert bank.holders == [card.gateway_customer_id] * 2
    assert [services.attempt(one).keep_card for one in attempts] == [False, False]
    services.assert_settled()


def test_a_gateway_that_prepares_hears_of_the_holder_first(engine: sa.Engine) -> None:
    bank = SavingGateway(replace(KEEPS, prepares=True))
    services = PaymentServices(engine, bank=bank)
    card = kept(services)
    bank.holders.clear()
    pay_by(services, card)
    services.run_due()
    assert bank.holders == [card.gateway_customer_id] * 2
    services.assert_settled()


def test_a_card_that_was_deleted_between_confirmation_and_charge_is_not_charged(
    services: PaymentServices, bank: SavingGateway
) -> None:
    card = kept(services)
    attempt_id = pay_by(services, card)
    forget(services, card.id)
    services.pass_time(60)
    assert services.state(attempt_id) is State.ABANDONED
    assert ("charge", attempt_id) not in bank.sent
    services.assert_settled()


# What is told -----------------------------------------------------------------------------------------------


def test_a_token_masks_itself(services: PaymentServices) -> None:
    card = kept(services)
    assert card.token is not None
    assert card.token.reveal() == "tok_good"
    assert "tok_good" not in repr(card)


def test_the_database_holds_that_one_card_is_kept_once(services: PaymentServices) -> None:
    first = kept(services)
    kept(services, "tok_again")
    back = sa.update(schema.saved_card).where(schema.saved_card.c.id == first.id)
    with pytest.raises(sa.exc.IntegrityError), services.engine.begin() as tx:
        tx.execute(back.values(state="kept", token="tok_good"))
