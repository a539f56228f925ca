"""The sandbox gateway as the web and worker processes know it: every verb but those that touch a card number.

Each verb refuses what is not declared, sends one request, and reads one answer; at most 12 s in all. A lost
answer is `Unknown`, and nothing here ever sends a second time.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from gateways.capability import Capabilities, CardEntry, GatewayVerb, require
from gateways.contract import (
    Approved,
    Authorized,
    Cancelled,
    CaptureRequest,
    CardDeleted,
    CardOnFile,
    ChargeRequest,
    Declined,
    GatewayUnreachableError,
    LinkFound,
    LinkOpen,
    LookupResult,
    NotThisCharge,
    Order,
    PayLink,
    RefundFound,
    RefundRequest,
    Result,
    SaveCardResult,
    Unknown,
    VerifiedCharge,
    VoidRequest,
)
from gateways.events import GatewayEvent, InvalidWebhookError
from gateways.sandbox import webhooks
from gateways.sandbox.answers import KNOWN_DECLINES, BankAnswer, card_deleted, card_saved, read_answer
from gateways.sandbox.client import BankClient, NoBankReply, order_fields, sealed
from gateways.sandbox.currencies import AMOUNT_MAX_MINOR, CURRENCIES
from gateways.sandbox.settings import SandboxSettings
from gateways.secret import Secret
from gateways.unsupported import UnsupportedVerbs

_BANK = "paybycall sandbox bank"


class SandboxGateway(UnsupportedVerbs):
    """Charges through the sandbox bank."""

    name = "sandbox"

    def __init__(
        self,
        client: BankClient,
        card_entry: CardEntry,
        *,
        webhook_secret: Secret | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._now = now
        self._webhook_secret = webhook_secret or None
        self.capabilities = Capabilities(
            card_entry=card_entry,
            currencies=CURRENCIES,
            maximum_amounts=dict.fromkeys(CURRENCIES, AMOUNT_MAX_MINOR),
            refund=True,
            partial_refund=True,
            links=True,
            webhooks=self._webhook_secret is not None,
            decline_codes=KNOWN_DECLINES,
            saves_cards=card_entry is CardEntry.TOKENIZE,
        )

    def charge(self, charge: ChargeRequest) -> Result:
        order = charge.order
        require(self.name, self.capabilities, GatewayVerb.CHARGE, currency=order.currency)
        asked = {
            **order_fields(order),
            "token": charge.token,
            "keep_card": charge.keep_card,
            "holder": charge.gateway_customer_id,
        }
        return _money_moved(self._ask("/charges", asked))

    def capture(self, capture: CaptureRequest) -> Result:
        require(self.name, self.capabilities, GatewayVerb.CAPTURE, currency=capture.currency)
        asked = {
            "key": capture.key,
            "authorization": capture.authorization,
            "amount_minor": capture.amount_minor,
            "currency": capture.currency,
        }
        return _money_moved(self._ask("/captures", asked))

    def void(self, void: VoidRequest) -> Result:
        """Approved where the authorization is released; Unknown where it was captured: look it up."""
        require(self.name, self.capabilities, GatewayVerb.VOID)
        answer = self._ask("/voids", {"key": void.key, "authorization": void.authorization})
        if isinstance(answer, Unknown):
            return answer
        return Approved(answer.reference) if answer.state == "voided" else answer.unclear()

    def refund(self, refund: RefundRequest) -> Result:
        require(self.name, self.capabilities, GatewayVerb.REFUND, currency=refund.currency)
        asked = {
            "key": refund.key,
            "charge": refund.gateway_reference,
            "amount_minor": refund.amount_minor,
            "currency": refund.currency,
        }
        return _money_moved(self._ask("/refunds", asked))

    def lookup(
        self,
        order: Order,
        *,
        cancel: bool,
        reference: str | None = None,  # noqa: ARG002 - this bank finds everything by our key
    ) -> LookupResult:
        answer = self._look(order.key, cancel=cancel)
        if isinstance(answer, BankAnswer) and answer.state == "authorized":
            return Authorized(answer.reference)
        return _found(answer)

    def verify_charge(self, order: Order, reference: str) -> VerifiedCharge:
        answer = self._look(order.key, cancel=False)
        if isinstance(answer, Unknown):
            return answer
        if answer.state == "pending":
            return answer.unclear()
        if answer.state != "approved":
            return NotThisCharge(f"the bank says that this payment is {answer.state}")
        if (answer.amount_minor, answer.currency) != (order.amount_minor, order.currency):
            return NotThisCharge("the bank charged another amount for this payment")
        if answer.reference != reference:
            return NotThisCharge(f"at the bank the charge of this payment is {answer.reference}")
        return Approved(answer.reference, answer.authorisation_code)

    def lookup_refund(self, refund: RefundRequest, *, cancel: bool) -> RefundFound:
        return _found(self._look(refund.key, cancel=cancel))

    def open_link(self, link: PayLink) -> LinkOpen | Declined | Unknown:
        require(self.name, self.capabilities, GatewayVerb.OPEN_LINK, currency=link.order.currency)
        answer = self._ask(
            "/links",
            {
                **order_fields(link.order),
                "language": link.language,
                "done_url": link.done_url,
                "left_url": link.left_url,
                "expires_at": link.expires_at.isoformat(),
            },
        )
        if isinstance(answer, Unknown):
            return answer
        return self._open_page(answer) if answer.state == "open" else answer.unclear()

    def lookup_link(
        self,
        link: PayLink,
        *,
        close: bool,
        reference: str | None = None,  # noqa: ARG002 - this bank finds everything by our key
    ) -> LinkFound:
        require(self.name, self.capabilities, GatewayVerb.OPEN_LINK)
        answer = self._ask("/link-lookups", {"key": link.order.key, "close": close})
        if isinstance(answer, Unknown):
            return answer
        match answer.state:
            case "open":
                return self._open_page(answer)
            case "approved":
                return Approved(answer.reference, answer.authorisation_code, answer.card)
            case "closed" | "fenced":
                return Cancelled()
            case _:
                return answer.unclear()

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> GatewayEvent:
        require(self.name, self.capabilities, GatewayVerb.PARSE_WEBHOOK)
        if self._webhook_secret is None:
            raise InvalidWebhookError("no secret is set")
        return webhooks.parse_webhook(self._webhook_secret, headers, body, self._now())

    def dashboard_url(self, reference: str) -> str | None:
        return f"{self._client.url}/?id={reference}"

    def save_card(
        self, key: str, token: Secret, *, charge_reference: str, gateway_customer_id: str | None
    ) -> SaveCardResult:
        """The bank keeps the very token that was charged: from now on it pays more than once."""
        require(self.name, self.capabilities, GatewayVerb.SAVE_CARD)
        asked = {"key": key, "token": token, "charge": charge_reference, "holder": gateway_customer_id}
        return card_saved(self._client.post("/saved-cards", sealed(asked)), token)

    def delete_card(self, card: CardOnFile) -> CardDeleted | Unknown:
        require(self.name, self.capabilities, GatewayVerb.SAVE_CARD)
        asked = {"token": card.token, "holder": card.gateway_customer_id}
        return card_deleted(self._client.post("/saved-cards/forgotten", sealed(asked)))

    def check(self) -> None:
        reply = self._client.get("/health")
        if isinstance(reply, NoBankReply):
            raise GatewayUnreachableError(
                f"The sandbox bank at {self._client.url} does not answer ({reply.reason}): "
                "start it with `paybycall sandbox`, or correct SANDBOX_URL."
            )
        if reply.status != HTTPStatus.OK or reply.body.get("bank") != _BANK:
            raise GatewayUnreachableError(
                f"What answers at {self._client.url} is not the sandbox bank: correct SANDBOX_URL."
            )

    def _open_page(self, answer: BankAnswer) -> LinkOpen | Unknown:
        if not answer.reference:
            return Unknown("the bank says open without a reference")
        return LinkOpen(answer.reference, f"{self._client.url}/pay/{answer.reference}")

    def _look(self, key: str, *, cancel: bool) -> BankAnswer | Unknown:
        return self._ask("/lookups", {"key": key, "fence": cancel})

    def _ask(self, path: str, asked: Mapping[str, Any]) -> BankAnswer | Unknown:
        return read_answer(self._client.post(path, sealed(asked)))


def _found(answer: BankAnswer | Unknown) -> Approved | Declined | Cancelled | Unknown:
    if isinstance(answer, BankAnswer) and answer.state in {"fenced", "voided"}:
        return Cancelled()
    return _money_moved(answer)


def _money_moved(answer: BankAnswer | Unknown) -> Approved | Declined | Unknown:
    if isinstance(answer, Unknown):
        return answer
    if answer.state == "approved":
        return Approved(answer.reference, answer.authorisation_code)
    return answer.declined() or answer.unclear()


def from_settings(settings: SandboxSettings) -> SandboxGateway:
    """The gateway as its settings have it."""
    return SandboxGateway(
        BankClient(settings.url), CardEntry(settings.card_entry), webhook_secret=settings.webhook_secret
    )
