"""`SetLanguage`: what the call speaks from here on."""

from dataclasses import dataclass
from typing import ClassVar

from flows.language.wait import Exits, Wait

__all__ = ["SetLanguage"]


@dataclass(frozen=True, slots=True)
class SetLanguage(Wait):
    """From here on the call speaks this language, and the caller is remembered by it."""

    language: str

    label: ClassVar[str] = "language"
    passes_on: ClassVar[bool] = True

    @staticmethod
    def exits(*, then: str) -> "Exits[SetLanguage]":
        return Exits(SetLanguage, locals())
