"""A few payments at Stripe itself, in test mode: only where STRIPE_API_KEY is a test key."""

import os
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from gateways.capability import CardEntry
from gateways.contract import (
    Approved,
    Cancelled,
    ChargeRequest,
    Declined,
    LinkOpen,
    Order,
    PayLink,
    Prepared,
    RefundRequest,
    Tokenized,
)
from gateways.declines import Decline
from gateways.secret import Secret
from gateways.stripe.adapter import StripeGateway
from gateways.stripe.client import Stripe
from gateways.stripe.tokenize import StripeTokenizer
from tests.support.gateway_harness import card

KEY = os.environ.get("STRIPE_API_KEY", "")
pytestmark = [
    pytest.mark.smoke,
    pytest.mark.skipif(
        not KEY.startswith(("sk_test_", "rk_test_")),
        reason="asks Stripe itself, where STRIPE_API_KEY is a test key",
    ),
]


@pytest.fixture(scope="module")
def stripe() -> Stripe:
    return Stripe(Secret(KEY), "https://api.stripe.com")


@pytest.fixture
def gateway(stripe: Stripe) -> StripeGateway:
    return StripeGateway(stripe, CardEntry.TOKENIZE)


@pytest.fixture
def order() -> Order:
    key = f"smoke_{uuid.uuid4().hex}"
    return Order(key, 4990, "EUR", "Bill 12345678", {"attempt": key}, "BILL 12345678")


def charged(stripe: Stripe, gateway: StripeGateway, order: Order, method: Secret) -> object:
    prepared = gateway.prepare(order)
    assert isinstance(prepared, Prepared)
    return gateway.charge(ChargeRequest(order, method, prepared.gateway_reference))


def test_the_key_is_good(gateway: StripeGateway) -> None:
    gateway.check()


def test_a_card_is_charged_found_and_refunded(stripe: Stripe, gateway: StripeGateway, order: Order) -> None:
    paid = charged(stripe, gateway, order, Secret("pm_card_visa"))
    assert isinstance(paid, Approved)
    assert gateway.lookup(order, cancel=True, reference=paid.gateway_reference) == paid
    assert gateway.lookup(order, cancel=True) == paid
    refund = RefundRequest(f"{order.key}_r", paid.gateway_reference, 1000, "EUR")
    assert isinstance(gateway.refund(refund), Approved)
    assert isinstance(gateway.lookup_refund(refund, cancel=True), Approved)


def test_a_decline_is_found_and_fenced(stripe: Stripe, gateway: StripeGateway, order: Order) -> None:
    method = Secret("pm_card_visa_chargeDeclinedInsufficientFunds")
    declined = charged(stripe, gateway, order, method)
    assert isinstance(declined, Declined)
    assert declined.decline is Decline.INSUFFICIENT_FUNDS
    assert gateway.lookup(order, cancel=True) == declined


def test_an_order_that_nobody_paid_is_fenced_by_its_key_alone(gateway: StripeGateway, order: Order) -> None:
    assert gateway.lookup(order, cancel=True) == Cancelled()


def test_a_link_is_opened_and_closed(gateway: StripeGateway, order: Order) -> None:
    link = PayLink(
        order,
        datetime.now(UTC) + timedelta(hours=1),
        "es",
        "https://example.com/done",
        "https://example.com/left",
    )
    opened = gateway.open_link(link)
    assert isinstance(opened, LinkOpen)
    assert gateway.lookup_link(link, close=False) == opened
    assert gateway.lookup_link(link, close=True, reference=opened.gateway_reference) == Cancelled()


def test_a_keyed_card_becomes_a_token_where_the_account_may(stripe: Stripe) -> None:
    made = StripeTokenizer(stripe, moto=False).tokenize(
        card("4242424242424242"), key=f"smoke_{uuid.uuid4().hex}"
    )
    assert isinstance(made, Tokenized), "have the enable the raw card data APIs: docs/gateways/stripe.md"
