"""The call on a screen, line by line: sentences with their language, keys as pressed, dots for a card.

Used by the terminal, which echoes keys one by one, and by a scripted call, which shows what each Gather
heard.
"""

import io
from typing import TextIO

from ivr.simulators.phone.events import (
    Dialed,
    Ended,
    Faulted,
    Keyed,
    KeysAsked,
    Paused,
    PhoneEvent,
    Played,
    Said,
)
from ivr.simulators.phone.keys import masked

_MARGIN = "     "


class Printer:
    """A listener that writes to a text stream; a character that the stream cannot show becomes `?`."""

    def __init__(self, out: TextIO, *, live: bool = False) -> None:
        """`live`: keys are echoed one by one, by `key`; otherwise what a Gather heard is shown at its end."""
        if isinstance(out, io.TextIOWrapper):
            out.reconfigure(errors="replace")
        self._out = out
        self._live = live
        self._typing = False
        self._waiting = False
        self._asked: KeysAsked | None = None

    def __call__(self, event: PhoneEvent) -> None:
        match event:
            case Said():
                self.line(f"{(event.language or '').partition('-')[0]:>4} {event.text}")
            case Played():
                self.line(f"{_MARGIN}(plays {event.url})")
            case Paused():
                self._wait()
            case KeysAsked():
                self._asked = event
                if self._live and event.pressed:
                    self._type(event.pressed)
            case Keyed():
                self._keyed(event)
            case Dialed():
                self.line(f"{_MARGIN}(rings {event.number}: {event.answer})")
            case Faulted():
                self.line(f"   ! {event}")
            case Ended():
                self.line(f"{_MARGIN}({event.reason})")
            case _:
                pass

    def line(self, text: str) -> None:
        self._break()
        self._waiting = False
        self._write(text + "\n")

    def key(self, key: str) -> None:
        """Echoes one key that the Gather asked for last has taken."""
        private = self._asked is not None and self._asked.private
        self._type(masked(key) if private else key)

    def _type(self, shown: str) -> None:
        if not self._typing:
            self._typing = True
            self._waiting = False
            self._write("   > ")
        self._write(shown)

    def _wait(self) -> None:
        """One line for a wait, however often the server says to wait on."""
        if not self._waiting:
            self.line(f"{_MARGIN}...")
            self._waiting = True

    def _keyed(self, event: Keyed) -> None:
        if self._typing:
            self._break()
        else:
            self.line(f"   > {event.shown or '(silence)'}")

    def _break(self) -> None:
        if self._typing:
            self._typing = False
            self._write("\n")

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
