"""The settings of the server whose databases are kept, and of the one that goes on with them."""

from tests.support.carrier_api import TOKEN
from tests.support.phone import AUTH_TOKEN
from tests.support.server import PERSON

GENEROUS = {
    "PCI_CARD_DECLINES_MAX": "999",
    "PCI_CARD_TRIES_MAX": "999",
    "PCI_BIN_DECLINES_MAX": "999",
    "CARD_BREAKER_CHARGES_MIN": "999",
}
"""A few cards are keyed for all callers."""


def settings(carrier_url: str, merchant_url: str) -> dict[str, str]:
    """What differs from the tests' own."""
    return {
        **GENEROUS,
        "SAVED_CARDS": "yes",
        "PERSON_NUMBER": PERSON,
        "OUTCOME_URL": f"{merchant_url}/outcomes",
        "BILL_LOOKUP_URL": f"{merchant_url}/bills",
        "MERCHANT_SECRET": "7d3e91c05af24b68c1d09e7f3a5b8246",
        "CHANNEL": "sms",
        "SMS_FROM": "+34910000000",
        "TWILIO_API_BASE": carrier_url,
        "TWILIO_AUTH_TOKEN": f"{TOKEN},{AUTH_TOKEN.reveal()}",
    }
