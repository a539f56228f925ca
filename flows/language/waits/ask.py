"""`Ask`: digits keyed by the caller."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from flows.language.source import SourceReading
from flows.language.wait import Exits, QuestionWait, Step
from flows.language.words import Say

__all__ = ["Ask"]


@dataclass(frozen=True, slots=True)
class Ask(QuestionWait):
    """Digits keyed by the caller, put into the state's field `into` as text.

    A fixed number (`digits=8`) goes on by itself after the last key; a range (`digits=1, at_most=7`)
    ends by `#` or the pause. With `point`, a `*` among the digits is kept: the decimal point of an amount
    (`flows.language.keypad`); elsewhere it clears what was begun. `unhurried`: it is read from a paper, so a
    miss is followed by a longer wait, and one more is allowed. `hint` is said after the first miss.
    """

    say: Say
    digits: int
    into: str
    at_most: int | None = None
    point: bool = False
    unhurried: bool = False
    hint: Say | None = None

    label: ClassVar[str] = "digits"
    shape: ClassVar[tuple[str, str]] = ("[/", "/]")
    literal: ClassVar[str | None] = "into"

    @staticmethod
    def exits(*, heard: str, gave_up: str) -> "Exits[Ask]":
        return Exits(Ask, locals())

    @property
    def keys_max(self) -> int:
        return self.at_most or self.digits

    @classmethod
    def faults(cls, step: Step[Any], reading: SourceReading, fields: Mapping[str, Any]) -> Iterator[str]:
        for into in sorted(reading.literals_of(cls.__name__)):
            if fields.get(into) is not str:
                lacking = "but the state has no text field of that name"
                yield f"{step.name}: keyed digits go into {into}, {lacking}"
