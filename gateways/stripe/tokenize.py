"""Stripe as the PCI process knows it: the only file that reads a card number.

The bare digits stand in one expression, on their way into the library's request; nothing is logged but plain
codes, and a lost answer is told without them. Stripe has to have allowed the account to send card numbers:
see docs/gateways/stripe.md.
"""

import logging
from dataclasses import dataclass
from http import HTTPStatus

from gateways.capability import Capabilities, CardEntry, GatewayVerb, require
from gateways.contract import Card, CardAuthorized, Declined, Order, Tokenized, Unavailable, Unknown
from gateways.secret import Secret
from gateways.stripe.answers import StripeFields, StripeRefusal, ask
from gateways.stripe.client import Stripe, StripeSession
from gateways.stripe.currencies import CURRENCIES
from gateways.stripe.intents import Intent, card_declined, confirm_intent, create_intent, declined_by_gateway
from gateways.stripe.settings import StripeCardSettings

_KEY_UNKNOWN = 401
_AUTHORIZES = Capabilities(card_entry=CardEntry.AUTHORIZE, currencies=CURRENCIES)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StripeTokenizer:
    """Tokenizes and authorizes at Stripe: which of the two is asked is the web process's choice."""

    stripe: Stripe
    moto: bool

    def tokenize(self, card: Card, *, key: str) -> Tokenized | Declined | Unavailable:
        """A PaymentMethod. A repeat under the same key within a day gives the same one."""
        api = self.stripe.session()
        made = _payment_method(api, card, key)
        if isinstance(made, Secret):
            return Tokenized(made)
        if isinstance(made, StripeRefusal):
            made = made.unknown()
        if isinstance(made, Unknown):
            return Unavailable(made.reason, made.retry_same_key)
        return made

    def authorize(self, card: Card, order: Order) -> CardAuthorized | Declined | Unknown:
        require("stripe", _AUTHORIZES, GatewayVerb.AUTHORIZE, currency=order.currency)
        api = self.stripe.session()
        token = _payment_method(api, card, order.key)
        if not isinstance(token, Secret):
            return _nothing_held(token)
        made = create_intent(api, order, "manual")
        if isinstance(made, StripeRefusal):
            return declined_by_gateway(made) if made.nothing_done else made.unknown()
        if isinstance(made, Unknown):
            return made
        held = confirm_intent(api, order.key, made.reference, token, moto=self.moto)
        if not isinstance(held, Intent):
            return held
        if held.state == "requires_capture" and held.is_of(order) and held.held_minor == order.amount_minor:
            return CardAuthorized(held.reference)
        return held.unclear()


def _nothing_held(answer: Declined | StripeRefusal | Unknown) -> Declined | Unknown:
    """If Stripe does not accept the number, nothing was confirmed: that is certain, and the caller's bank was
    not asked.
    """
    if not isinstance(answer, StripeRefusal):
        return answer
    return declined_by_gateway(answer) if _nothing_made(answer) else answer.unknown()


def _nothing_made(refused: StripeRefusal) -> bool:
    """Whether Stripe will not have the number; otherwise it was only busy, or broke."""
    return refused.nothing_done or refused.status == HTTPStatus.PAYMENT_REQUIRED


def _payment_method(api: StripeSession, card: Card, key: str) -> Secret | Declined | StripeRefusal | Unknown:
    answer = ask(
        api,
        lambda v1, options: v1.payment_methods.create(
            {
                "type": "card",
                "card": {
                    "number": card.number.reveal(),
                    "exp_month": card.expiry_month,
                    "exp_year": card.expiry_year,
                    "cvc": card.code.reveal(),
                },
                **(
                    {"billing_details": {"address": {"postal_code": card.postal_code.reveal()}}}
                    if card.postal_code
                    else {}
                ),
            },
            options,
        ),
        key=f"{key}:card",
    )
    if isinstance(answer, StripeFields):
        return answer.secret("id") or Unknown("Stripe's answer is not a payment method that can be read")
    if isinstance(answer, StripeRefusal):
        if answer.by_the_card:
            return card_declined(answer.error, None)
        if answer.status == _KEY_UNKNOWN:
            _log.error(
                "Stripe does not know STRIPE_API_KEY of the PCI process (HTTP 401): set a key of the account."
            )
        elif _nothing_made(answer):
            _log.error(
                "Stripe refused the card number (HTTP %s, %s): ask Stripe to enable the raw card data APIs "
                "for the account, and check STRIPE_API_KEY of the PCI process; see docs/gateways/stripe.md.",
                answer.status,
                answer.said,
            )
    return answer


def from_settings(settings: StripeCardSettings) -> StripeTokenizer:
    """The PCI side as its settings have it."""
    return StripeTokenizer(Stripe(settings.api_key, settings.api_base), moto=settings.moto)
