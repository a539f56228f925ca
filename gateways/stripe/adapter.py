"""Stripe as the web and worker processes know it: every verb but those that touch a card number.

Each verb refuses what is not declared, and is one visit to Stripe: at most 15 s in all, the library's retries
under our key included. What Stripe does not say for certain is `Unknown`.
"""

from collections.abc import Mapping
from http import HTTPStatus

from gateways.capability import Capabilities, CardEntry, Verb, require
from gateways.contract import (
    CaptureRequest,
    CardDeleted,
    CardOnFile,
    CardSaving,
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
    Unknown,
    VerifiedCharge,
    VoidRequest,
)
from gateways.events import GatewayEvent
from gateways.secret import Secret
from gateways.settlement import PayoutLine
from gateways.stripe import dashboard, payments, refunds, saved_cards, settlement, webhooks
from gateways.stripe.answers import StripeRefusal, ask
from gateways.stripe.client import Stripe
from gateways.stripe.currencies import CURRENCIES, LEAST_MINOR, MOST_MINOR, STEP_MINOR
from gateways.stripe.declines import KNOWN
from gateways.stripe.links import CheckoutLinks
from gateways.stripe.payments import Payments
from gateways.stripe.settings import StripeSettings
from gateways.unsupported import UnsupportedVerbs

_KEY_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


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
        require(self.name, self.capabilities, Verb.PREPARE, currency=order.currency)
        with self._stripe.session() as api:
            return self._payments.prepare(api, order, gateway_customer_id)

    def charge(self, charge: ChargeRequest) -> Result:
        require(self.name, self.capabilities, Verb.CHARGE, currency=charge.order.currency)
        with self._stripe.session() as api:
            return self._payments.charge(api, charge)

    def capture(self, capture: CaptureRequest) -> Result:
        require(self.name, self.capabilities, Verb.CAPTURE, currency=capture.currency)
        with self._stripe.session() as api:
            return payments.capture(api, capture)

    def void(self, void: VoidRequest) -> Result:
        require(self.name, self.capabilities, Verb.VOID)
        with self._stripe.session() as api:
            return payments.void(api, void)

    def refund(self, refund: RefundRequest) -> Result:
        require(self.name, self.capabilities, Verb.REFUND, currency=refund.currency)
        with self._stripe.session() as api:
            return refunds.refund(api, refund)

    def lookup(self, order: Order, *, cancel: bool, reference: str | None = None) -> LookupResult:
        with self._stripe.session() as api:
            return self._payments.lookup(api, order, cancel=cancel, reference=reference)

    def verify_charge(self, order: Order, reference: str) -> VerifiedCharge:
        with self._stripe.session() as api:
            return payments.verify_charge(api, order, reference)

    def lookup_refund(self, refund: RefundRequest, *, cancel: bool) -> RefundFound:
        with self._stripe.session() as api:
            found = refunds.find(api, refund)
        if isinstance(found, RefundNotFound) and not cancel:
            return Unknown("Stripe lists no such refund yet")
        return found

    def refunded_externally(self, gateway_reference: str) -> int | Unknown:
        with self._stripe.session() as api:
            return refunds.refunded_externally(api, gateway_reference)

    def open_link(self, link: PayLink) -> LinkOpen | Declined | Unknown:
        require(self.name, self.capabilities, Verb.OPEN_LINK, currency=link.order.currency)
        with self._stripe.session() as api:
            return self._links.open(api, link)

    def lookup_link(self, link: PayLink, *, close: bool, reference: str | None = None) -> LinkFound:
        with self._stripe.session() as api:
            return self._links.lookup(api, link, close=close, reference=reference)

    def save_card(
        self,
        key: str,
        token: Secret,
        *,
        charge_reference: str,  # noqa: ARG002 - the card is known by its token
        gateway_customer_id: str | None,
    ) -> CardSaving:
        require(self.name, self.capabilities, Verb.SAVE_CARD)
        with self._stripe.session() as api:
            return saved_cards.save(api, key, token, gateway_customer_id)

    def delete_card(self, card: CardOnFile) -> CardDeleted | Unknown:
        require(self.name, self.capabilities, Verb.SAVE_CARD)
        with self._stripe.session() as api:
            return saved_cards.forget(api, card)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> GatewayEvent:
        require(self.name, self.capabilities, Verb.PARSE_WEBHOOK)
        return webhooks.parse_webhook(self._webhook_secrets, headers, body, live=self._stripe.live)

    def payout_lines(self, payout: str) -> tuple[PayoutLine, ...]:
        with self._stripe.session(in_all_s=settlement.IN_ALL_S) as api:
            return settlement.lines(api, payout)

    def dashboard_url(self, reference: str) -> str | None:
        return dashboard.url(reference, live=self._stripe.live)

    def check(self) -> None:
        with self._stripe.session() as api:
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
