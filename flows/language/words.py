"""The words an author says: `Say`, and the values that are spoken in the caller's language.

A value is typed by what it *is* (an amount, a date, digits), never by how it sounds; `speech.py` decides that
for each language.
"""

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class Amount:
    """Money: integer minor units and an ISO 4217 currency code."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if isinstance(self.minor, bool) or not isinstance(self.minor, int):
            raise TypeError(f"an amount is whole minor units, not {self.minor!r}")


@dataclass(frozen=True, slots=True)
class Units:
    """What a currency's units are called: euros."""

    currency: str


@dataclass(frozen=True, slots=True)
class Subunits:
    """What its smallest units are called: cents."""

    currency: str


@dataclass(frozen=True, slots=True)
class Digits:
    """Keys spoken one at a time: a reference, the last four of a card, `12*50`."""

    text: str


@dataclass(frozen=True, slots=True)
class Name:
    """A name spoken as it is written: a merchant, a card brand."""

    text: str


@dataclass(frozen=True, slots=True)
class Translation:
    """A sentence of the merchant's in one language."""

    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the merchant's, spoken in the caller's language."""

    wordings: tuple[Translation, ...]


Value = Amount | Units | Subunits | Digits | Name | Sentence | date | int


@dataclass(frozen=True, slots=True, init=False)
class Say:
    """A prompt by its key, with the values of its placeholders: `Say("due.tell", due=bill.due)`.

    The key is always a literal: `check()` reads it in the step's source and holds it against each language.
    """

    key: str
    values: dict[str, Value] = field(default_factory=dict)

    def __init__(self, key: str, /, **values: Value) -> None:
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "values", values)
