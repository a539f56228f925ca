"""Stripe's public test cards and what becomes of each: https://docs.stripe.com/testing.

A number is known here and nowhere else: what the account keeps of a card is brand, last four, expiry, a keyed
fingerprint and the name of its behaviour. A card whose error code has no decline code in Stripe's table has
none here.
"""

from dataclasses import dataclass
from enum import StrEnum


class Asks(StrEnum):
    """When the issuer wants the payer to authenticate."""

    NEVER = "never"
    UNLESS_EXEMPT = "unless_exempt"
    """Not for a telephone order, nor for a card that was set up."""
    ALWAYS = "always"
    """Also where the payer cannot: an order by telephone is then declined softly (our reading: Stripe's table
    says "on all transactions" and nothing of telephone orders).
    """


@dataclass(frozen=True)
class Refused:
    """How an issuer, or Stripe for it, says no."""

    code: str
    message: str
    decline_code: str | None = None
    param: str | None = None
    advice_code: str | None = None
    network_decline_code: str | None = None
    blocked: bool = False
    """By Stripe itself: the network was never asked."""


@dataclass(frozen=True)
class TestCard:
    __test__ = False
    name: str
    brand: str = "visa"
    refused: Refused | None = None
    asks: Asks = Asks.NEVER
    once_saved: bool = False
    """Refused only where it is attached to a customer."""
    dispute: str | None = None
    refund: str = "succeeds"
    """succeeds, pending_then_succeeds or pending_then_fails."""
    funds_at_once: bool = False


def _declined(decline_code: str, network: str | None, advice: str | None, message: str = "") -> Refused:
    return Refused("card_declined", message or "Your card was declined.", decline_code, None, advice, network)


GENERIC = _declined("generic_decline", "05", "try_again_later")
INSUFFICIENT = _declined("insufficient_funds", "51", "try_again_later", "Your card has insufficient funds.")
AUTHENTICATION = Refused(
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
    "authentication_required",
)
LIVE_CARD = _declined(
    "test_mode_live_card",
    None,
    None,
    "Your card was declined. Your request was in test mode, but used a non test (live) card. For a list of "
    "valid test cards, visit: https://docs.stripe.com/testing.",
)

TEST_CARDS = {
    "4242424242424242": TestCard("approved"),
    "4000056655665556": TestCard("approved_debit"),
    "5555555555554444": TestCard("approved_mastercard", "mastercard"),
    "378282246310005": TestCard("approved_amex", "amex"),
    "6011111111111117": TestCard("approved_discover", "discover"),
    "4000007240000007": TestCard("approved_spain"),
    "4000000000000002": TestCard("generic_decline", refused=GENERIC),
    "4000000000009995": TestCard("insufficient_funds", refused=INSUFFICIENT),
    "4000000000009987": TestCard("lost_card", refused=_declined("lost_card", "41", "do_not_try_again")),
    "4000000000009979": TestCard("stolen_card", refused=_declined("stolen_card", "43", "do_not_try_again")),
    "4000000000006975": TestCard(
        "card_velocity_exceeded", refused=_declined("card_velocity_exceeded", "65", "try_again_later")
    ),
    "4000000000000069": TestCard(
        "expired_card",
        refused=Refused(
            "expired_card", "Your card has expired.", None, "exp_month", "confirm_card_data", "54"
        ),
    ),
    "4000000000000127": TestCard(
        "incorrect_cvc",
        refused=Refused(
            "incorrect_cvc", "Your card's security code is incorrect.", None, "cvc", "confirm_card_data", "N7"
        ),
    ),
    "4000000000000119": TestCard(
        "processing_error",
        refused=Refused(
            "processing_error",
            "An error occurred while processing your card. Try again in a little bit.",
            advice_code="try_again_later",
        ),
    ),
    "4100000000000019": TestCard(
        "always_blocked",
        refused=Refused("card_declined", "Your card was declined.", "fraudulent", blocked=True),
    ),
    "4000000000000341": TestCard("declines_once_saved", refused=GENERIC, once_saved=True),
    "4000002500003155": TestCard("asks_unless_set_up", asks=Asks.UNLESS_EXEMPT),
    "4000002760003184": TestCard("asks_always", asks=Asks.ALWAYS),
    "4000008400001629": TestCard("declines_after_asking", refused=GENERIC, asks=Asks.ALWAYS),
    "4000008260003178": TestCard("asks_then_insufficient", refused=INSUFFICIENT, asks=Asks.UNLESS_EXEMPT),
    "4000000000000259": TestCard("disputed_fraudulent", dispute="fraudulent"),
    "4000000000002685": TestCard("disputed_not_received", dispute="product_not_received"),
    "4000000000007726": TestCard("refund_late", refund="pending_then_succeeds"),
    "4000000000005126": TestCard("refund_fails", refund="pending_then_fails"),
    "4000000000000077": TestCard("funds_at_once", funds_at_once=True),
}

BEHAVIOURS = {card.name: card for card in TEST_CARDS.values()}


@dataclass(frozen=True)
class HeldCard:
    """What the account keeps of a card."""

    behaviour: str
    brand: str
    last4: str
    expiry_month: int
    expiry_year: int
    fingerprint: str
    has_cvc: bool

    @property
    def card(self) -> TestCard:
        return BEHAVIOURS[self.behaviour]


def luhn_fits(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    return sum(d if n % 2 == 0 else (d * 2 - 9 if d > 4 else d * 2) for n, d in enumerate(digits)) % 10 == 0
