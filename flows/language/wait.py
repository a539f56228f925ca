"""A step and what it waits for: what every wait has in common.

A step returns a wait. Each kind of wait is a frozen dataclass in its own file of `flows/language/waits`; the
class says how it behaves, so that nothing else has to know the kinds one by one.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from flows.language.facts import CallState
from flows.language.source import SourceReading
from flows.language.words import Say

S = TypeVar("S", bound=CallState)


class Wait:
    """What a step can return: what to say, and the one thing to wait for."""

    __slots__ = ()

    label: ClassVar[str]
    """What the picture of a flow calls its steps."""
    shape: ClassVar[tuple[str, str]] = ("[", "]")
    """The brackets of its steps in the picture, in Mermaid."""
    brings: ClassVar[str | None] = None
    """The field of the state that receives what was found."""
    literal: ClassVar[str | None] = None
    """The argument that `check()` reads in the step's source; it must be a literal."""
    passes_on: ClassVar[bool] = False
    """The call goes on at once: nobody is asked anything."""
    may_end_call: ClassVar[bool] = False
    needs_consent: ClassVar[bool] = False
    """It moves money or cannot be undone: the key that leads here must be heard first."""
    is_final: ClassVar[bool] = False
    """Once it is done, `*` does not lead back past it."""

    @classmethod
    def faults(cls, step: "Step[Any]", reading: SourceReading, fields: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with a step of this kind; `fields`: the state's, by name, with their types."""
        del reading
        if cls.brings is not None and cls.brings not in fields:
            yield f"{step.name}: what is found is stored in {cls.brings}, but the state has no such field"


class QuestionWait(Wait):
    """A wait for keys. The turn ends in a question, and the next one hears the answer."""

    __slots__ = ()

    say: Say
    hint: Say | None
    """Said after the first miss."""
    unhurried: bool = False
    """It is read from a paper: a miss is followed by a longer wait, and one more is allowed."""
    every_language: bool = False
    """Said once in each language, each in its own voice."""
    may_leave: bool = False
    """Who hangs up here is not charged, and is told so after the first miss."""


W_co = TypeVar("W_co", bound=Wait, covariant=True)


@dataclass(frozen=True, slots=True)
class Exits(Generic[W_co]):
    """The exits of one step: where each leads. Made by a wait's `exits`, whose arguments they are."""

    wait: type[W_co]
    leads_to: Mapping[str, str]
    """Exit -> name of the next step."""
    options: Mapping[str, str] | None = None
    """Of a menu: key -> exit."""
    heard_first: str = ""
    """Of a menu: the keys that count only after they were named."""


@dataclass(frozen=True, slots=True)
class Step(Generic[S]):
    """One step: its name, what it waits for, where each exit leads, and the pure function behind it."""

    name: str
    wait: type[Wait]
    exits: Mapping[str, str]
    """Exit -> name of the next step."""
    run: Callable[[S], object]
    options: Mapping[str, str] | None = None
    """Of a menu: key -> exit."""
    heard_first: str = ""
    """Of a menu: the keys that move money, agree to something or cannot be undone. Pressed before the words
    that name it could be heard, such a key is no answer.
    """
    retired: bool = False
    """Left from the last release, for calls that were in it; nothing leads here any more."""
