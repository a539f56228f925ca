"""What happens to a saved card. The stored words say "kept" and "forgotten"."""

from dataclasses import dataclass
from typing import ClassVar

from ivr.events.emitter import DomainEvent


@dataclass(frozen=True, slots=True)
class SavedCardFacts:
    """The card as it stands after what happened."""

    id: str
    customer_id: str
    call_id: str
    payment_id: str
    """The payment for which it was keyed."""
    brand: str
    last_four: str
    deleted_by: str | None


@dataclass(frozen=True, slots=True)
class SavedCardEvent(DomainEvent):
    """Something happened to this card."""

    card: SavedCardFacts


@dataclass(frozen=True, slots=True)
class CardSaved(SavedCardEvent):
    """The gateway keeps the card for its payer's next payment."""

    kind: ClassVar[str] = "card.kept"


@dataclass(frozen=True, slots=True)
class CardNotSaved(SavedCardEvent):
    """The payer had agreed, and the gateway will not keep it."""

    kind: ClassVar[str] = "card.not_kept"


@dataclass(frozen=True, slots=True)
class CardDeleted(SavedCardEvent):
    """Somebody wants it gone (`card.deleted_by`): it is neither offered nor charged from now on."""

    kind: ClassVar[str] = "card.forgotten"
