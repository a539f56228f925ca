"""The stand-in, and the real stripe library that drives it."""

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from tests.support.stripe.server import StripeServer, running_stripe
from tests.support.time_and_ids import ManualClock

CARD = "4242424242424242"


class Merchant:
    """A merchant's hands on the library: what most tests do in one word."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self.v1 = client.v1

    def method(self, number: str = CARD, **card: Any) -> str:
        fields = {"number": number, "exp_month": 12, "exp_year": 2030, "cvc": "973", **card}
        return self.v1.payment_methods.create({"type": "card", "card": fields}).id

    def intent(self, amount: int = 5000, currency: str = "eur", **more: Any) -> stripe.PaymentIntent:
        wanted = {"amount": amount, "currency": currency, "allowed_payment_method_types": ["card"], **more}
        return self.v1.payment_intents.create(wanted)

    def paid(self, amount: int = 5000, currency: str = "eur", number: str = CARD, **more: Any) -> Any:
        """An intent, confirmed."""
        return self.intent(amount, currency, payment_method=self.method(number), confirm=True, **more)

    def customer(self) -> str:
        return self.v1.customers.create({"name": "Ana"}).id


@pytest.fixture
def stand_in(clock: ManualClock) -> Iterator[StripeServer]:
    """Every body that it got must have fitted the library's types; a test of misfits empties the list."""
    with running_stripe(clock) as server:
        yield server
        assert server.account.violations == []


@pytest.fixture
def client(stand_in: StripeServer) -> Iterator[stripe.StripeClient]:
    line = stripe.RequestsClient(timeout=(2, 10))
    yield stripe.StripeClient(stand_in.account.key, base_addresses={"api": stand_in.url}, http_client=line)
    line.close()


@pytest.fixture
def merchant(client: stripe.StripeClient) -> Merchant:
    return Merchant(client)
