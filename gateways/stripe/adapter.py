"""Stripe as the web and worker processes know it: every verb but those that touch a card number.

May import `gateways.contract`, `capability`, `undeclared` and its own files; never `tokenize`. Each verb
refuses what is not declared, and is one visit to Stripe: at most 15 s in all, the library's retries under
our key included. What Stripe does not say for certain is `Unknown`.
"""

from collections.abc import Mapping
from typing import Any

from gateways.capability import Verb, demand
from gateways.contract import (
    Capabilities,
    Capture,
    CardEntry,
    Charge,
    Declined,
    GatewayUnreachableError,
    LookupResult,
    NotFound,
    Order,
    Prepared,
    Refund,
    RefundFound,
    Result,
    Unknown,
    Void,
)
from gateways.stripe import payments, refunds
from gateways.stripe.answers import Refused, asked
from gateways.stripe.client import Stripe
from gateways.stripe.currencies import CURRENCIES
from gateways.stripe.payments import Payments
from gateways.undeclared import Undeclared


class StripeGateway(Undeclared):
    """Charges through one account of Stripe's."""

    name = "stripe"

    def __init__(self, stripe: Stripe, card_entry: CardEntry, *, moto: bool = False) -> None:
        by_token = card_entry is CardEntry.TOKENIZE
        self._stripe = stripe
        self._payments = Payments("automatic" if by_token else "manual", moto=moto)
        self.capabilities = Capabilities(
            card_entry=card_entry,
            currencies=CURRENCIES,
            refund=True,
            partial_refund=True,
            prepares=by_token,
        )

    def prepare(self, order: Order, *, holder: str | None = None) -> Prepared | Declined | Unknown:
        demand(self.name, self.capabilities, Verb.PREPARE, currency=order.currency)
        with self._stripe.visit() as visit:
            return self._payments.prepare(visit, order, holder)

    def charge(self, charge: Charge) -> Result:
        demand(self.name, self.capabilities, Verb.CHARGE, currency=charge.order.currency)
        with self._stripe.visit() as visit:
            return self._payments.charge(visit, charge)

    def capture(self, capture: Capture) -> Result:
        demand(self.name, self.capabilities, Verb.CAPTURE, currency=capture.currency)
        with self._stripe.visit() as visit:
            return payments.capture(visit, capture)

    def void(self, void: Void) -> Result:
        demand(self.name, self.capabilities, Verb.VOID)
        with self._stripe.visit() as visit:
            return payments.void(visit, void)

    def refund(self, refund: Refund) -> Result:
        demand(self.name, self.capabilities, Verb.REFUND, currency=refund.currency)
        with self._stripe.visit() as visit:
            return refunds.refund(visit, refund)

    def lookup(self, order: Order, *, fence: bool, reference: str | None = None) -> LookupResult:
        with self._stripe.visit() as visit:
            return self._payments.lookup(visit, order, fence=fence, reference=reference)

    def lookup_refund(self, refund: Refund, *, fence: bool) -> RefundFound:
        with self._stripe.visit() as visit:
            found = refunds.find(visit, refund)
        if isinstance(found, NotFound) and not fence:
            return Unknown("Stripe lists no such refund yet")
        return found

    def check(self) -> None:
        with self._stripe.visit() as visit:
            answer = asked(visit, lambda v1, options: v1.balance.retrieve({}, options))
        if isinstance(answer, Unknown):
            raise GatewayUnreachableError(
                f"Stripe at {self._stripe.base} does not answer ({answer.reason}): "
                "see that this machine reaches it, or set STRIPE_API_BASE."
            )
        if isinstance(answer, Refused):
            raise GatewayUnreachableError(
                f"Stripe refuses STRIPE_API_KEY (HTTP {answer.status}, {answer.said}): set a secret key of "
                "the account, or a restricted one with the rights that docs/gateways/stripe.md lists."
            )


def from_settings(settings: Mapping[str, Any]) -> StripeGateway:
    """The gateway by the settings STRIPE_*."""
    return StripeGateway(
        Stripe(settings["STRIPE_API_KEY"], settings["STRIPE_API_BASE"]),
        CardEntry(settings["STRIPE_CARD_ENTRY"]),
        moto=settings["STRIPE_MOTO"] == "yes",
    )
