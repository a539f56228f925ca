"""What every gateway adapter promises: a few verbs, and one result for every answer of the issuer.

Amounts are integer minor units with a currency. An issuer's answer is a value; an exception out of a verb is
a bug. Silence, a broken line, a 5xx and "I have seen this key before" are all `Unknown`, never a decline.
`tokenize.py` of an adapter is the only file that touches a card number, and only the PCI process imports it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from gateways.capability import Capabilities
from gateways.declines import Decline
from gateways.events import GatewayEvent
from gateways.secret import Secret
from gateways.settlement import PayoutLine


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be paid, without the card. Whoever names it again, in whichever process, uses the same
    words: an adapter may ask for it a second time under its key, to learn what became of it.
    """

    key: str
    """The attempt's id and the idempotency key: the same key takes money at most once."""
    amount_minor: int
    currency: str
    description: str = ""
    """What a payer recognises in the gateway's mails and dashboard."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Our references, for finance to find in the dashboard: attempt, payment, bill, call, channel."""
    statement: str = ""
    """What a payer recognises on the card's statement; the adapter cuts it to size."""
    placed_at: datetime | None = None
    """When the attempt was made; never sent. None: just now. A gateway forgets keys one day, and is not asked
    by key any more.
    """


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """An order and the card that pays it."""

    order: Order
    token: Secret
    reference: str | None = None
    """As `prepare` gave it; None where the gateway does not prepare."""
    gateway_customer_id: str | None = None
    """Of a saved card: whose it is, as `save_card` said."""
    keep_card: bool = False
    """The payer agreed that the card is kept: `save_card` follows once this is approved."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The gateway knows the order under this reference, and takes nothing before `charge` confirms it."""

    gateway_reference: str


@dataclass(frozen=True, slots=True)
class CaptureRequest:
    """Take the money of an authorization that the PCI process got under `key` (the attempt's id)."""

    key: str
    authorization: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class VoidRequest:
    """Release an authorization that nobody will capture."""

    key: str
    authorization: str


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """Give back all or part of a charge. `key` is the refund's id: the same key refunds at most once."""

    key: str
    gateway_reference: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class CardShown:
    """What may be shown of a card: its brand, as `visa` or `amex`, and its last four digits."""

    brand: str
    last_four: str


@dataclass(frozen=True, slots=True)
class Approved:
    """The money moved (or, for a void, the authorization is released)."""

    gateway_reference: str
    """What finance searches in the gateway's dashboard."""
    authorisation_code: str | None = None
    card: CardShown | None = None
    """The card that paid on a page of the gateway's, for the receipt. None: it was keyed to us and is known,
    or the gateway does not say.
    """


@dataclass(frozen=True, slots=True)
class Declined:
    """The issuer or the gateway said no, for certain: no money moved and none will under this key."""

    decline: Decline
    gateway_code: str
    """As the gateway said it, for the log; never spoken."""
    gateway_reference: str | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can say yet whether money moved. To be resolved by `lookup`, never by charging again."""

    reason: str
    retry_same_key: bool = False
    """The gateway's own error body says that this request was not processed: the same one may be sent again
    under its key (see `gateways.retry`). It says nothing of an earlier request under that key.
    """


@dataclass(frozen=True, slots=True)
class Authorized:
    """Found by a lookup: the issuer holds the money, and nobody captured it yet."""

    authorization: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Not charged, and the gateway can no longer charge under this key."""


@dataclass(frozen=True, slots=True)
class RefundNotFound:
    """The gateway knows of no such refund, and cannot rule out that one comes: ask again under its key."""


@dataclass(frozen=True, slots=True)
class NotThisCharge:
    """By the reference that a person named, no money was taken for this order, for certain."""

    reason: str
    """The end of a sentence for that person."""


Result = Approved | Declined | Unknown
LookupResult = Approved | Authorized | Declined | Cancelled | Unknown
RefundFound = Approved | Declined | Cancelled | RefundNotFound | Unknown
VerifiedCharge = Approved | NotThisCharge | Unknown


@dataclass(frozen=True, slots=True)
class PayLink:
    """An order to be paid on a page of the gateway's, by whoever has the link."""

    order: Order
    expires_at: datetime
    """From then on nobody can pay by it."""
    language: str
    """ISO 639-1: the page's language."""
    done_url: str
    """Where the payer is led once they paid. That they arrive there proves nothing."""
    left_url: str
    """Where the payer is led who leaves without paying."""


@dataclass(frozen=True, slots=True)
class LinkOpen:
    """The link can be paid until it expires or is closed."""

    gateway_reference: str
    url: str


@dataclass(frozen=True, slots=True)
class CardOnFile:
    """What a later charge is sent with: what stands for a card that the gateway keeps, never a number."""

    gateway_customer_id: str
    """Whom the gateway knows the customer as."""
    token: Secret


@dataclass(frozen=True, slots=True)
class CardDeleted:
    """The gateway can charge the card no more."""


LinkFound = Approved | LinkOpen | Cancelled | Unknown
SaveCardResult = CardOnFile | Declined | Unknown


class Gateway(Protocol):
    """The verbs of an adapter. Every one is safe to call from any thread and bounded in time (15 s at
    most). One that the capabilities do not declare raises UnsupportedError before anything is sent.
    """

    name: str
    capabilities: Capabilities

    def prepare(
        self, order: Order, *, gateway_customer_id: str | None = None
    ) -> Prepared | Declined | Unknown:
        """Makes the order known, and charges nothing. Unknown is harmless: what is not confirmed is never
        charged.
        """
        ...

    def charge(self, charge: ChargeRequest) -> Result: ...

    def capture(self, capture: CaptureRequest) -> Result: ...

    def void(self, void: VoidRequest) -> Result: ...

    def refund(self, refund: RefundRequest) -> Result: ...

    def lookup(self, order: Order, *, cancel: bool, reference: str | None = None) -> LookupResult:
        """What became of a charge or authorization. With `cancel`, one that has not happened never will.

        `reference` is the gateway's, as far as it is known. An order whose amount the issuer still holds is
        Authorized, never Declined: also after a refused capture.
        """
        ...

    def verify_charge(self, order: Order, reference: str) -> VerifiedCharge:
        """Whether a charge that a person found in the dashboard took this order's amount, under its key.
        Nothing is made or cancelled. The same for an order that is paid by link.
        """
        ...

    def lookup_refund(self, refund: RefundRequest, *, cancel: bool) -> RefundFound:
        """What became of a refund. With `cancel`, one that has not happened never will; a gateway that cannot
        promise that says RefundNotFound, and takes the same refund again under its key.
        """
        ...

    def refunded_externally(self, gateway_reference: str) -> int | Unknown:
        """What of a charge was given back by others than us, such as by hand in the dashboard; in minor
        units, and without what came back. Asked after a
        `RefundedExternally` or an `ExternalRefundFailed`.
        """
        ...

    def open_link(self, link: PayLink) -> LinkOpen | Declined | Unknown:
        """A page of the gateway's on which the order is paid once, until it expires or is closed."""
        ...

    def lookup_link(self, link: PayLink, *, close: bool, reference: str | None = None) -> LinkFound:
        """What became of a link. With `close`, one that is not paid can never be paid any more."""
        ...

    def save_card(
        self, key: str, token: Secret, *, charge_reference: str, gateway_customer_id: str | None
    ) -> SaveCardResult:
        """Keeps the card of an approved charge that was sent with `keep_card`. `key` makes a repeat harmless;
        `gateway_customer_id` is the customer's id at the gateway, None for one that it does not know yet.
        """
        ...

    def delete_card(self, card: CardOnFile) -> CardDeleted | Unknown:
        """The card can never be charged again. One that is forgotten already is CardDeleted."""
        ...

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> GatewayEvent:
        """A webhook of the gateway's, once its signature is proven; raises InvalidWebhookError otherwise."""
        ...

    def payout_lines(self, payout: str) -> tuple[PayoutLine, ...]:
        """What a payout is made of; raises GatewayUnreachableError. A job asks it: two minutes at most."""
        ...

    def dashboard_url(self, reference: str) -> str | None:
        """Where a person finds it in the gateway's dashboard; None where there is no such page."""
        ...

    def check(self) -> None:
        """For `doctor` and `readyz`: raises GatewayUnreachableError with a sentence that says what to
        mend.
        """
        ...


class GatewayUnreachableError(Exception):
    """The gateway does not answer or refuses our credentials; the message is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Card:
    """A card as it was keyed. Lives in the PCI process while the gateway is asked; what it did not process is
    asked again for some seconds.
    """

    number: Secret
    expiry_month: int = field(repr=False)
    expiry_year: int = field(repr=False)
    """Four digits."""
    code: Secret
    postal_code: Secret | None = None


@dataclass(frozen=True, slots=True)
class Tokenized:
    """The gateway keeps the card; this token stands for it, once."""

    token: Secret


@dataclass(frozen=True, slots=True)
class CardAuthorized:
    """The issuer holds the amount; the worker captures or voids it."""

    authorization: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The gateway could not be asked, and holds nothing of this card."""

    reason: str
    retry_same_key: bool = False
    """As of `Unknown`."""


class Tokenizer(Protocol):
    """The PCI side of an adapter whose `card_entry` is TOKENIZE. `key` makes a repeat harmless."""

    def tokenize(self, card: Card, *, key: str) -> Tokenized | Declined | Unavailable: ...


class Authorizer(Protocol):
    """The PCI side of an adapter whose `card_entry` is AUTHORIZE.

    Unknown means that the issuer may hold the amount: the worker looks the key up, and voids or captures.
    """

    def authorize(self, card: Card, order: Order) -> CardAuthorized | Declined | Unknown: ...
