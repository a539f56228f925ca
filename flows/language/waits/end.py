"""`End`: the last words."""

from dataclasses import dataclass
from typing import ClassVar

from flows.language.wait import Exits, Wait
from flows.language.words import Say

__all__ = ["End"]


@dataclass(frozen=True, slots=True)
class End(Wait):
    """The last words; then the line is hung up."""

    say: Say

    label: ClassVar[str] = "end"
    shape: ClassVar[tuple[str, str]] = ("([", "])")
    may_end_call: ClassVar[bool] = True

    @staticmethod
    def exits() -> "Exits[End]":
        return Exits(End, {})
