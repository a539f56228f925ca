"""`Charge`: the bill is charged."""

from dataclasses import dataclass
from typing import ClassVar

from flows.language.wait import Exits, Wait
from flows.language.words import Amount, Say

__all__ = ["Charge"]


@dataclass(frozen=True, slots=True)
class Charge(Wait):
    """The charge of `state.bill`; the outcome is put into `state.receipt`."""

    amount: Amount
    say: Say
    saved_card: bool = False
    """By the card in `state.saved_card`; else by the one that was keyed."""
    keep_card: bool = False
    """The caller's last answer was that the card be kept: the question as it was spoken is their consent."""

    label: ClassVar[str] = "charge"
    shape: ClassVar[tuple[str, str]] = ("[[", "]]")
    brings: ClassVar[str | None] = "receipt"
    needs_consent: ClassVar[bool] = True

    @staticmethod
    def exits(
        *,
        approved: str,
        try_another_card: str,
        refused: str,
        needs_authentication: str,
        no_longer_due: str,
        not_sent: str,
        unknown: str,
        unavailable: str,
    ) -> "Exits[Charge]":
        """`unavailable`: cards are not taken now, and nothing was sent."""
        return Exits(Charge, locals())
