"""How a turn ends, and the port that makes the carrier's document of it.

`ivr.carriers.twilio.rendering` implements the port for TwiML; the calls know nothing of XML.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ivr.calls.step_result import Utterance


@dataclass(frozen=True, slots=True)
class NamedKeys:
    """A piece of a question, up to the words that name `keys`.

    A key pressed during `before` is taken at once. During `clause`, in which the voice names the keys,
    nothing is taken, so that a key that comes later was pressed by somebody who has heard it.
    """

    before: tuple[str, ...]
    clause: tuple[str, ...]
    keys: str


@dataclass(frozen=True, slots=True)
class Gather:
    """The turn ends in a question."""

    keys: int
    timeout_s: int
    named: tuple[NamedKeys, ...] = ()
    """What is spoken before the verbs of the answer, where keys must be heard first."""


@dataclass(frozen=True, slots=True)
class Pause:
    """The turn ends in a short wait; the carrier comes back by itself."""

    length_s: int = 1


@dataclass(frozen=True, slots=True)
class SendTo:
    """The turn ends by sending the carrier to another address."""

    url: str


@dataclass(frozen=True, slots=True)
class PayCard:
    """The turn ends with the carrier taking a card by itself: no key of it comes to us."""

    language: str
    status_url: str
    """Where the carrier tells how far the caller is."""
    slow: bool = False
    """The caller wants it spoken slowly."""


@dataclass(frozen=True, slots=True)
class Ring:
    """The turn ends with a person."""

    number: str
    caller_id: str | None


@dataclass(frozen=True, slots=True)
class HangUp:
    """The turn ends the call."""


Ending = Gather | Pause | SendTo | PayCard | Ring | HangUp


class CarrierRenderer(Protocol):
    """Makes verbs of utterances, and a document of verbs and an ending."""

    def utter(self, utterances: Sequence[Utterance]) -> list[str]: ...

    def pieces(self, asked: Utterance, keys: str) -> tuple[tuple[NamedKeys, ...], Sequence[str]]:
        """A question, cut after the words that name each of these keys, and the verbs of its rest."""
        ...

    def wording(self, asked: Utterance) -> str:
        """The utterance word by word, for the record; with the address of each recording that speaks it."""
        ...

    def spoken_s(self, asked: Utterance, key: str) -> float:
        """How long the quickest voice takes, in seconds, until it has named the key."""
        ...

    def server_prompt(self, key: str, language: str, *, slow: bool = False) -> list[str]: ...

    def document(self, verbs: Sequence[str], ending: Ending, *, next_url: str) -> str: ...
