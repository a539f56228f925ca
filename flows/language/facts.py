"""The facts that a call puts into a flow's state, and the state that every flow's state extends.

Facts are frozen records of plain values, so that a session can be kept as JSON and survive a deploy: an
unknown field is dropped, a missing one takes its default.
"""

from dataclasses import dataclass
from datetime import date

from flows.language.words import Amount, Translation


class NotBroughtError(LookupError):
    """A step needs a fact that no step before it has brought, or that one has taken away since."""


@dataclass(frozen=True, slots=True)
class BillFacts:
    """One bill as the caller hears of it."""

    reference: str
    due: Amount
    """What can be paid now: billed, less paid, less reserved by payments under way."""
    minimum: Amount
    """The least that a part payment may be; never above `due`."""
    due_date: date | None = None
    most: Amount | None = None
    """What one payment can be at most, where the gateway does not take all of `due` at once; 0: it takes
    nothing of it.
    """


BRANDS = {
    "visa": "Visa",
    "mastercard": "Mastercard",
    "amex": "American Express",
    "discover": "Discover",
    "diners": "Diners Club",
    "jcb": "JCB",
    "unionpay": "UnionPay",
    "maestro": "Maestro",
}
"""The brands of cards by our code, as they are said and written."""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """A card as anyone outside the PCI process may know it."""

    brand: str
    """One of `BRANDS`, or another code that the gateway uses."""
    last_four: str


@dataclass(frozen=True, slots=True)
class ReceiptFacts:
    """A charge that was approved, or promised to be settled."""

    reference: str
    """Eight digits for the caller to note."""
    amount: Amount
    texted: bool
    """Whether a text can be promised."""


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """A link by which the caller can pay."""

    reference: str
    """Eight digits: the payment's."""
    amount: Amount
    minutes: int
    """How long it can still be paid."""


@dataclass(frozen=True, slots=True)
class CallState:
    """What every flow's state begins with; the server fills these when the call begins.

    A flow's state is a frozen dataclass that extends this one; all its own fields have defaults.
    """

    merchant: str = ""
    """The merchant's name, as callers hear it."""
    language_known: bool = False
    """The language follows from the number called or from an earlier call."""
    languages: tuple[str, ...] = ("en", "es")
    can_text: bool = False
    """The caller's number is known and takes texts."""
    card_first: bool = True
    """Whether the card may be keyed before the amount is confirmed (the gateway tokenizes)."""
    person_available: bool = False
    """Whether a person can be rung (a number is configured)."""
    saved_cards: bool = False
    """Cards may be kept for this caller, and offered to them: their number is known and not found forged."""
    bill: BillFacts | None = None
    card: CardFacts | None = None
    """The card that was keyed."""
    saved_card: CardFacts | None = None
    """The one that is kept for this caller, where it was looked for."""
    another_card: bool = True
    """Behind a declined card: whether another one would be taken in this call."""
    may_be_pending: bool = False
    """The caller's bank may have held an amount that nobody will take: it shows until it is released."""
    slow_speech: bool = False
    """Whether the voices can speak slower, for who asks for it."""
    other_ways: tuple[Translation, ...] = ()
    """How else the merchant can be paid, in its own words; empty: nothing is said."""
    reference_place: tuple[Translation, ...] = ()
    """Where a payer finds the reference, in the merchant's own words; empty: nothing is said."""
    receipt: ReceiptFacts | None = None
    link: LinkFacts | None = None
