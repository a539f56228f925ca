"""What Stripe answers about another order, another amount or another holder is believed by no verb."""

import dataclasses
from typing import Any

import pytest

from gateways.capability import CardEntry
from gateways.contract import (
    Approved,
    CaptureRequest,
    CardAuthorized,
    CardOnFile,
    ChargeRequest,
    Declined,
    NotThisCharge,
    RefundRequest,
    Unknown,
)
from tests.support.gateway_harness import card
from tests.support.stripe import intents
from tests.support.stripe.harness import StripeHarness
from tests.support.stripe.line import Harm
from tests.support.stripe.orders import ORDER, intent, prepared, token
from tests.support.stripe.server import StripeServer
from tests.support.stripe.wire import json_answer

OTHER = dataclasses.replace(ORDER, key="attempt_2")


def says(harness: StripeHarness, kind: str, body: dict[str, Any]) -> None:
    harness.server.harm(Harm.OTHER_WORDS, kind, says=json_answer(200, body))


def held(harness: StripeHarness) -> str:
    authorized = harness.authorizer.authorize(card("4242424242424242"), ORDER)
    assert isinstance(authorized, CardAuthorized)
    return authorized.authorization


@pytest.fixture
def holding(stripe_server: StripeServer) -> StripeHarness:
    return StripeHarness(stripe_server, CardEntry.AUTHORIZE)


def test_an_intent_of_another_order_is_not_prepared(harness: StripeHarness) -> None:
    others = intent(harness, prepared(harness, OTHER))
    says(harness, "payment_intents.create", others)

    assert harness.gateway.prepare(ORDER) == Unknown("Stripe has another payment under this idempotency key")


def test_only_what_is_held_for_the_order_is_captured(holding: StripeHarness) -> None:
    authorization = held(holding)
    for key, amount_minor, currency in (
        ("attempt_2", 4990, "EUR"),
        ("attempt_1", 4000, "EUR"),
        ("attempt_1", 4990, "GBP"),
    ):
        wanted = CaptureRequest(key, authorization, amount_minor, currency)
        assert isinstance(holding.gateway.capture(wanted), Unknown)
    assert intent(holding, authorization)["status"] == "requires_capture", "nothing was taken"

    part = {**intent(holding, authorization), "status": "succeeded", "amount_received": 4000}
    says(holding, "payment_intents.capture", part)
    assert isinstance(
        holding.gateway.capture(CaptureRequest("attempt_1", authorization, 4990, "EUR")), Unknown
    )


@pytest.mark.parametrize("changed", [{"amount_capturable": 4000}, {"metadata": {}}, {"amount": 4000}])
def test_a_hold_that_is_not_the_order_is_not_authorized(
    holding: StripeHarness, changed: dict[str, Any]
) -> None:
    right = {**intent(holding, held(holding)), "latest_charge": None}
    again = dataclasses.replace(ORDER, description="The same order, asked for once more")
    for body, wanted in (({**right, **changed}, Unknown), (right, CardAuthorized)):
        holding.server.line.calm()
        says(holding, "payment_intents.create", right)
        says(holding, "payment_intents.confirm", body)
        assert isinstance(holding.authorizer.authorize(card("4242424242424242"), again), wanted)


def test_a_payment_that_is_still_another_orders_is_not_this_one(harness: StripeHarness) -> None:
    harness.account.switches.slow_issuer = True
    reference = prepared(harness, OTHER)
    harness.gateway.charge(ChargeRequest(OTHER, token(harness), reference))

    assert isinstance(harness.gateway.verify_charge(OTHER, reference), Unknown), "its issuer still thinks"
    assert isinstance(harness.gateway.verify_charge(ORDER, reference), NotThisCharge)
    intents.conclude(harness.account, reference)
    assert isinstance(harness.gateway.verify_charge(ORDER, reference), NotThisCharge)
    assert isinstance(harness.gateway.verify_charge(OTHER, reference), Approved)


def test_a_refund_in_another_currency_is_refused_and_not_sent(harness: StripeHarness) -> None:
    reference = prepared(harness)
    harness.gateway.charge(ChargeRequest(ORDER, token(harness), reference))
    refused = harness.gateway.refund(RefundRequest("refund_1", reference, 1000, "GBP"))

    assert isinstance(refused, Declined)
    assert refused.gateway_code == "currency_mismatch"
    assert harness.account.requests("refunds.create") == 0


@pytest.mark.parametrize("told", [{"customer": "cus_9"}, {}, {"id": "pm_other", "customer": None}])
def test_a_card_still_attached_at_stripe_is_not_deleted(harness: StripeHarness, told: dict[str, Any]) -> None:
    kept = CardOnFile("cus_9", token(harness))
    says(harness, "payment_methods.detach", {"id": kept.token.reveal(), **told})

    assert isinstance(harness.gateway.delete_card(kept), Unknown)
