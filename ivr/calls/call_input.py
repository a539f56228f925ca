"""What a webhook of a call brings: keys, how a dialled person answered, or a card that the carrier took."""

from dataclasses import dataclass

from ivr.integrations.pci_client import CardEntryResult


@dataclass(frozen=True, slots=True)
class CallInput:
    """Empty where the carrier just goes on."""

    digits: str | None = None
    hashed: bool = False
    """`#` ended what was keyed, or is all that was."""
    named: str | None = None
    """The keys that were named to the caller before theirs, as the carrier proves; None: it does not.
    Where keys are carried on to another webhook, this is carried on, too.
    """
    dialled: str | None = None
    """How the dialled person's line answered, in the carrier's word."""
    card: CardEntryResult | None = None
    """What became of a card that the carrier took by itself."""
    is_retry: bool = False
    """The turn failed before: what was not brought back was lost by us, and is no silence of the caller's."""
