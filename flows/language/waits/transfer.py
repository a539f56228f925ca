"""`Transfer`: a person is rung."""

from dataclasses import dataclass
from typing import ClassVar

from flows.language.wait import Exits, Wait
from flows.language.words import Say

__all__ = ["Transfer"]


@dataclass(frozen=True, slots=True)
class Transfer(Wait):
    """A person, at the configured number."""

    say: Say

    label: ClassVar[str] = "transfer"
    shape: ClassVar[tuple[str, str]] = ("([", "])")
    may_end_call: ClassVar[bool] = True

    @staticmethod
    def exits(*, unanswered: str, nobody: str) -> "Exits[Transfer]":
        """`unanswered`: nobody picked up; `nobody`: no number is configured. A talk that ended hangs up."""
        return Exits(Transfer, locals())
