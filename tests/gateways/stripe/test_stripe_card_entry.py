"""Cards at their entry: which Stripe does not take, and what is the account's fault and not the card's."""

from typing import Any

import pytest

from gateways.contract import Declined, Unavailable
from gateways.declines import Decline
from tests.support.gateway_harness import card
from tests.support.stripe.harness import StripeHarness
from tests.support.stripe.line import Harm
from tests.support.stripe.orders import token


@pytest.mark.parametrize(
    ("keyed", "decline"),
    [
        (card("4242424242424241"), Decline.INVALID_NUMBER),
        (card("4242424242424242", month=13), Decline.INVALID_EXPIRY),
        (card("4242424242424242", year=1999), Decline.INVALID_EXPIRY),
        (card("4242424242424242", code="97"), Decline.INCORRECT_CVC),
        (card("4012888888881881"), Decline.CONFIG_ERROR),
    ],
)
def test_a_card_that_stripe_does_not_take_is_declined_at_its_entry(
    harness: StripeHarness, keyed: Any, decline: Decline
) -> None:
    made = harness.tokenizer.tokenize(keyed, key="entry_1")
    assert isinstance(made, Declined)
    assert made.decline is decline


def test_an_account_without_raw_cards_is_told_to_the_operator(
    harness: StripeHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.account.switches.raw_cards = False

    assert isinstance(harness.tokenizer.tokenize(harness.good_card, key="entry_1"), Unavailable)
    assert "enable the raw card data APIs" in caplog.text
    assert "4242" not in caplog.text


def test_a_key_that_stripe_does_not_know_is_told_as_that(
    harness: StripeHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.account.key = "sk_test_of_another_account"

    assert isinstance(harness.tokenizer.tokenize(harness.good_card, key="entry_1"), Unavailable)
    assert "Stripe does not know STRIPE_API_KEY of the PCI process" in caplog.text
    assert "raw card data" not in caplog.text


def test_a_fault_of_stripes_own_does_not_blame_the_account(
    harness: StripeHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.server.harm(Harm.BROKEN_INSIDE, "payment_methods.create")

    assert isinstance(harness.tokenizer.tokenize(harness.good_card, key="entry_1"), Unavailable)
    assert "raw card data" not in caplog.text


def test_the_same_key_tokenizes_once(harness: StripeHarness) -> None:
    assert token(harness) == token(harness)
    assert harness.account.requests("payment_methods.create") == 2
    assert len(harness.account.of("payment_method")) == 1
