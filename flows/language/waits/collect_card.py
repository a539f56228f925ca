"""`CollectCard`: a card is keyed."""

from dataclasses import dataclass
from typing import ClassVar

from flows.language.wait import Exits, Wait
from flows.language.words import Amount, Say

__all__ = ["CollectCard"]


@dataclass(frozen=True, slots=True)
class CollectCard(Wait):
    """A card, keyed into the PCI process; brand and last four are put into `state.card`.

    `say` comes before the card entry's own first prompt, where anything need be said at all. `amount` is what
    will be charged, where it is known: a gateway that authorizes at once needs it.
    """

    say: Say | None
    amount: Amount | None = None

    label: ClassVar[str] = "collect card"
    shape: ClassVar[tuple[str, str]] = ("[[", "]]")
    brings: ClassVar[str | None] = "card"

    @staticmethod
    def exits(
        *,
        collected: str,
        gave_up: str,
        left: str,
        unavailable: str,
        try_another_card: str,
        refused: str,
        needs_authentication: str,
        no_longer_due: str,
    ) -> "Exits[CollectCard]":
        """`left` is the caller's `**`. The last four serve a gateway that authorizes while it collects."""
        return Exits(CollectCard, locals())
