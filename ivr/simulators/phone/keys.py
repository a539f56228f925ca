"""Keys, and when a Gather has heard enough of them: numDigits, finishOnKey, and what was pressed too early.

The engine, the scripted caller and the terminal all count keys by `Collector`, so that a person at a keyboard
and a test meet the same rules. What a card entry hears is shown as dots, here and nowhere else decided.
Source: twilio.com/docs/voice/twiml/gather.
"""

from dataclasses import dataclass
from enum import Enum

KEYPAD = "0123456789*#"


class CallerHangUp(Enum):
    """What a caller answers who puts the phone down."""

    HANG_UP = "hang up"


HANG_UP = CallerHangUp.HANG_UP


@dataclass(frozen=True, slots=True)
class GatherRules:
    """When a Gather is over."""

    num_digits: int | None = None
    """None: no limit."""
    finish_on_key: str = "#"
    """One key; empty: none."""
    timeout_s: int = 5
    """The wait for the first key, and between two keys."""
    silence_s: int = 0
    """So much longer the first key is waited for: a silence that is nested behind the words."""
    action_on_empty_result: bool = False
    """Whether silence is posted too; otherwise it falls through to the next verb."""
    ends_at: str = ""
    """Keys that end it at once besides; they are no part of the digits."""

    @property
    def first_timeout_s(self) -> int:
        return self.timeout_s + self.silence_s

    def is_full(self, digits: str) -> bool:
        """Whether nothing more is wanted."""
        return len(digits) == self.num_digits


class Collector:
    """Takes keys one by one until a Gather has what it asked for."""

    def __init__(self, rules: GatherRules) -> None:
        self.rules = rules
        self.digits = ""
        self.finished_on = ""
        """The key that ended it, where one did; it is no part of the digits."""
        self.complete = False

    def press(self, key: str) -> bool:
        """Takes one key; True once nothing more is wanted."""
        if self.complete:
            raise ValueError("this Gather is over")
        if key not in KEYPAD or len(key) != 1:
            raise ValueError(f"{key!r} is not a key of a keypad")
        if key == self.rules.finish_on_key or key in self.rules.ends_at:
            self.finished_on = key
            self.complete = True
        else:
            self.digits += key
            self.complete = self.rules.is_full(self.digits)
        return self.complete

    def take(self, keys: str) -> str:
        """Takes what it wants of these keys, and gives the rest back: it spills into the next Gather."""
        for count, key in enumerate(keys):
            if self.complete:
                return keys[count:]
            self.press(key)
        return ""


def masked(keys: str) -> str:
    """Keys as they may be shown while a card is entered: how many, never which; `*` and `#` are no secret."""
    return "".join(key if key in "*#" else "•" for key in keys)
