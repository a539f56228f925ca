"""`SendLink`: a link to pay by is texted."""

from dataclasses import dataclass
from typing import ClassVar

from flows.language.wait import Exits, Wait
from flows.language.words import Amount, Say

__all__ = ["SendLink"]


@dataclass(frozen=True, slots=True)
class SendLink(Wait):
    """A link by which the caller pays `state.bill` themselves, sent by text and put into `state.link`. It is
    also sent to a caller who hangs up meanwhile.
    """

    amount: Amount
    say: Say

    label: ClassVar[str] = "send link"
    shape: ClassVar[tuple[str, str]] = ("[[", "]]")
    brings: ClassVar[str | None] = "link"
    needs_consent: ClassVar[bool] = True

    @staticmethod
    def exits(*, sent: str, no_text: str, no_longer_due: str, unavailable: str) -> "Exits[SendLink]":
        """`no_text`: nothing was said, because no link can reach this caller, or the gateway has none;
        `unavailable`: it was tried, and there will be none.
        """
        return Exits(SendLink, locals())
