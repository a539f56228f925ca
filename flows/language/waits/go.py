"""`Go`: a decision."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from flows.language.source import SourceReading
from flows.language.wait import Exits, Step, Wait

__all__ = ["Go"]

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Go(Wait, Generic[S]):
    """A decision: leave by this exit, with the state as it is now."""

    exit: str
    state: S | None = None

    label: ClassVar[str] = "decide"
    shape: ClassVar[tuple[str, str]] = ("{", "}")
    literal: ClassVar[str | None] = "exit"
    passes_on: ClassVar[bool] = True

    @staticmethod
    def exits(**leads_to: str) -> "Exits[Go[Any]]":
        """The exits are the author's own; the step's `Go("exit")` are held against them."""
        return Exits(Go, leads_to)

    @classmethod
    def faults(cls, step: Step[Any], reading: SourceReading, fields: Mapping[str, Any]) -> Iterator[str]:
        del fields
        taken = reading.literals_of(cls.__name__)
        for exit_name in sorted(taken - step.exits.keys()):
            yield f'{step.name}: {cls.__name__}("{exit_name}") is not a declared exit'
        for exit_name in sorted(step.exits.keys() - taken):
            yield f"{step.name}: exit {exit_name} is declared and never taken"
