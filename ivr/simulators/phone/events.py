"""What happens on a call, as one who listens in would tell it, and the caller who answers it.

The engine tells these to a listener; transcripts, the terminal and tests are made of them. No event holds
what was keyed into a card entry: `Keyed.shown` has dots.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ivr.simulators.phone.keys import CallerHangUp, GatherRules


@dataclass(frozen=True, slots=True)
class Said:
    """The carrier speaks: one `<Say>`, its SSML dropped."""

    text: str
    language: str | None
    """A BCP 47 tag; None: the carrier's default."""
    voice: str | None
    goes_on: bool = False
    """With what was said before: one question, in several pieces."""


@dataclass(frozen=True, slots=True)
class Played:
    url: str


@dataclass(frozen=True, slots=True)
class Paused:
    length_s: int


@dataclass(frozen=True, slots=True)
class KeysAsked:
    """A Gather has said its prompts and listens."""

    rules: GatherRules
    action: str
    """Absolute: where the keys will be posted."""
    private: bool
    """A card is being entered: nothing that is keyed may be shown."""
    pressed: str = ""
    """Digits keyed early, which count already; dots where private."""

    @property
    def wanted(self) -> int | None:
        """How many digits are still wanted; None: no limit."""
        limit = self.rules.num_digits
        return None if limit is None else limit - len(self.pressed)


@dataclass(frozen=True, slots=True)
class Keyed:
    """What one Gather heard; empty `shown`: nothing."""

    shown: str


@dataclass(frozen=True, slots=True)
class Redirected:
    url: str


class DialStatus(StrEnum):
    """What the person who is rung by `<Dial>` does, in the carrier's words."""

    COMPLETED = "completed"
    """They talked, and the other side put the phone down."""
    NO_ANSWER = "no-answer"
    BUSY = "busy"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Dialed:
    number: str
    answer: DialStatus


@dataclass(frozen=True, slots=True)
class Faulted:
    """A webhook's answer could not be used; the fallback is asked next, where there is one."""

    code: int
    """The carrier's error number."""
    url: str
    fault: str

    def __str__(self) -> str:
        return f"error {self.code} at {self.url}: {self.fault}"


class Reason(StrEnum):
    """Why a call is over."""

    CALLER = "the caller hung up"
    SERVER = "the server hung up"
    END_OF_DOCUMENT = "the document ended"
    REJECTED = "the call was rejected"
    FAULT = "the call failed"
    TOO_LONG = "the carrier cut the call: it lasted too long"


@dataclass(frozen=True, slots=True)
class Ended:
    reason: Reason
    faults: tuple[Faulted, ...] = ()
    """Every fault on the way, also those that the fallback or a retry got over."""


PhoneEvent = Said | Played | Paused | KeysAsked | Keyed | Redirected | Dialed | Faulted | Ended
PhoneListener = Callable[[PhoneEvent], None]


def ignore(_: PhoneEvent) -> None:
    """The listener who does not listen."""


class PhoneCaller(Protocol):
    """Who holds the handset: answers with keys of the keypad, with silence, or by hanging up.

    The engine asks for keys when a Gather listens, and looks in between whether something was pressed early
    or the phone was put down.
    """

    def keys(self, asked: KeysAsked, heard: Sequence[str]) -> str | CallerHangUp | None:
        """What is keyed now; None: silence. `heard` is what was said since the last time.

        Fewer keys than the Gather wants mean that the caller stopped there; more spill into the next one.
        """
        ...

    def meanwhile(self, event: PhoneEvent) -> str | CallerHangUp:
        """What was pressed while this was said, played or waited for; empty: nothing. It does not wait."""
        ...
