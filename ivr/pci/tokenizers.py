"""The gateways' PCI sides: the only file that imports a `tokenize`, by name and statically.

A test compares this list with the folders that have one. No module's name is computed, so an assessor reads
here what touches a card.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateways.contract import Authorizer, Tokenizer
from gateways.sandbox.settings import SandboxCardSettings
from gateways.settings import GatewaySettings, UnknownGatewayError
from gateways.stripe.settings import StripeCardSettings


@dataclass(frozen=True, slots=True)
class CardGateway:
    """What a gateway can do with a card; None where it cannot."""

    tokenizer: Tokenizer | None = None
    authorizer: Authorizer | None = None


@dataclass(frozen=True, slots=True)
class PciSide:
    """How a gateway's PCI side is made, from which settings. Only that of the gateway in use is loaded."""

    settings: type[GatewaySettings]
    make: Callable[[Any], CardGateway]


def _sandbox(settings: SandboxCardSettings) -> CardGateway:
    from gateways.sandbox import tokenize

    side = tokenize.from_settings(settings)
    return CardGateway(tokenizer=side, authorizer=side)


def _stripe(settings: StripeCardSettings) -> CardGateway:
    from gateways.stripe import tokenize

    side = tokenize.from_settings(settings)
    return CardGateway(tokenizer=side, authorizer=side)


GATEWAYS: Mapping[str, PciSide] = {
    "sandbox": PciSide(SandboxCardSettings, _sandbox),
    "stripe": PciSide(StripeCardSettings, _stripe),
}
CARD_SETTINGS = {name: side.settings for name, side in GATEWAYS.items()}


def card_gateway(name: str, settings: GatewaySettings) -> CardGateway:
    """The PCI side of that gateway; raises UnknownGatewayError."""
    if name not in GATEWAYS:
        raise UnknownGatewayError(f"GATEWAY is {name!r}; it must be one of {', '.join(GATEWAYS)}")
    return GATEWAYS[name].make(settings)
