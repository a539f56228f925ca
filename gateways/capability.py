"""The facts of a gateway, as it declares them; what it does not declare is refused before anything is sent.

Every verb of an adapter calls `require` first. The contract suite calls each undeclared verb, and looks that
no request reached the gateway.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


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
    minimum_amounts: Mapping[str, int] = field(default_factory=dict)
    """By ISO code, the least that one charge may take, in minor units; a currency not named has no least."""
    maximum_amounts: Mapping[str, int] = field(default_factory=dict)
    """By ISO code, the most that one charge may take, in minor units; a currency not named has no most."""
    amount_steps: Mapping[str, int] = field(default_factory=dict)
    """By ISO code, what every amount has to be a multiple of; a currency not named takes any."""
    refund: bool = False
    partial_refund: bool = False
    postal_code: bool = False
    """Whether card entry asks the payer's postal code."""
    prepares: bool = False
    """A charge is made first and its reference kept, then confirmed: `prepare` comes before `charge`."""
    links: bool = False
    """Payment pages of the gateway's own, with an expiry: `open_link`, `lookup_link`."""
    saves_cards: bool = False
    """A card can be kept for a customer's next payment: `save_card`, `forget_card`."""
    webhooks: bool = False
    """The gateway posts webhooks: `parse_webhook`."""
    settlement: bool = False
    """The lines of a payout can be asked for: `payout_lines`."""
    decline_codes: frozenset[str] = frozenset()
    """The gateway's codes whose meaning the adapter knows; another one is GENERIC, and counted."""

    def accepts(self, amount_minor: int, currency: str) -> bool:
        """Whether a charge of this amount is not refused for the amount alone, whatever the card."""
        known = self.currencies is None or currency in self.currencies
        fits = amount_minor % self.amount_steps.get(currency, 1) == 0
        least_minor = self.minimum_amounts.get(currency, 0)
        return (
            known and fits and least_minor <= amount_minor <= self.maximum_amounts.get(currency, amount_minor)
        )

    def largest_charge(self, due_minor: int, currency: str) -> int:
        """The most of what is due that one charge can take, in minor units; 0 where it can take nothing."""
        most_minor = min(due_minor, self.maximum_amounts.get(currency, due_minor))
        most_minor -= most_minor % self.amount_steps.get(currency, 1)
        return most_minor if self.accepts(most_minor, currency) else 0


class UnsupportedError(Exception):
    """The gateway does not declare this capability; nothing was sent."""


class GatewayVerb(StrEnum):
    """What is asked of a gateway that not every gateway can do."""

    TOKENIZE = "tokenize"
    CHARGE = "charge"
    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    PREPARE = "prepare"
    OPEN_LINK = "open a payment link"
    SAVE_CARD = "save a card"
    PARSE_WEBHOOK = "send webhooks"
    PAYOUT_LINES = "list a payout"


_CARD_ENTRY = {
    GatewayVerb.TOKENIZE: CardEntry.TOKENIZE,
    GatewayVerb.CHARGE: CardEntry.TOKENIZE,
    GatewayVerb.AUTHORIZE: CardEntry.AUTHORIZE,
    GatewayVerb.CAPTURE: CardEntry.AUTHORIZE,
    GatewayVerb.VOID: CardEntry.AUTHORIZE,
}


_DECLARED: dict[GatewayVerb, Callable[[Capabilities], bool]] = {
    GatewayVerb.REFUND: lambda facts: facts.refund,
    GatewayVerb.PREPARE: lambda facts: facts.prepares,
    GatewayVerb.OPEN_LINK: lambda facts: facts.links,
    GatewayVerb.SAVE_CARD: lambda facts: facts.saves_cards,
    GatewayVerb.PARSE_WEBHOOK: lambda facts: facts.webhooks,
    GatewayVerb.PAYOUT_LINES: lambda facts: facts.settlement,
}


def _always(_: Capabilities) -> bool:
    return True


def require(
    gateway: str, capabilities: Capabilities, verb: GatewayVerb, *, currency: str | None = None
) -> None:
    """Returns where the gateway declares the verb and takes the currency; else raises UnsupportedError."""
    wanted = _CARD_ENTRY.get(verb, capabilities.card_entry)
    if capabilities.card_entry is not wanted:
        raise UnsupportedError(
            f"{gateway} cannot {verb}: its card entry is {capabilities.card_entry}, and this needs {wanted}"
        )
    if not _DECLARED.get(verb, _always)(capabilities):
        raise UnsupportedError(f"{gateway} cannot {verb}")
    if (
        currency is not None
        and capabilities.currencies is not None
        and currency not in capabilities.currencies
    ):
        raise UnsupportedError(f"{gateway} does not accept {currency}")
