"""What goes into one turn through a flow, and what comes out of it: values alone.

`ivr.calls.machine` makes the progress of the keys; `ivr.calls.turns` does what it asks for.
"""

from dataclasses import dataclass, field

from flows.language import Say, Wait
from ivr.calls.session import Session

TYPED_AHEAD_S = 1.0
"""Nobody keys eight digits in a second."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """Something to say: a prompt of the flow, or one of the server's, in one language or once in each."""

    say: Say
    languages: tuple[str, ...]
    by_server: bool = False
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Listen:
    """The turn ends in a Gather of at most `keys` keys."""

    keys: int
    timeout_s: int
    heard_first: str = ""
    """The keys that are no answer before they were named."""
    hints: tuple[Utterance, ...] = field(default=(), compare=False)
    """Said after the question, which was missed once."""


@dataclass(frozen=True, slots=True)
class Need:
    """The turn cannot go on before this wait is done."""

    wait: Wait


@dataclass(frozen=True, slots=True)
class Over:
    """The last words are said; the line is hung up."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a turn came."""

    session: Session
    stop: Listen | Need | Over
    said: tuple[Utterance, ...] = ()
    language_chosen: bool = False
    pace_chosen: bool = False
    card_too_early: bool = False


@dataclass(frozen=True, slots=True)
class Keys:
    """What a Gather heard, and how long after it was asked. Empty where nothing, or a lone `#`; None where no
    Gather came to its end: the carrier had trouble, or comes back from it.
    """

    keyed: str | None
    elapsed_s: float
    named: str = ""
    """Of the keys that must be heard first, those that were named to the caller before they pressed one."""
    hashed: bool = False
    """`#` ended it."""

    @property
    def typed_ahead(self) -> bool:
        """Whole answers that come sooner were keyed before the question."""
        return self.elapsed_s < TYPED_AHEAD_S
