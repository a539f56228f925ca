"""A dialogue as a text file: what is said and keyed, read like a call, and the caller who plays it.

The lines of a file:

    # Why this call is worth a file.
    = from +34600111222 to +34910000000
    = person busy                         whom <Dial> rings: completed (the default), no-answer, busy, failed
    < To pay, press 1.
    > 1
    > (silence)
    > (hang up)                           at the next question
    > (hang up while waiting)             at the next pause
    > (early) 1                           while the next sentence is said
    > (visa)                              keys with a name, given by whoever plays the file
    = the server hung up

The lines of the caller are the script; the others are what came of it. Where a file and its call differ,
one of them is wrong: whoever plays it compares, or writes the file anew.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from ivr.simulators.phone.events import (
    Dialed,
    DialStatus,
    Ended,
    Faulted,
    KeysAsked,
    Paused,
    PhoneEvent,
    Played,
    Said,
)
from ivr.simulators.phone.keys import HANG_UP, KEYPAD, CallerHangUp


class ScriptError(Exception):
    """The script cannot be read, or does not fit the call; the message says where."""


class Act(Enum):
    """When and how a line of the caller acts."""

    KEYS = "keys"
    SILENCE = "silence"
    HANG_UP = "hang up"
    HANG_UP_WAITING = "hang up while waiting"
    EARLY = "early"


_NAMED_ACTS = {f"({act.value})": act for act in (Act.SILENCE, Act.HANG_UP, Act.HANG_UP_WAITING)}
_EARLY = f"({Act.EARLY.value})"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that the caller does."""

    written: str
    act: Act
    keys: str = ""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A file, read."""

    header: tuple[str, ...]
    """Its comments and settings, as they stand."""
    from_number: str
    to_number: str
    person: DialStatus
    lines: tuple[Line, ...]


def read_line(written: str, names: Mapping[str, str]) -> Line:
    """What stands behind `>`."""
    if written in _NAMED_ACTS:
        return Line(written, _NAMED_ACTS[written])
    act, keys = Act.KEYS, written
    if written.startswith(_EARLY):
        act, keys = Act.EARLY, written.removeprefix(_EARLY)
    keys = "".join(keys.split())
    if keys.startswith("("):
        name, _, rest = keys.removeprefix("(").partition(")")
        if name not in names:
            known = ", ".join([*_NAMED_ACTS, _EARLY, *(f"({each})" for each in names)])
            raise ScriptError(f"unknown word: {written}; there is {known}")
        keys = names[name] + rest
    if not keys or set(keys) - set(KEYPAD):
        raise ScriptError(f"not keys of a keypad: {written!r}")
    return Line(written, act, keys)


def read(text: str, names: Mapping[str, str] | None = None) -> Dialogue:
    """Reads a file; raises ScriptError that names the line. A name has no blanks: `visa`, `next_year`."""
    header: list[str] = []
    numbers: tuple[str, str] | None = None
    person = DialStatus.COMPLETED
    lines: list[Line] = []
    for count, line in enumerate(text.splitlines(), start=1):
        mark, _, rest = line.partition(" ")
        match mark, rest.split():
            case "=", ["from", one, "to", other]:
                numbers = (one, other)
                header.append(line)
            case "=", ["person", answer] if answer in {each.value for each in DialStatus}:
                person = DialStatus(answer)
                header.append(line)
            case ("#", _) | ("", []) if not lines:
                header.append(line)
            case ">", _:
                try:
                    lines.append(read_line(rest.strip(), names or {}))
                except ScriptError as fault:
                    raise ScriptError(f"line {count}: {fault}") from None
            case (("<" | "=" | "!"), _):
                pass
            case _:
                raise ScriptError(f"line {count}: a line must begin with one of # = < > !, not {line!r}")
    if numbers is None:
        raise ScriptError("one line must say who calls whom: = from +34600111222 to +34910000000")
    return Dialogue(tuple(header), *numbers, person, tuple(lines))


class Transcript:
    """What was said and keyed, as the lines of a file."""

    def __init__(self, header: Sequence[str] = ()) -> None:
        self.lines = list(header)

    def __call__(self, event: PhoneEvent) -> None:
        match event:
            case Said() if event.goes_on and self.lines and self.lines[-1].startswith("< "):
                self.lines[-1] += f" {event.text}"
            case Said():
                self.lines.append(f"< {event.text}")
            case Played():
                self.lines.append(f"< (plays {event.url})")
            case Dialed():
                self.lines.append(f"= rings {event.number}: {event.answer}")
            case Faulted():
                self.lines.append(f"! {event}")
            case Ended():
                self.lines.append(f"= {event.reason}")
            case _:
                pass

    def keyed(self, written: str) -> None:
        self.lines.append(f"> {written}")

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


class ScriptedCaller:
    """Does what the lines say, in their order; hangs up where the server asks on and no line is left."""

    def __init__(self, lines: Sequence[Line], did: Callable[[str], None] = lambda _: None) -> None:
        """`did` is told each line when it is done, as it was written."""
        self._left = list(lines)
        self._did = did

    @property
    def left(self) -> tuple[str, ...]:
        """The lines not done yet."""
        return tuple(line.written for line in self._left)

    def keys(self, asked: KeysAsked, heard: Sequence[str]) -> str | CallerHangUp | None:
        if not self._left:
            self._did(f"({Act.HANG_UP.value})")
            return HANG_UP
        if self._left[0].act in (Act.EARLY, Act.HANG_UP_WAITING):
            raise ScriptError(f"the server asks, and the script says {self._left[0].written}")
        line = self._do()
        if line.act is Act.HANG_UP:
            return HANG_UP
        return line.keys or None

    def meanwhile(self, event: PhoneEvent) -> str | CallerHangUp:
        act = self._left[0].act if self._left else None
        if act is Act.HANG_UP_WAITING and isinstance(event, Paused):
            self._do()
            return HANG_UP
        if act is Act.EARLY and isinstance(event, Said):
            return self._do().keys
        return ""

    def _do(self) -> Line:
        line = self._left.pop(0)
        self._did(line.written)
        return line


def pressing(*answers: str | None) -> ScriptedCaller:
    """A caller for a short test: keys in turn, None for silence; then they hang up."""
    lines = [
        Line("(silence)", Act.SILENCE) if each is None else Line(each, Act.KEYS, each) for each in answers
    ]
    return ScriptedCaller(lines)
