"""The states of a card entry, as its row stores them."""

from enum import StrEnum


class EntryStatus(StrEnum):
    """Where an entry stands."""

    KEYING = "keying"
    SENDING = "sending"
    """Every field was keyed, and the card is on its way to the gateway."""
    FINISHED = "finished"
