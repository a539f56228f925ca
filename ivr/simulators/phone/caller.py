"""Who holds the handset: a person at a keyboard, a script, a program that pays the demo bill.

The engine asks for keys when a Gather listens, and looks in between whether something was pressed early or
the phone was put down.
"""

from collections.abc import Sequence
from typing import Protocol

from ivr.simulators.phone.events import KeysAsked, PhoneEvent
from ivr.simulators.phone.keys import CallerHangUp


class PhoneCaller(Protocol):
    """Answers with keys of the keypad, with silence, or by hanging up."""

    def keys(self, asked: KeysAsked, heard: Sequence[str]) -> str | CallerHangUp | None:
        """What is keyed now; None: silence. `heard` is what was said since the last time.

        Fewer keys than the Gather wants mean that the caller stopped there; more spill into the next one.
        """
        ...

    def meanwhile(self, event: PhoneEvent) -> str | CallerHangUp:
        """What was pressed while this was said, played or waited for; empty: nothing. It does not wait."""
        ...
