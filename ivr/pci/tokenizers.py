"""The gateways' PCI sides: the only file that imports a `tokenize`, by name and statically.

A test compares this list with the folders that have one, so that a gateway cannot be forgotten; no name is
ever computed, so that an assessor reads here what touches a card.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateways.contract import Authorizer, Tokenizer


class NoCardGatewayError(LookupError):
    """No gateway of that name takes cards here; the message lists those that do."""


@dataclass(frozen=True, slots=True)
class CardGateway:
    """What a gateway can do with a card; None where it cannot."""

    tokenizer: Tokenizer | None = None
    authorizer: Authorizer | None = None


def _sandbox(settings: Mapping[str, Any]) -> CardGateway:
    from gateways.sandbox import tokenize

    side = tokenize.from_settings(settings)
    return CardGateway(tokenizer=side, authorizer=side)


def _stripe(settings: Mapping[str, Any]) -> CardGateway:
    from gateways.stripe import tokenize

    side = tokenize.from_settings(settings)
    return CardGateway(tokenizer=side, authorizer=side)


GATEWAYS: Mapping[str, Callable[[Mapping[str, Any]], CardGateway]] = {
    "sandbox": _sandbox,
    "stripe": _stripe,
}
"""Name -> how its PCI side is made from the settings that begin with the name. Only that one is loaded."""


def card_gateway(name: str, settings: Mapping[str, Any]) -> CardGateway:
    """The PCI side of that gateway; raises UnknownGatewayError."""
    if name not in GATEWAYS:
        raise NoCardGatewayError(f"GATEWAY is {name!r}; it must be one of {', '.join(GATEWAYS)}")
    return GATEWAYS[name](settings)
