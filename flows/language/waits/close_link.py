"""`CloseLink`: no link stays open."""

from dataclasses import dataclass
from typing import ClassVar

from flows.language.wait import Exits, Wait
from flows.language.words import Say

__all__ = ["CloseLink"]


@dataclass(frozen=True, slots=True)
class CloseLink(Wait):
    """No link by which this caller could pay `state.bill` stays open: what is due then is put into
    `state.bill`.
    """

    say: Say

    label: ClassVar[str] = "close link"
    shape: ClassVar[tuple[str, str]] = ("[[", "]]")
    brings: ClassVar[str | None] = "bill"
    needs_consent: ClassVar[bool] = True
    is_final: ClassVar[bool] = True

    @staticmethod
    def exits(*, closed: str, already_paid: str, unavailable: str) -> "Exits[CloseLink]":
        """`unavailable`: the gateway does not say whether it can still be paid, so nothing else may be."""
        return Exits(CloseLink, locals())
