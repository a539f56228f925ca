"""How a card entry ended, in the words in which the PCI process tells web, and in which it stores them."""

from enum import StrEnum


class CardEntryOutcome(StrEnum):
    """How a card entry ended, or that it has not."""

    COLLECTED = "collected"
    GAVE_UP = "gave_up"
    """Too many mistakes or silences in one field."""
    LEFT = "left"
    """The caller pressed `**`."""
    UNAVAILABLE = "unavailable"
    """No card, and nothing was authorized."""
    DECLINED = "declined"
    AUTHORIZATION_UNKNOWN = "authorization_unknown"
    """The issuer may hold the amount: the worker looks it up under the payment's id."""
    ENDED = "ended"
    """The caller hung up."""
    OPEN = "open"
    """Not finished. Told to web, never stored."""
