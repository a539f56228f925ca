"""What tests of the Stripe adapter order and key: one order, a card's token, an intent that can be charged.

Each asks over the real socket, and fails where Stripe's stand-in does not give what the test takes for
granted.
"""

from typing import Any

from gateways.contract import Order, Prepared, Tokenized
from gateways.secret import Secret
from tests.support.gateway_harness import card
from tests.support.stripe.harness import StripeHarness

ORDER = Order(
    "attempt_1",
    4990,
    "EUR",
    "Bill 12345678, payment 80000000",
    {"attempt": "attempt_1", "bill": "12345678", "call": ""},
    "BILL 12345678",
)


def token(harness: StripeHarness, number: str = "4242424242424242", key: str = "entry_1") -> Secret:
    made = harness.tokenizer.tokenize(card(number), key=key)
    assert isinstance(made, Tokenized)
    return made.token


def prepared(harness: StripeHarness, order: Order = ORDER, gateway_customer_id: str | None = None) -> str:
    made = harness.gateway.prepare(order, gateway_customer_id=gateway_customer_id)
    assert isinstance(made, Prepared)
    return made.gateway_reference


def intent(harness: StripeHarness, reference: str) -> dict[str, Any]:
    return harness.account.objects[reference]
