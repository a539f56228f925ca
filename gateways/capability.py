"""What a gateway does not declare is refused here, before anything is sent.

May import `gateways.contract` alone. Every adapter asks `demand` first in each verb; what could go wrong is a
verb that forgets, so the contract suite calls each undeclared one and looks that no request reached the
gateway.
"""

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


_CARD_ENTRY = {
    Verb.TOKENIZE: CardEntry.TOKENIZE,
    Verb.CHARGE: CardEntry.TOKENIZE,
    Verb.AUTHORIZE: CardEntry.AUTHORIZE,
    Verb.CAPTURE: CardEntry.AUTHORIZE,
    Verb.VOID: CardEntry.AUTHORIZE,
}


def demand(gateway: str, capabilities: Capabilities, verb: Verb, *, currency: str | None = None) -> None:
    """Returns where the gateway declares the verb and takes the currency; else raises UnsupportedError."""
    wanted = _CARD_ENTRY.get(verb, capabilities.card_entry)
    if capabilities.card_entry is not wanted:
        raise UnsupportedError(
            f"{gateway} cannot {verb}: its card entry is {capabilities.card_entry}, and that takes {wanted}"
        )
    if verb is Verb.REFUND and not capabilities.refund:
        raise UnsupportedError(f"{gateway} cannot {verb}")
    if (
        currency is not None
        and capabilities.currencies is not None
        and currency not in capabilities.currencies
    ):
        raise UnsupportedError(f"{gateway} does not take {currency}")
