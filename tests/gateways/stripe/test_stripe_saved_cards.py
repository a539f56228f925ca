"""Cards that are kept with Stripe: saved once, charged again, forgotten; in doubt never called declined."""

import dataclasses
import logging

import pytest

from gateways.contract import Approved, CardDeleted, CardOnFile, ChargeRequest, Declined, Unknown
from tests.support.stripe.harness import BRISK, EVERY_TRY, StripeHarness
from tests.support.stripe.line import Harm
from tests.support.stripe.orders import ORDER, prepared, token
from tests.support.stripe.wire import json_answer
from tests.support.time_and_ids import ManualClock


def kept(harness: StripeHarness) -> CardOnFile:
    once = token(harness)
    charged = harness.gateway.charge(ChargeRequest(ORDER, once, prepared(harness), keep_card=True))
    assert isinstance(charged, Approved)
    saved = harness.gateway.save_card(
        "card_1", once, charge_reference=charged.gateway_reference, gateway_customer_id=None
    )
    assert isinstance(saved, CardOnFile)
    return saved


def test_a_card_is_kept_charged_again_and_forgotten(harness: StripeHarness) -> None:
    saved = kept(harness)
    second = dataclasses.replace(ORDER, key="attempt_2")
    reference = prepared(harness, second, saved.gateway_customer_id)

    paid = harness.gateway.charge(ChargeRequest(second, saved.token, reference, saved.gateway_customer_id))
    assert isinstance(paid, Approved)
    assert harness.gateway.lookup(second, cancel=True) == paid, (
        "made again without its holder, in the same words"
    )
    assert harness.gateway.delete_card(saved) == CardDeleted()
    assert harness.gateway.delete_card(saved) == CardDeleted()
    third = dataclasses.replace(ORDER, key="attempt_3")
    refused = harness.gateway.charge(
        ChargeRequest(third, saved.token, prepared(harness, third), saved.gateway_customer_id)
    )
    assert not isinstance(refused, Approved)


def test_a_card_is_saved_once_and_to_the_holder_that_is_known(harness: StripeHarness) -> None:
    saved = kept(harness)
    again = harness.gateway.save_card(
        "card_1", saved.token, charge_reference="pi_1", gateway_customer_id=saved.gateway_customer_id
    )

    assert again == saved
    assert len(harness.account.of("customer")) == 1
    other = harness.account.ids.new("cus")
    assert (
        harness.gateway.save_card("card_2", saved.token, charge_reference="pi_1", gateway_customer_id=other)
        == saved
    )


@pytest.mark.parametrize("kind", ["customers.create", "payment_methods.attach"])
def test_a_saving_whose_answer_is_lost_can_be_repeated(harness: StripeHarness, kind: str) -> None:
    once = token(harness)
    harness.gateway.charge(ChargeRequest(ORDER, once, prepared(harness), keep_card=True))
    harness.server.harm(Harm.DROP_AFTER, kind, times=3)
    save = {"charge_reference": "pi_1", "gateway_customer_id": None}

    assert isinstance(harness.gateway.save_card("card_1", once, **save), Unknown)
    assert isinstance(harness.gateway.save_card("card_1", once, **save), CardOnFile)
    assert len(harness.account.of("customer")) == 1


def test_a_lost_save_is_found_after_stripe_dropped_its_idempotency_key(
    harness: StripeHarness, stripe_clock: ManualClock
) -> None:
    """A second customer is made then, and the card is the first one's: never "not kept", it is chargeable."""
    once = token(harness)
    harness.gateway.charge(ChargeRequest(ORDER, once, prepared(harness), keep_card=True))
    harness.server.harm(Harm.DROP_AFTER, "payment_methods.attach", times=EVERY_TRY)
    save = {"charge_reference": "pi_1", "gateway_customer_id": None}
    assert isinstance(harness.gateway.save_card("card_1", once, **save), Unknown)
    first = harness.account.objects[once.reveal()]["customer"]
    stripe_clock.advance(24 * 3600 + 60)

    assert harness.gateway.save_card("card_1", once, **save) == CardOnFile(first, once)
    assert len(harness.account.of("customer")) == 2
    assert harness.gateway.delete_card(CardOnFile(first, once)) == CardDeleted()


def test_a_rotated_api_key_proves_nothing_about_earlier_cards(harness: StripeHarness) -> None:
    once, key = token(harness), harness.account.key
    harness.gateway.charge(ChargeRequest(ORDER, once, prepared(harness), keep_card=True))
    harness.server.harm(Harm.DROP_AFTER, "payment_methods.attach", times=EVERY_TRY)
    save = {"charge_reference": "pi_1", "gateway_customer_id": None}
    assert isinstance(harness.gateway.save_card("card_1", once, **save), Unknown)
    harness.speak(BRISK, "sk_test_rolled")

    assert isinstance(harness.gateway.save_card("card_1", once, **save), Unknown)
    harness.speak(BRISK, key)
    assert isinstance(harness.gateway.save_card("card_1", once, **save), CardOnFile)


@pytest.mark.parametrize("kind", ["customers.create", "payment_methods.attach"])
@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_refused_save_is_final_only_for_a_known_unattached_card(
    harness: StripeHarness, kind: str, status: int
) -> None:
    once = token(harness)
    harness.gateway.charge(ChargeRequest(ORDER, once, prepared(harness), keep_card=True))
    said = {"type": "card_error" if status == 402 else "invalid_request_error", "code": "card_declined"}
    refused = json_answer(status, {"error": said})
    harness.server.harm(Harm.OTHER_WORDS, kind, says=refused)
    harness.server.harm(Harm.OTHER_WORDS, "payment_methods.retrieve", says=refused)
    save = {"charge_reference": "pi_1", "gateway_customer_id": None}

    assert isinstance(harness.gateway.save_card("card_1", once, **save), Unknown), "it was not seen"
    harness.server.harm(Harm.OTHER_WORDS, kind, says=refused)
    assert isinstance(harness.gateway.save_card("card_1", once, **save), Declined)


def test_a_card_that_was_not_kept_at_its_charge_cannot_be_saved(harness: StripeHarness) -> None:
    once = token(harness)
    harness.gateway.charge(ChargeRequest(ORDER, once, prepared(harness)))

    assert isinstance(
        harness.gateway.save_card("card_1", once, charge_reference="pi_1", gateway_customer_id=None), Declined
    )


@pytest.mark.parametrize("harm", [Harm.DROP_BEFORE, Harm.DROP_AFTER])
def test_a_deletion_whose_answer_is_lost_is_unknown_and_can_be_repeated(
    harness: StripeHarness, harm: Harm
) -> None:
    saved = kept(harness)
    harness.server.harm(harm, "payment_methods.detach", times=3)

    assert isinstance(harness.gateway.delete_card(saved), Unknown)
    assert harness.gateway.delete_card(saved) == CardDeleted()


def test_no_token_is_logged_with_the_path_that_holds_it(
    harness: StripeHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="urllib3")
    harness.gateway.delete_card(kept(harness))

    assert "/v1/payment_intents" in caplog.text, "the line below logs at all"
    assert "pm_" not in caplog.text
    assert harness.account.key not in caplog.text
