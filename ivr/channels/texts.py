"""What a payer reads: the texts of `texts.<language>.toml`, filled in, in two segments at most.

May import `ivr.money` and `ivr.channels.segments` alone. Everything in a receipt is needed but the end of a
merchant's long name, so that is what is cut. A language without texts gets the first one's: a receipt in
English is better than none.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ivr.channels.segments import segments
from ivr.money import written

SEGMENTS_MAX = 2
_FOLDER = Path(__file__).parent
_DEFAULT = "en"
_CUT = "..."
"""Marks a name that was cut; the ellipsis character is not in GSM-7."""

_CONNECTING = frozenset(
    {"", "of", "the", "and", "for", "de", "del", "el", "la", "las", "los", "y", "e", "en"}
)
"""A name does not end in one of these."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The facts of a receipt."""

    merchant: str
    amount_minor: int
    currency: str
    bill: str
    last_four: str
    reference: str


@cache
def languages() -> tuple[str, ...]:
    """The languages that have texts."""
    return tuple(sorted(path.name.split(".")[1] for path in _FOLDER.glob("texts.*.toml")))


def receipt(facts: Receipt, language: str) -> str:
    """The receipt in that language, with as much of the merchant's name as fits."""
    return _filled("receipt", facts, language)


def not_charged(facts: Receipt, language: str) -> str:
    """For somebody who was promised a word and was not charged."""
    return _filled("not_charged", facts, language)


def _filled(key: str, facts: Receipt, language: str) -> str:
    spoken = language if language in languages() else _DEFAULT
    template = _texts(spoken)[key]
    values = {
        "amount": written(facts.amount_minor, facts.currency, spoken),
        "bill": facts.bill,
        "last_four": facts.last_four,
        "reference": facts.reference,
    }
    name = " ".join(facts.merchant.split())
    shown = name
    while True:
        text = template.format(merchant=shown, **values)
        if segments(text)[1] <= SEGMENTS_MAX or not name:
            return text
        name = _shorter(name)
        shown = name + _CUT if name else "-"


def _shorter(name: str) -> str:
    """Without its last word, or its last letter where it is one word."""
    words = name.split(" ")[:-1]
    while words and words[-1].lower().strip(".,;:-&") in _CONNECTING:
        words.pop()
    return " ".join(words).rstrip(".,;:-") or name[:-1]


@cache
def _texts(language: str) -> dict[str, str]:
    with (_FOLDER / f"texts.{language}.toml").open("rb") as file:
        return tomllib.load(file)
