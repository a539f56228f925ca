"""`Choose`: one key out of a menu."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from flows.language.source import SourceReading
from flows.language.wait import Exits, QuestionWait, Step
from flows.language.words import Say

__all__ = ["Choose"]

_KEYS = frozenset("12345679")
"""`0`, `8` and `*` mean the same at every question, `#` ends an entry."""


@dataclass(frozen=True, slots=True)
class Choose(QuestionWait):
    """One key out of the step's menu."""

    say: Say
    every_language: bool = False
    """Said once in each language, each in its own voice: for the one question asked before it is known."""
    hint: Say | None = None
    """Said after the first miss."""
    may_leave: bool = False
    """Who hangs up here is not charged, and is told so after the first miss."""

    label: ClassVar[str] = "menu"
    shape: ClassVar[tuple[str, str]] = ("[/", "/]")

    @staticmethod
    def exits(options: Mapping[str, str], *, gave_up: str, heard_first: str = "") -> "Exits[Choose]":
        """`options` maps a key (1 to 7, 9) to the step it leads to; the exit is named after the step.
        `heard_first` are those of them that move money, agree to something or cannot be undone.
        """
        leads_to = {step: step for step in options.values()} | {"gave_up": gave_up}
        return Exits(Choose, leads_to, dict(options), heard_first)

    @classmethod
    def faults(cls, step: Step[Any], reading: SourceReading, fields: Mapping[str, Any]) -> Iterator[str]:
        del reading, fields
        options = step.options or {}
        if not options:
            yield f"{step.name}: the menu has no options"
        if "gave_up" in options.values():
            yield f"{step.name}: no option may lead to a step named gave_up, the name of a menu's own exit"
        for key in options:
            if key not in _KEYS:
                yield f"{step.name}: {key!r} is not a menu key: use 1 to 7 or 9; 0, 8 and * are the server's"
        for key in step.heard_first:
            if key not in options:
                yield f"{step.name}: {key} must be heard first, but is not an option"
