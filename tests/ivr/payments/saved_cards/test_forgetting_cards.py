"""A saved card is forgotten from the moment that it is said, and at the gateway until that is certain."""

import pytest
import sqlalchemy as sa

from ivr.jobs.job_list import FORGET_CARD, SAVE_CARD
from ivr.payments import timeouts
from ivr.payments.attempts.states import State
from ivr.payments.saved_cards.store import CardState
from tests.support import schema
from tests.support.fake_gateway import Fate, KilledError
from tests.support.payment_services import Till
from tests.support.saving_gateway import (
    KILLING,
    LOSING,
    AttachingBank,
    KeepingBank,
    agree,
    card_events,
    card_of,
    charged,
    forget,
    kept,
    offered,
)

# Forgetting -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fate", LOSING)
def test_forgetting_insists_until_it_is_certain(till: Till, bank: KeepingBank, fate: Fate) -> None:
    card = kept(till)
    bank.fates.append(fate)
    assert forget(till, card.id).state is CardState.FORGETTING
    assert offered(till) is None
    till.run(till.work.one(FORGET_CARD))
    still = card_of(till, card.attempt_id)
    assert still is not None
    assert still.state is CardState.FORGETTING
    till.pass_time(60)
    gone = card_of(till, card.attempt_id)
    assert gone is not None
    assert (gone.state, gone.token, gone.forgotten_by) == (CardState.FORGOTTEN, None, "api: a test")
    assert gone.consent == card.consent
    assert bank.saved == {}
    assert card_events(till) == ["card_kept", "card_forgotten"]


@pytest.mark.parametrize("fate", KILLING)
def test_a_worker_that_dies_while_it_forgets(till: Till, bank: KeepingBank, fate: Fate) -> None:
    card = kept(till)
    forget(till, card.id)
    bank.fates.append(fate)
    with pytest.raises(KilledError):
        till.run(till.work.one(FORGET_CARD))
    till.run_due()
    gone = card_of(till, card.attempt_id)
    assert gone is not None
    assert gone.state is CardState.FORGOTTEN
    assert bank.saved == {}


@pytest.mark.slow
def test_forgetting_never_gives_up(till: Till, bank: KeepingBank) -> None:
    card = kept(till)
    forget(till, card.id)
    bank.fates.extend([Fate.NEVER] * 2000)
    till.pass_time(3 * 24 * 3600)
    asked = bank.asked("forget_card")
    till.pass_time(24 * 3600)
    assert bank.asked("forget_card") - asked == 24, "once an hour in the end"
    bank.fates.clear()
    till.pass_time(3600)
    assert bank.forgotten == {"tok_good"}


def test_forgetting_twice_is_forgetting_once(till: Till, bank: KeepingBank) -> None:
    card = kept(till)
    forget(till, card.id, by="voice: call_1")
    assert forget(till, card.id).forgotten_by == "voice: call_1"
    till.run_due()
    assert forget(till, card.id).state is CardState.FORGOTTEN
    assert bank.asked("forget_card") == 1
    assert card_events(till) == ["card_kept", "card_forgotten"]


@pytest.mark.postgres
def test_a_card_deleted_before_it_was_sent_is_never_sent(till: Till, bank: KeepingBank) -> None:
    attempt_id = charged(till)
    card = card_of(till, attempt_id)
    assert card is not None
    assert forget(till, card.id).state is CardState.FORGOTTEN
    till.pass_time(60)
    assert bank.asked("save_card") + bank.asked("forget_card") == 0
    assert till.work.waiting() == []


def test_a_card_deleted_before_its_payment_is_not_saved(till: Till, bank: KeepingBank) -> None:
    attempt_id = agree(till)
    card = card_of(till, attempt_id)
    assert card is not None
    forget(till, card.id)
    till.pass_time(60)
    assert till.state(attempt_id) is State.APPROVED
    assert bank.saved == {}
    assert offered(till) is None


@pytest.mark.parametrize("fate", LOSING)
def test_a_card_deleted_while_its_save_is_unknown_is_deleted_at_the_gateway(
    till: Till, bank: KeepingBank, fate: Fate
) -> None:
    attempt_id = charged(till)
    bank.fates.append(fate)
    till.run(till.work.one(SAVE_CARD))
    card = card_of(till, attempt_id)
    assert card is not None
    assert forget(till, card.id).state is CardState.FORGETTING
    till.pass_time(60)
    for _ in bank.under_way[:]:
        bank.deliver()
    gone = card_of(till, attempt_id)
    assert gone is not None
    assert gone.state is CardState.FORGOTTEN
    assert bank.saved == {}
    assert card_events(till) == ["card_forgotten"]


@pytest.mark.postgres
def test_a_late_save_of_a_deleted_card_does_not_keep_it(till: Till, bank: KeepingBank) -> None:
    attempt_id = charged(till)
    card = card_of(till, attempt_id)
    assert card is not None

    def meanwhile() -> None:
        bank.before_answer = lambda: None
        forget(till, card.id)

    bank.before_answer = meanwhile
    till.run(till.work.one(SAVE_CARD))
    assert offered(till) is None
    till.pass_time(60)
    assert bank.saved == {}
    assert bank.asked("save_card") == 1, (
        "what the answer names is forgotten, and not kept once more to name it"
    )
    assert card_events(till) == ["card_forgotten"]


def test_a_late_save_of_a_second_deleted_card_does_not_keep_it(
    engine: sa.Engine,
) -> None:
    """Its holder is known from the first card, and it is nobody's yet: to forget it then forgets nothing."""
    bank = AttachingBank()
    till = Till(engine, bank=bank)
    first = kept(till, "tok_first", last_four="1111")
    attempt_id = charged(till)
    bank.fates.append(Fate.LATE)
    till.run(till.work.one(SAVE_CARD))
    card = card_of(till, attempt_id)
    assert card is not None
    forget(till, card.id)
    till.pass_time(60)
    bank.deliver()
    gone = card_of(till, attempt_id)
    assert gone is not None
    assert gone.state is CardState.FORGOTTEN
    assert bank.saved == {"tok_first": first.gateway_customer_id}


def test_a_forgetting_that_was_lost_is_swept_up(till: Till, bank: KeepingBank) -> None:
    card = kept(till)
    forget(till, card.id)
    till.work.lose(FORGET_CARD)
    till.pass_time(timeouts.LOST_AFTER_S + 1)
    assert till.cashier.sweep() == 1
    till.run_due()
    assert bank.saved == {}


@pytest.mark.postgres
def test_nothing_of_another_gateways_card_is_asked_here(till: Till, bank: KeepingBank) -> None:
    card = kept(till)
    with till.engine.begin() as tx:
        tx.execute(sa.update(schema.saved_card).values(gateway="another"))
    forget(till, card.id)
    till.pass_time(60)
    assert bank.asked("forget_card") == 0
    still = card_of(till, card.attempt_id)
    assert still is not None
    assert still.state is CardState.FORGETTING
