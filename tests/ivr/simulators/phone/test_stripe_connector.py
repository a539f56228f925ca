"""The carrier's connector for Stripe, at the stand-in: a PaymentMethod, or a refusal that we can read."""

from collections.abc import Iterator

import pytest

from gateways.declines import Decline
from gateways.secret import Secret
from ivr.carriers.twilio.pay import result as form
from ivr.simulators.phone.cards import KeyedCard
from ivr.simulators.phone.connectors import Token, TokenRefused
from tests.support.stripe.server import StripeServer, running_stripe
from tests.support.stripe_connector import StripeConnector
from tests.support.time_and_ids import ManualClock


@pytest.fixture
def stripe(clock: ManualClock) -> Iterator[StripeServer]:
    """Every body that it got must have fitted the library's own types."""
    with running_stripe(clock) as server:
        yield server
        assert server.account.violations == []


def tokenized(
    stripe: StripeServer, number: str = "4242424242424242", expiry: str = "1230", key: str | None = None
) -> Token | TokenRefused:
    connector = StripeConnector(stripe.url, Secret(key or stripe.account.key))
    card = KeyedCard(Secret(number), "visa", Secret(expiry), Secret("973"), Secret("28001"))
    return connector.tokenize(card, transaction_id="0" * 32, currency="eur")


def test_a_card_becomes_a_payment_method_that_our_form_takes(stripe: StripeServer) -> None:
    made = tokenized(stripe)
    assert isinstance(made, Token)
    token = made.token.reveal()
    assert token.startswith("pm_")
    posted = {"Result": "success", "PaymentToken": token, "PaymentCardNumber": "xxxxxxxxxxxx4242"}
    read = form.card_of(posted.get, behind_the_verb=False)
    assert read is not None
    assert read.token == made.token


@pytest.mark.parametrize(
    ("number", "expiry", "decline"),
    [
        ("4242424242424241", "1230", Decline.INVALID_NUMBER),
        ("4242424242424242", "0120", Decline.INVALID_EXPIRY),
    ],
)
def test_a_card_that_it_refuses_is_a_decline_to_us(
    stripe: StripeServer, number: str, expiry: str, decline: Decline
) -> None:
    refused = tokenized(stripe, number, expiry)
    assert isinstance(refused, TokenRefused)
    posted = {"Result": "payment-connector-error", "ConnectorError": f"{refused.error_code}: {refused.error}"}
    read = form.card_of(posted.get, behind_the_verb=False)
    assert read is not None
    assert read.decline is decline


def test_a_key_that_it_does_not_know_is_no_decline(stripe: StripeServer) -> None:
    refused = tokenized(stripe, key="sk_test_wrong")
    assert isinstance(refused, TokenRefused)
    posted = {"Result": "payment-connector-error", "ConnectorError": f"{refused.error_code}: {refused.error}"}
    read = form.card_of(posted.get, behind_the_verb=False)
    assert read is not None
    assert read.decline is None
