"""Stripe as the web and worker processes know it: every verb but those that touch a card number.

Each verb refuses what is not declared, and takes at most 15 s in all, with the library's retries under our
key. What Stripe does not say for certain is `Unknown`.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus

from gateways.capability import Capabilities, CardEntry, GatewayVerb, require
from gateways.contract import (
    CaptureRequest,
    CardDeleted,
    CardOnFile,
    ChargeRequest,
    Declined,
    GatewayUnreachableError,
    LinkFound,
    LinkOpen,
    LookupResult,
    Order,
    PayLink,
    Prepared,
    RefundFound,
    RefundNotFound,
    RefundRequest,
    Result,
    SaveCardResult,
    Unknown,
    VerifiedCharge,
    VoidRequest,
)
from gateways.events import GatewayEvent
from gateways.secret import Secret
from gateways.settlement import PayoutLine
from gateways.stripe import payments, refunds, saved_cards, settlement, webhooks
from gateways.stripe.answers import StripeRefusal, ask
from gateways.stripe.client import Stripe
from gateways.stripe.currencies import CURRENCIES, LEAST_MINOR, MOST_MINOR, STEP_MINOR
from gateways.stripe.declines import KNOWN
from gateways.stripe.links import CheckoutLinks
from gateways.stripe.payments import Payments
from gateways.stripe.settings import StripeSettings
from gateways.unsupported import UnsupportedVerbs

_KEY_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})

_PAGES = {
    "pi": "payments",
    "ch": "payments",
    "py": "payments",
    "cus": "customers",
    "dp": "disputes",
    "du": "disputes",
    "po": "payouts",
}
_FOUND_BY_SEARCH = frozenset({"re", "pyr", "cs"})
_REFERENCE = re.compile(r"([a-z]{2,3})_[A-Za-z0-9_]{1,120}")


class StripeGateway(UnsupportedVerbs):
    """Charges through one account of Stripe's."""

    name = "stripe"

    def __init__(
        self,
        stripe: Stripe,
        card_entry: CardEntry,
        *,
        moto: bool = False,
        webhook_secrets: tuple[Secret, ...] = (),
    ) -> None:
        by_token = card_entry is CardEntry.TOKENIZE
        self._stripe = stripe
        self._links = CheckoutLinks()
        self._webhook_secrets = webhook_secrets
        self._payments = Payments("automatic" if by_token else "manual", moto=moto)
        self.capabilities = Capabilities(
            card_entry=card_entry,
            currencies=CURRENCIES,
            minimum_amounts=LEAST_MINOR,
            maximum_amounts=MOST_MINOR,
            amount_steps=STEP_MINOR,
            refund=True,
            partial_refund=True,
            prepares=by_token,
            links=True,
            saves_cards=by_token,
            webhooks=bool(webhook_secrets),
            settlement=True,
            decline_codes=KNOWN,
        )

    def prepare(
        self, order: Order, *, gateway_customer_id: str | None = None
    ) -> Prepared | Declined | Unknown:
        require(self.name, self.capabilities, GatewayVerb.PREPARE, currency=order.currency)
        return self._payments.prepare(self._stripe.session(), order, gateway_customer_id)

    def charge(self, charge: ChargeRequest) -> Result:
        require(self.name, self.capabilities, GatewayVerb.CHARGE, currency=charge.order.currency)
        return self._payments.charge(self._stripe.session(), charge)

    def capture(self, capture: CaptureRequest) -> Result:
        require(self.name, self.capabilities, GatewayVerb.CAPTURE, currency=capture.currency)
        return payments.capture(self._stripe.session(), capture)

    def void(self, void: VoidRequest) -> Result:
        require(self.name, self.capabilities, GatewayVerb.VOID)
        return payments.void(self._stripe.session(), void)

    def refund(self, refund: RefundRequest) -> Result:
        require(self.name, self.capabilities, GatewayVerb.REFUND, currency=refund.currency)
        return refunds.refund(self._stripe.session(), refund)

    def lookup(self, order: Order, *, cancel: bool, reference: str | None = None) -> LookupResult:
        return self._payments.lookup(self._stripe.session(), order, cancel=cancel, reference=reference)

    def verify_charge(self, order: Order, reference: str) -> VerifiedCharge:
        return payments.verify_charge(self._stripe.session(), order, reference)

    def lookup_refund(self, refund: RefundRequest, *, cancel: bool) -> RefundFound:
        found = refunds.find(self._stripe.session(), refund)
        if isinstance(found, RefundNotFound) and not cancel:
            return Unknown("Stripe lists no such refund yet")
        return found

    def refunded_externally(self, gateway_reference: str) -> int | Unknown:
        return refunds.refunded_externally(self._stripe.session(), gateway_reference)

    def open_link(self, link: PayLink) -> LinkOpen | Declined | Unknown:
        require(self.name, self.capabilities, GatewayVerb.OPEN_LINK, currency=link.order.currency)
        return self._links.open(self._stripe.session(), link)

    def lookup_link(self, link: PayLink, *, close: bool, reference: str | None = None) -> LinkFound:
        return self._links.lookup(self._stripe.session(), link, close=close, reference=reference)

    def save_card(
        self,
        key: str,
        token: Secret,
        *,
        charge_reference: str,  # noqa: ARG002 - the card is known by its token
        gateway_customer_id: str | None,
    ) -> SaveCardResult:
        require(self.name, self.capabilities, GatewayVerb.SAVE_CARD)
        return saved_cards.save(self._stripe.session(), key, token, gateway_customer_id)

    def delete_card(self, card: CardOnFile) -> CardDeleted | Unknown:
        require(self.name, self.capabilities, GatewayVerb.SAVE_CARD)
        return saved_cards.forget(self._stripe.session(), card)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> GatewayEvent:
        require(self.name, self.capabilities, GatewayVerb.PARSE_WEBHOOK)
        return webhooks.parse_webhook(self._webhook_secrets, headers, body, live=self._stripe.live)

    def payout_lines(self, payout: str) -> tuple[PayoutLine, ...]:
        return settlement.lines(self._stripe.session(in_all_s=settlement.IN_ALL_S), payout)

    def dashboard_url(self, reference: str) -> str | None:
        """What has a page of its own is linked; the rest is found by the dashboard's search."""
        named = _REFERENCE.fullmatch(reference)
        kind = named[1] if named else ""
        home = "https://dashboard.stripe.com" if self._stripe.live else "https://dashboard.stripe.com/test"
        if kind in _FOUND_BY_SEARCH:
            return f"{home}/search?query={reference}"
        return f"{home}/{_PAGES[kind]}/{reference}" if kind in _PAGES else None

    def check(self) -> None:
        api = self._stripe.session()
        answer = ask(api, lambda v1, options: v1.balance.retrieve({}, options))
        if isinstance(answer, StripeRefusal) and answer.status not in _KEY_REFUSED:
            answer = answer.unknown()  # a limit, or a fault of its own: nothing is wrong with the key
        if isinstance(answer, Unknown):
            raise GatewayUnreachableError(
                f"Stripe at {self._stripe.base} does not answer ({answer.reason}): "
                "check this machine's network and STRIPE_API_BASE."
            )
        if isinstance(answer, StripeRefusal):
            raise GatewayUnreachableError(
                f"Stripe refuses STRIPE_API_KEY (HTTP {answer.status}, {answer.said}): set a secret key of "
                "the account, or a restricted one with the rights that docs/gateways/stripe.md lists."
            )


def from_settings(settings: StripeSettings) -> StripeGateway:
    """The gateway as its settings have it."""
    return StripeGateway(
        Stripe(settings.api_key, settings.api_base),
        CardEntry(settings.card_entry),
        moto=settings.moto,
        webhook_secrets=settings.webhook_secrets,
    )
