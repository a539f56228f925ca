"""Webhooks that the library itself verifies; delivered in any order, again, early and late."""

import json
import time
from collections.abc import Mapping

import pytest
import stripe

from tests.gateways.stripe.stand_in.conftest import Merchant
from tests.support.stripe import checkout, payouts
from tests.support.stripe.account import WEBHOOK_SECRET
from tests.support.stripe.line import Harm
from tests.support.stripe.server import StripeServer
from tests.support.stripe.webhooks import Webhooks


class Endpoint:
    """Takes what the library verifies."""

    def __init__(self, secret: str = WEBHOOK_SECRET) -> None:
        self.secret = secret
        self.status = 200
        self.got: list[str] = []

    def post(self, body: bytes, headers: Mapping[str, str]) -> int:
        event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], self.secret)
        self.got.append(event.type)
        return self.status


@pytest.fixture
def webhooks(stand_in: StripeServer) -> Webhooks:
    return Webhooks(stand_in.account, stamp=time.time)


def test_a_payment_tells_its_story_in_order(merchant: Merchant, webhooks: Webhooks) -> None:
    endpoint = Endpoint()
    merchant.paid(metadata={"attempt": "a-1"})
    webhooks.deliver_all(endpoint.post)

    assert endpoint.got == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]
    assert webhooks.waiting == []
    last = json.loads(webhooks.signed(webhooks.delivered[-1])[0])
    assert last["data"]["object"]["metadata"] == {"attempt": "a-1"}
    assert last["api_version"] == stripe.api_version
    assert last["request"]["idempotency_key"]


def test_an_event_shows_the_object_as_it_was(merchant: Merchant, webhooks: Webhooks) -> None:
    merchant.v1.refunds.create({"payment_intent": merchant.paid().id})
    created, succeeded = webhooks.of("payment_intent.created", "charge.succeeded")

    assert created["data"]["object"]["status"] == "requires_confirmation"
    assert succeeded["data"]["object"]["refunded"] is False


def test_what_is_not_taken_waits_and_what_is_lost_never_comes(merchant: Merchant, webhooks: Webhooks) -> None:
    endpoint = Endpoint()
    merchant.paid()
    endpoint.status = 500
    webhooks.deliver_all(endpoint.post)
    assert len(webhooks.waiting) == 3
    webhooks.lose("charge.succeeded")
    endpoint.status, endpoint.got = 200, []
    webhooks.deliver_all(endpoint.post, list(reversed(webhooks.waiting)), times=2)

    assert endpoint.got == ["payment_intent.succeeded"] * 2 + ["payment_intent.created"] * 2


def test_a_webhook_can_come_before_the_answer(
    merchant: Merchant, stand_in: StripeServer, webhooks: Webhooks
) -> None:
    endpoint = Endpoint()
    intent, method = merchant.intent(), merchant.method()
    stand_in.harm(Harm.TELL_FIRST, "payment_intents.confirm", act=lambda: webhooks.deliver_all(endpoint.post))
    confirmed = merchant.v1.payment_intents.confirm(intent.id, {"payment_method": method})

    assert endpoint.got[-1] == "payment_intent.succeeded"
    assert confirmed.status == "succeeded"


def test_an_old_signature_or_another_secret_is_refused_by_the_library(
    merchant: Merchant, webhooks: Webhooks
) -> None:
    merchant.intent()
    (event,) = webhooks.waiting
    with pytest.raises(stripe.SignatureVerificationError, match="tolerance"):
        webhooks.deliver(event, Endpoint().post, at=1)
    with pytest.raises(stripe.SignatureVerificationError, match="No signatures found"):
        webhooks.deliver(event, Endpoint("whsec_other").post)


def test_while_a_secret_is_rolled_both_sign(merchant: Merchant, stand_in: StripeServer) -> None:
    rolled = Webhooks(stand_in.account, "whsec_old", "whsec_new", stamp=time.time)
    merchant.intent()
    (event,) = rolled.waiting

    for secret in ("whsec_old", "whsec_new"):
        assert rolled.deliver(event, Endpoint(secret).post) == [200]


def test_every_kind_of_news_is_told(merchant: Merchant, stand_in: StripeServer, webhooks: Webhooks) -> None:
    price = {"currency": "eur", "unit_amount": 5000, "product_data": {"name": "Water"}}
    wanted = {
        "success_url": "https://merchant.example/",
        "line_items": [{"quantity": 1, "price_data": price}],
    }
    for _ in range(2):
        made = merchant.v1.checkout.sessions.create(wanted)
    checkout.pay(stand_in.account, made.id)
    merchant.v1.checkout.sessions.expire(merchant.v1.checkout.sessions.list().data[1].id)
    merchant.v1.payment_intents.cancel(merchant.paid(capture_method="manual").id)
    with pytest.raises(stripe.CardError):
        merchant.paid(number="4000000000000002")
    merchant.paid(number="4000000000000259")
    payouts.pay_out(stand_in.account)

    told = {event["type"] for event in webhooks.waiting}
    assert told >= {
        "checkout.session.completed",
        "checkout.session.expired",
        "payment_intent.amount_capturable_updated",
        "payment_intent.canceled",
        "payment_intent.payment_failed",
        "charge.failed",
        "charge.updated",
        "charge.dispute.created",
        "payout.paid",
        "payout.reconciliation_completed",
    }
