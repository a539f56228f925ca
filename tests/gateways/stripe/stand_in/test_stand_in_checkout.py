"""Checkout Sessions: a link that is paid once, or ends: https://docs.stripe.com/api/checkout/sessions."""

from typing import Any

import pytest
import requests
import stripe

from tests.gateways.stripe.stand_in.conftest import Merchant
from tests.support.stripe import checkout
from tests.support.stripe.server import StripeServer
from tests.support.time_and_ids import ManualClock

SUCCESS = "https://merchant.example/paid?session={CHECKOUT_SESSION_ID}"


def session(merchant: Merchant, **more: Any) -> stripe.checkout.Session:
    price = {"currency": "eur", "unit_amount": 5000, "product_data": {"name": "Water <bill>"}}
    wanted = {
        "mode": "payment",
        "success_url": SUCCESS,
        "cancel_url": "https://merchant.example/pay",
        "line_items": [{"quantity": 1, "price_data": price}],
        "payment_intent_data": {"metadata": {"attempt": "l-1"}, "description": "Water bill 12345678"},
        **more,
    }
    return merchant.v1.checkout.sessions.create(wanted)


def test_a_link_is_paid_once(merchant: Merchant, stand_in: StripeServer) -> None:
    made = session(merchant, metadata={"link": "link-1"})
    assert (made.status, made.payment_status, made.payment_intent) == ("open", "unpaid", None)
    checkout.pay(stand_in.account, made.id)
    checkout.pay(stand_in.account, made.id)

    paid = merchant.v1.checkout.sessions.retrieve(made.id, {"expand": ["payment_intent.latest_charge"]})
    assert (paid.status, paid.payment_status, paid.amount_total) == ("complete", "paid", 5000)
    assert paid.payment_intent.description == "Water bill 12345678"
    assert paid.payment_intent.latest_charge.status == "succeeded"
    books = stand_in.account.books(attempt="l-1")
    assert (books.taken_minor, books.charges) == (5000, 1)
    found = merchant.v1.checkout.sessions.list({"payment_intent": paid.payment_intent.id}).data
    assert [one.id for one in found] == [made.id]


def test_a_refused_card_leaves_the_link_open(merchant: Merchant, stand_in: StripeServer) -> None:
    made = session(merchant)
    checkout.pay(stand_in.account, made.id, "4000000000000002")
    assert merchant.v1.checkout.sessions.retrieve(made.id).status == "open"
    checkout.pay(stand_in.account, made.id)

    assert merchant.v1.checkout.sessions.retrieve(made.id).status == "complete"
    assert len(merchant.v1.payment_intents.list().data) == 1
    assert stand_in.account.books(attempt="l-1").charges == 1


@pytest.mark.parametrize("tried", [False, True])
def test_an_expired_link_takes_no_money(merchant: Merchant, stand_in: StripeServer, tried: bool) -> None:
    made = session(merchant)
    if tried:
        checkout.pay(stand_in.account, made.id, "4000000000000002")
    assert merchant.v1.checkout.sessions.expire(made.id).status == "expired"
    checkout.pay(stand_in.account, made.id)

    assert stand_in.account.books(attempt="l-1").charges == 0
    assert [one.status for one in merchant.v1.payment_intents.list().data] == ["canceled"] * tried
    with pytest.raises(stripe.InvalidRequestError, match="This Checkout Session has a status of `expired`"):
        merchant.v1.checkout.sessions.expire(made.id)


def test_a_paid_link_cannot_be_expired(merchant: Merchant, stand_in: StripeServer) -> None:
    made = session(merchant)
    checkout.pay(stand_in.account, made.id)

    with pytest.raises(stripe.InvalidRequestError, match="This Checkout Session has a status of `complete`"):
        merchant.v1.checkout.sessions.expire(made.id)


def test_a_link_ends_by_itself(merchant: Merchant, stand_in: StripeServer, clock: ManualClock) -> None:
    ends = int(clock.now().timestamp()) + 30 * 60
    made = session(merchant, expires_at=ends)
    clock.advance(30 * 60)
    checkout.pay(stand_in.account, made.id)

    assert merchant.v1.checkout.sessions.retrieve(made.id).status == "expired"
    assert stand_in.account.books(attempt="l-1").charges == 0


@pytest.mark.parametrize("in_s", [30 * 60 - 1, 24 * 3600 + 1])
def test_a_link_lives_half_an_hour_to_a_day(merchant: Merchant, clock: ManualClock, in_s: int) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        session(merchant, expires_at=int(clock.now().timestamp()) + in_s)
    assert refused.value.param == "expires_at"


def test_the_intent_of_a_link_is_left_to_its_session(merchant: Merchant, stand_in: StripeServer) -> None:
    made = session(merchant)
    checkout.pay(stand_in.account, made.id, "4000000000000002")
    (intent,) = merchant.v1.payment_intents.list().data

    with pytest.raises(stripe.InvalidRequestError, match="created by Checkout Sessions"):
        merchant.v1.payment_intents.cancel(intent.id)


def test_a_payer_s_browser_pays_on_the_hosted_page(merchant: Merchant, stand_in: StripeServer) -> None:
    made = session(merchant, locale="es")
    assert made.url is not None
    shown = requests.get(made.url, timeout=5).text
    assert '<html lang="es">' in shown
    assert "Water &lt;bill&gt;" in shown
    assert 'href="https://merchant.example/pay"' in shown
    refused = requests.post(made.url, {"card": "generic_decline"}, timeout=5)
    assert '<p role="alert">Your card was declined.</p>' in refused.text
    paid = requests.post(made.url, {"card": "approved"}, timeout=5, allow_redirects=False)

    assert paid.headers["Location"] == f"https://merchant.example/paid?session={made.id}"
    assert requests.get(made.url, timeout=5, allow_redirects=False).status_code == 303
    assert stand_in.account.books(attempt="l-1").taken_minor == 5000


def test_an_expired_page_takes_nobody_s_money(merchant: Merchant, stand_in: StripeServer) -> None:
    made = session(merchant)
    assert made.url is not None
    merchant.v1.checkout.sessions.expire(made.id)

    assert "timed out" in requests.post(made.url, {"card": "approved"}, timeout=5).text
    assert requests.get(f"{made.url}x", timeout=5).status_code == 404
    assert stand_in.account.books(attempt="l-1").charges == 0
