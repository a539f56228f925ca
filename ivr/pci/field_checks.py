"""When a field of the card is complete, when it is wrong, and when to wait for more keys.

Pure: text in, verdict out. Every kind of mistake has its own name, because each has its own prompt. A
verdict never repeats what was keyed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from stdnum import luhn

from ivr.pci.brand_ranges import BIN_DIGITS, DIGITS_MAX, DIGITS_USUAL, Brand, brand_of

READING_TIMEOUT_S = 8
"""The wait for the first key of a Gather, while a person takes out a card."""
UNHURRIED_TIMEOUT_S = 12
"""The same behind a mistake or a silence."""
KEYS_TIMEOUT_S = 3
"""The wait for the next key. Only `#` ends a Gather early: a caller who presses `*` and listens, or keys an
Amex number without `#`, waits this long.
"""
LISTENING_ON_TIMEOUT_S = 2
"""The wait for more of a number that may already be whole."""
YEARS_AHEAD_MAX = 20
POSTAL_CODE_DIGITS = 5
POSTAL_CODE_DIGITS_MIN = 2
"""Of a code with letters, a keypad can send only the digits."""


class Field(StrEnum):
    """What is being keyed, in this order."""

    NUMBER = "number"
    EXPIRY = "expiry"
    CODE = "code"
    POSTAL_CODE = "postal_code"


class Mistake(StrEnum):
    """Why a field cannot be taken; each is a prompt `<field>.<mistake>`."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    UNKNOWN_BRAND = "unknown_brand"
    CHECK_FAILED = "check_failed"
    BAD_MONTH = "bad_month"
    PAST = "past"
    TOO_FAR = "too_far"


class GatherEnd(StrEnum):
    """How the Gather ended."""

    FULL = "full"
    """It got as many keys as it asked for."""
    PAUSED = "paused"
    """The caller stopped half-way: reading, or done."""
    DONE = "done"
    """`#`, or a second pause with nothing more keyed: the caller is done."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The field is whole and plausible."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """The field must be keyed anew."""

    mistake: Mistake


@dataclass(frozen=True, slots=True)
class ListenOn:
    """Keep what there is and wait for the rest. `quietly`: it may be complete, so say nothing."""

    quietly: bool


Verdict = Accepted | Wrong | ListenOn


def judge_number(number: str, end: GatherEnd) -> Verdict:
    """A card number: brand and length by BIN, then Luhn.

    16 digits that pass are accepted at once. If longer numbers are common in this BIN, or if 16 digits do
    not pass and the BIN allows more, it waits a moment for more.
    """
    brand = brand_of(number)
    if brand is not None:
        return _judge_of_brand(number, brand, end)
    if len(number) >= BIN_DIGITS:
        return Wrong(Mistake.UNKNOWN_BRAND)
    return _judge_part(Mistake.TOO_SHORT, end)


def _judge_of_brand(number: str, brand: Brand, end: GatherEnd) -> Verdict:
    length, longest = len(number), max(brand.lengths)
    if end is GatherEnd.FULL and length < min(longest, DIGITS_USUAL):  # stars were among the keys
        return ListenOn(quietly=False)
    may_be_longer = end is GatherEnd.FULL and DIGITS_USUAL <= length < longest
    if length in brand.lengths and luhn.is_valid(number):
        return ListenOn(quietly=True) if may_be_longer and brand.longer_common else Accepted()
    if length >= longest:
        return Wrong(Mistake.CHECK_FAILED if length == longest else Mistake.TOO_LONG)
    if may_be_longer:
        return ListenOn(quietly=True)
    whole = length in brand.lengths or length >= DIGITS_USUAL
    return _judge_part(Mistake.CHECK_FAILED if whole else Mistake.TOO_SHORT, end)


def _judge_part(mistake: Mistake, end: GatherEnd) -> Verdict:
    """Wrong only once the caller is done: until then they may still be reading the card."""
    return Wrong(mistake) if end is GatherEnd.DONE else ListenOn(quietly=False)


def number_wanted(kept: str) -> int:
    """How many keys the next Gather asks for, so that nobody waits after the last one."""
    brand = brand_of(kept)
    usual = min(max(brand.lengths), DIGITS_USUAL) if brand else DIGITS_USUAL
    if len(kept) < usual:
        return usual - len(kept)
    return max(DIGITS_MAX - len(kept), 1)


def judge_expiry(expiry: str, end: GatherEnd, now: datetime) -> Verdict:
    """Month and year, MMYY. A card is good through the last day of its month, wherever on earth that is."""
    verdict = judge_fixed(expiry, 4, end)
    if not isinstance(verdict, Accepted):
        return verdict
    month, year = expiry_of(expiry)
    today = (now - timedelta(hours=12)).date()
    if not 1 <= month <= 12:  # noqa: PLR2004 - the months of a year
        return Wrong(Mistake.BAD_MONTH)
    if (year, month) < (today.year, today.month):
        return Wrong(Mistake.PAST)
    if year > today.year + YEARS_AHEAD_MAX:
        return Wrong(Mistake.TOO_FAR)
    return Accepted()


def expiry_of(expiry: str) -> tuple[int, int]:
    """Month and four-digit year of MMYY."""
    return int(expiry[:2]), 2000 + int(expiry[2:])


def judge_fixed(text: str, digits: int, end: GatherEnd) -> Verdict:
    """A field of so many digits."""
    if len(text) > digits:
        return Wrong(Mistake.TOO_LONG)
    if len(text) == digits:
        return Accepted()
    return _judge_part(Mistake.TOO_SHORT, end)


def judge_postal_code(text: str, end: GatherEnd) -> Verdict:
    """The digits of a postal code, as many as it has: five go on by themselves, fewer by `#` or the pause."""
    if len(text) > POSTAL_CODE_DIGITS:
        return Wrong(Mistake.TOO_LONG)
    if len(text) == POSTAL_CODE_DIGITS:
        return Accepted()
    if len(text) >= POSTAL_CODE_DIGITS_MIN and end is not GatherEnd.FULL:
        return Accepted()
    return _judge_part(Mistake.TOO_SHORT, end)
