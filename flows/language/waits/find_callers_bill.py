"""`FindCallersBill`: the bill of the number that is calling."""

from dataclasses import dataclass
from typing import ClassVar

from flows.language.wait import Exits, Wait

__all__ = ["FindCallersBill"]


@dataclass(frozen=True, slots=True)
class FindCallersBill(Wait):
    """The one open bill of the number that is calling, put into `state.bill`."""

    label: ClassVar[str] = "find callers bill"
    brings: ClassVar[str | None] = "bill"

    @staticmethod
    def exits(*, one: str, none: str, being_paid: str, link_open: str) -> "Exits[FindCallersBill]":
        """`being_paid`: all of their one open bill is under way. `link_open`: they have a link that can still
        be paid; it is put into `state.link`.
        """
        return Exits(FindCallersBill, locals())
