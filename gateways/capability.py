"""What a gateway does not declare is refused here, before anything is sent.

Every adapter asks `require` first in each verb; what could go wrong is a verb that forgets, so the contract
suite calls each undeclared one and looks that no request reached the gateway.
"""

from collections.abc import Callable
from enum import StrEnum

from gateways.contract import Capabilities, CardEntry, UnsupportedError


class Verb(StrEnum):
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
    Verb.TOKENIZE: CardEntry.TOKENIZE,
    Verb.CHARGE: CardEntry.TOKENIZE,
    Verb.AUTHORIZE: CardEntry.AUTHORIZE,
    Verb.CAPTURE: CardEntry.AUTHORIZE,
    Verb.VOID: CardEntry.AUTHORIZE,
}


_DECLARED: dict[Verb, Callable[[Capabilities], bool]] = {
    Verb.REFUND: lambda facts: facts.refund,
    Verb.PREPARE: lambda facts: facts.prepares,
    Verb.OPEN_LINK: lambda facts: facts.links,
    Verb.SAVE_CARD: lambda facts: facts.saves_cards,
    Verb.PARSE_WEBHOOK: lambda facts: facts.webhooks,
    Verb.PAYOUT_LINES: lambda facts: facts.settlement,
}


def _always(_: Capabilities) -> bool:
    return True


def require(gateway: str, capabilities: Capabilities, verb: Verb, *, currency: str | None = None) -> None:
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
