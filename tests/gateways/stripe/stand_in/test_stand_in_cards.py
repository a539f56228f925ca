"""Test cards answer as https://docs.stripe.com/testing says, and nothing of a card is kept."""

import pytest
import stripe

from tests.gateways.stripe.stand_in.conftest import CARD, Merchant
from tests.support.stripe.server import StripeServer

DOCUMENTED = [
    ("4000000000000002", "card_declined", "generic_decline"),
    ("4000000000009995", "card_declined", "insufficient_funds"),
    ("4000000000009987", "card_declined", "lost_card"),
    ("4000000000009979", "card_declined", "stolen_card"),
    ("4000000000000069", "expired_card", None),
    ("4000000000000127", "incorrect_cvc", None),
    ("4000000000000119", "processing_error", None),
    ("4000000000006975", "card_declined", "card_velocity_exceeded"),
    ("4100000000000019", "card_declined", "fraudulent"),
    ("4000000000000341", None, None),
    (CARD, None, None),
]


@pytest.mark.parametrize(("number", "code", "decline_code"), DOCUMENTED)
def test_a_test_card_answers_as_the_table_says(
    merchant: Merchant, stand_in: StripeServer, number: str, code: str | None, decline_code: str | None
) -> None:
    method = merchant.method(number)
    intent = merchant.intent()
    if code is None:
        paid = merchant.v1.payment_intents.confirm(intent.id, {"payment_method": method})
        assert paid.status == "succeeded"
        return
    with pytest.raises(stripe.CardError) as declined:
        merchant.v1.payment_intents.confirm(intent.id, {"payment_method": method})

    error = declined.value.error
    assert error is not None
    assert (declined.value.code, error.decline_code) == (code, decline_code)
    assert error.payment_intent.id == intent.id
    assert error.payment_intent.status == "requires_payment_method"
    last = merchant.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert (last.last_payment_error.code, last.payment_method) == (code, None)
    assert (last.latest_charge.status, last.latest_charge.failure_code) == ("failed", code)
    assert last.latest_charge.outcome.type == (
        "blocked" if decline_code == "fraudulent" else "issuer_declined"
    )
    assert stand_in.account.books().charges == 0


def test_the_network_s_own_codes_come_along(merchant: Merchant) -> None:
    with pytest.raises(stripe.CardError) as declined:
        merchant.paid(number="4000000000009995")

    error = declined.value.error
    assert error is not None
    assert (error.network_decline_code, error.advice_code) == ("51", "try_again_later")


def test_a_card_that_fails_once_it_is_saved(merchant: Merchant) -> None:
    customer, method = merchant.customer(), merchant.method("4000000000000341")
    merchant.v1.payment_methods.attach(method, {"customer": customer})

    with pytest.raises(stripe.CardError):
        merchant.intent(customer=customer, payment_method=method, confirm=True)


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ({"number": "4242424242424241"}, "incorrect_number"),
        ({"number": "4242"}, "incorrect_number"),
        ({"number": "4111111111111111"}, "card_declined"),
        ({"exp_month": 13}, "invalid_expiry_month"),
        ({"exp_year": 2020}, "invalid_expiry_year"),
        ({"exp_year": 2026, "exp_month": 10}, "invalid_expiry_year"),
        ({"cvc": "12"}, "invalid_cvc"),
        ({"number": "378282246310005", "cvc": "123"}, "invalid_cvc"),
    ],
)
def test_a_card_that_cannot_be_is_refused_at_entry(
    merchant: Merchant, stand_in: StripeServer, card: dict[str, object], code: str
) -> None:
    with pytest.raises(stripe.CardError) as refused:
        merchant.method(**card)

    assert refused.value.code == code
    assert refused.value.http_status == 402
    assert stand_in.account.of("payment_method") == []


def test_raw_cards_can_be_off(merchant: Merchant, stand_in: StripeServer) -> None:
    stand_in.account.switches.raw_cards = False

    with pytest.raises(stripe.InvalidRequestError, match="generally unsafe") as refused:
        merchant.method()
    assert refused.value.http_status == 400


def test_nothing_of_a_card_is_kept_but_what_stripe_shows(merchant: Merchant, stand_in: StripeServer) -> None:
    """Brand, last four, expiry and a fingerprint: the same for the same number, whatever its code."""
    first, again = merchant.method(cvc="973"), merchant.method(cvc="159")
    merchant.v1.payment_intents.confirm(merchant.intent().id, {"payment_method": first})

    account = stand_in.account
    kept = repr(vars(account)) + repr(vars(account.keys)) + repr(vars(stand_in.line))
    assert CARD not in kept
    assert "'973'" not in kept
    assert account.cards[first].fingerprint == account.cards[again].fingerprint
    assert account.cards[first].fingerprint != account.cards[merchant.method("5555555555554444")].fingerprint
