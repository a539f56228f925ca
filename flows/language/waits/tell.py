"""`Tell`: something said on the way."""

from dataclasses import dataclass
from typing import ClassVar

from flows.language.wait import Exits, Wait
from flows.language.words import Say

__all__ = ["Tell"]


@dataclass(frozen=True, slots=True)
class Tell(Wait):
    """Something said on the way, or nothing; the call goes on by itself."""

    say: Say | None

    label: ClassVar[str] = "tell"
    passes_on: ClassVar[bool] = True

    @staticmethod
    def exits(*, then: str) -> "Exits[Tell]":
        return Exits(Tell, locals())
