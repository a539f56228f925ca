"""What every gateway adapter promises: facts, a few verbs, and one result for every answer of the issuer.

May import `gateways.declines` and `gateways.secret` alone. Amounts are integer minor units with a currency.
An issuer's answer is a value; an exception out of a verb is a bug. Silence, a broken line, a 5xx and
"I have seen this key before" are all `Unknown`, never a decline. `tokenize.py` of an adapter is the only
file that touches a card number, and only the PCI process imports it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from gateways.declines import Decline
from gateways.secret import Secret


class CardEntry(StrEnum):
    """What the PCI process does with the digits."""

    TOKENIZE = "tokenize"
    """The gateway makes a token; amount and confirmation may come after the card."""
    AUTHORIZE = "authorize"
    """The gateway has no tokens: PCI authorizes, the worker captures or voids."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The facts of a gateway. What is not declared is refused before anything is sent."""

    card_entry: CardEntry
    currencies: frozenset[str] | None = None
    """ISO codes; None: whatever the merchant's account takes."""
    refund: bool = False
    partial_refund: bool = False
    postal_code: bool = False
    """Whether card entry asks the payer's postal code."""
    live: bool = True
    """False for a sandbox: production refuses it."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One charge. `key` is the attempt's id and the idempotency key: the same key charges at most once."""

    key: str
    token: Secret
    amount_minor: int
    currency: str
    description: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Our references, for finance to find in the gateway's dashboard: bill, call, attempt."""


@dataclass(frozen=True, slots=True)
class Capture:
    """Take the money of an authorization that the PCI process got under `key` (the attempt's id)."""

    key: str
    authorization: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Void:
    """Release an authorization that nobody will capture."""

    key: str
    authorization: str


@dataclass(frozen=True, slots=True)
class Refund:
    """Give back all or part of a charge. `key` is the refund's id: the same key refunds at most once."""

    key: str
    gateway_reference: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Approved:
    """The money moved (or, for a void, the authorization is released)."""

    gateway_reference: str
    """What finance searches in the gateway's dashboard."""
    authorisation_code: str | None = None


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


@dataclass(frozen=True, slots=True)
class Authorized:
    """Found by a lookup: the issuer holds the money, and nobody captured it yet."""

    authorization: str


@dataclass(frozen=True, slots=True)
class Fenced:
    """Not charged, and the gateway can no longer charge under this key."""


Result = Approved | Declined | Unknown
LookupResult = Approved | Authorized | Declined | Fenced | Unknown


class Gateway(Protocol):
    """The verbs of an adapter. Every one is safe to call from any thread and bounded in time (15 s at
    most).
    """

    name: str
    capabilities: Capabilities

    def charge(self, charge: Charge) -> Result: ...

    def capture(self, capture: Capture) -> Result: ...

    def void(self, void: Void) -> Result: ...

    def refund(self, refund: Refund) -> Result: ...

    def lookup(self, key: str, *, fence: bool) -> LookupResult:
        """What became of a charge, authorization or refund. With `fence`, one that has not happened never
        will.

        A key whose amount the issuer still holds is Authorized, never Declined: also after a refused capture.
        """
        ...

    def check(self) -> None:
        """For `doctor` and `readyz`: raises GatewayUnreachableError with a sentence that says what to
        mend.
        """
        ...


class GatewayUnreachableError(Exception):
    """The gateway does not answer or refuses our credentials; the message is a sentence for the operator."""


class UnsupportedError(Exception):
    """The gateway does not declare this capability; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Card:
    """A card as it was keyed. Lives in the PCI process for the moment of one call to the gateway."""

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


class Tokenizer(Protocol):
    """The PCI side of an adapter whose `card_entry` is TOKENIZE. `key` makes a repeat harmless."""

    def tokenize(self, card: Card, *, key: str) -> Tokenized | Declined | Unavailable: ...


class Authorizer(Protocol):
    """The PCI side of an adapter whose `card_entry` is AUTHORIZE. `key` is the attempt's id.

    Unknown means that the issuer may hold the amount: the worker looks the key up, and voids or captures.
    """

    def authorize(
        self, card: Card, *, key: str, amount_minor: int, currency: str, description: str
    ) -> CardAuthorized | Declined | Unknown: ...
