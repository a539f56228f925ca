"""`FindSavedCard`: a card that is kept for the caller."""

from dataclasses import dataclass
from typing import ClassVar

from flows.language.wait import Exits, Wait
from flows.language.words import Amount

__all__ = ["FindSavedCard"]


@dataclass(frozen=True, slots=True)
class FindSavedCard(Wait):
    """The newest card that is kept for the number that is calling and may be offered, put into
    `state.saved_card`; none where the gateway would not charge the amount.
    """

    amount: Amount | None = None

    label: ClassVar[str] = "find saved card"
    brings: ClassVar[str | None] = "saved_card"

    @staticmethod
    def exits(*, found: str, none: str) -> "Exits[FindSavedCard]":
        return Exits(FindSavedCard, locals())
