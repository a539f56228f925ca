"""A saved card is forgotten from the moment that it is said, and at the gateway until that is certain."""

import pytest
import sqlalchemy as sa

from ivr.jobs.job_list import FORGET_CARD, SAVE_CARD
from ivr.payments import timeouts
from ivr.payments.attempts.states import State
from ivr.payments.saved_cards.store import CardState
from tests.support import schema
from tests.support.fake_gateway import Fate, KilledError
from tests.support.payment_services import PaymentServices
from tests.support.saving_gateway import (
    KILLING,
    LOSING,
    AttachingGateway,
    SavingGateway,
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
def test_forgetting_insists_until_it_is_certain(
    services: PaymentServices, bank: SavingGateway, fate: Fate
) -> None:
    card = kept(services)
    bank.fates.append(fate)
    assert forget(services, card.id).state is CardState.FORGETTING
    assert offered(services) is None
    services.run(services.work.one(FORGET_CARD))
    still = card_of(services, card.attempt_id)
    assert still is not None
    assert still.state is CardState.FORGETTING
    services.pass_time(60)
    gone = card_of(services, card.attempt_id)
    assert gone is not None
    assert (gone.state, gone.token, gone.forgotten_by) == (CardState.FORGOTTEN, None, "api: a test")
    assert gone.consent == card.consent
    assert bank.saved == {}
    assert card_events(services) == ["card_kept", "card_forgotten"]


@pytest.mark.parametrize("fate", KILLING)
def test_a_worker_that_dies_while_it_forgets(
    services: PaymentServices, bank: SavingGateway, fate: Fate
) -> None:
    card = kept(services)
    forget(services, card.id)
    bank.fates.append(fate)
    with pytest.raises(KilledError):
        services.run(services.work.one(FORGET_CARD))
    services.run_due()
    gone = card_of(services, card.attempt_id)
    assert gone is not None
    assert gone.state is CardState.FORGOTTEN
    assert bank.saved == {}


@pytest.mark.slow
def test_forgetting_never_gives_up(services: PaymentServices, bank: SavingGateway) -> None:
    card = kept(services)
    forget(services, card.id)
    bank.fates.extend([Fate.NEVER_ARRIVES] * 2000)
    services.pass_time(3 * 24 * 3600)
    asked = bank.asked("forget_card")
    services.pass_time(24 * 3600)
    assert bank.asked("forget_card") - asked == 24, "once an hour in the end"
    bank.fates.clear()
    services.pass_time(3600)
    assert bank.forgotten == {"tok_good"}


def test_forgetting_twice_is_forgetting_once(services: PaymentServices, bank: SavingGateway) -> None:
    card = kept(services)
    forget(services, card.id, by="voice: call_1")
    assert forget(services, card.id).forgotten_by == "voice: call_1"
    services.run_due()
    assert forget(services, card.id).state is CardState.FORGOTTEN
    assert bank.asked("forget_card") == 1
    assert card_events(services) == ["card_kept", "card_forgotten"]


@pytest.mark.postgres
def test_a_card_deleted_before_it_was_sent_is_never_sent(
    services: PaymentServices, bank: SavingGateway
) -> None:
    attempt_id = charged(services)
    card = card_of(services, attempt_id)
    assert card is not None
    assert forget(services, card.id).state is CardState.FORGOTTEN
    services.pass_time(60)
    assert bank.asked("save_card") + bank.asked("forget_card") == 0
    assert services.work.waiting() == []


def test_a_card_deleted_before_its_payment_is_not_saved(
    services: PaymentServices, bank: SavingGateway
) -> None:
    attempt_id = agree(services)
    card = card_of(services, attempt_id)
    assert card is not None
    forget(services, card.id)
    services.pass_time(60)
    assert services.state(attempt_id) is State.APPROVED
    assert bank.saved == {}
    assert offered(services) is None


@pytest.mark.parametrize("fate", LOSING)
def test_a_card_deleted_while_its_save_is_unknown_is_deleted_at_the_gateway(
    services: PaymentServices, bank: SavingGateway, fate: Fate
) -> None:
    attempt_id = charged(services)
    bank.fates.append(fate)
    services.run(services.work.one(SAVE_CARD))
    card = card_of(services, attempt_id)
    assert card is not None
    assert forget(services, card.id).state is CardState.FORGETTING
    services.pass_time(60)
    for _ in bank.under_way[:]:
        bank.deliver()
    gone = card_of(services, attempt_id)
    assert gone is not None
    assert gone.state is CardState.FORGOTTEN
    assert bank.saved == {}
    assert card_events(services) == ["card_forgotten"]


@pytest.mark.postgres
def test_a_late_save_of_a_deleted_card_does_not_keep_it(
    services: PaymentServices, bank: SavingGateway
) -> None:
    attempt_id = charged(services)
    card = card_of(services, attempt_id)
    assert card is not None

    def meanwhile() -> None:
        bank.before_answer = lambda: None
        forget(services, card.id)

    bank.before_answer = meanwhile
    services.run(services.work.one(SAVE_CARD))
    assert offered(services) is None
    services.pass_time(60)
    assert bank.saved == {}
    assert bank.asked("save_card") == 1, (
        "what the answer names is forgotten, and not kept once more to name it"
    )
    assert card_events(services) == ["card_forgotten"]


def test_a_late_save_of_a_second_deleted_card_does_not_keep_it(engine: sa.Engine) -> None:
    """Its holder is known from the first card, and it is nobody's yet: to forget it then forgets nothing."""
    bank = AttachingGateway()
    services = PaymentServices(engine, bank=bank)
    first = kept(services, "tok_first", last_four="1111")
    attempt_id = charged(services)
    bank.fates.append(Fate.LATE)
    services.run(services.work.one(SAVE_CARD))
    card = card_of(services, attempt_id)
    assert card is not None
    forget(services, card.id)
    services.pass_time(60)
    bank.deliver()
    gone = card_of(services, attempt_id)
    assert gone is not None
    assert gone.state is CardState.FORGOTTEN
    assert bank.saved == {"tok_first": first.gateway_customer_id}


def test_a_forgetting_that_was_lost_is_swept_up(services: PaymentServices, bank: SavingGateway) -> None:
    card = kept(services)
    forget(services, card.id)
    services.work.lose(FORGET_CARD)
    services.pass_time(timeouts.LOST_AFTER_S + 1)
    assert services.payments.sweep() == 1
    services.run_due()
    assert bank.saved == {}


@pytest.mark.postgres
def test_nothing_of_another_gateways_card_is_asked_here(
    services: PaymentServices, bank: SavingGateway
) -> None:
    card = kept(services)
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.saved_card).values(gateway="another"))
    forget(services, card.id)
    services.pass_time(60)
    assert bank.asked("forget_card") == 0
    still = card_of(services, card.attempt_id)
    assert still is not None
    assert still.state is CardState.FORGETTING
