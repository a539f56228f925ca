r"""Masks card numbers in a text, for everything that is written where no card number may stand.

A run is digits that are joined by at most three characters which are neither letters nor digits, or as Python
writes the items of a list. A run is masked whole where 13 to 19 digits in a row pass the Luhn check, wherever
in the run they stand: a code and an expiry often stand beside the number. The text is read twice: as it is,
and with its escapes (`%2D`, `\t`, `\u2009`) resolved. The time is linear in the length of the text.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import accumulate
from urllib.parse import unquote

MASK = "***"
_LENGTHS = range(13, 20)
_LENGTH_ALONE = 12
"""The shortest numbers of Maestro: masked where they stand alone, or every time of day would be."""
_TWELVE = re.compile(rf"(?<!\d)\d{{{_LENGTH_ALONE}}}(?!\d)")
_READABLE_MAX = 40
"""A run with more digits than this says nothing to a reader: it is masked unexamined, in no time."""
_JOINT = r"""(?:[\W_]{0,3}|['"], b?['"])"""
_RUN = re.compile(rf"\d(?:{_JOINT}\d){{{_LENGTH_ALONE - 1},}}")
_ESCAPE = re.compile(r"(?:%[0-9A-Fa-f]{2})+|\\(?:[abfnrtv]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8})")
_CODE_POINT_MAX = 0x10FFFF


def mask_cards(text: str) -> str:
    """The text with `***` in place of every run of digits that holds a card number."""
    plain = text if text.isascii() else "".join(map(_plain_digit, text))
    spans = list(_spans(plain))
    if _ESCAPE.search(plain):
        resolved, at = _resolved(plain)
        spans += [(at[start], at[end]) for start, end in _spans(resolved)]
    masked, done = [], 0
    for start, end in sorted(spans):
        if start >= done:
            masked += [text[done:start], MASK]
        done = max(done, end)
    return "".join([*masked, text[done:]])


def _plain_digit(character: str) -> str:
    """Full-width, Arabic, raised or circled digits as ASCII; every other character as it is."""
    return str(unicodedata.digit(character, character))


def _spans(text: str) -> Iterator[tuple[int, int]]:
    return (found.span() for found in _RUN.finditer(text) if _holds_a_card(found[0]))


def _holds_a_card(run: str) -> bool:
    digits = [int(character) for character in run if character.isdigit()]
    if len(digits) > _READABLE_MAX:
        return True
    even, odd = _sums(digits, 0), _sums(digits, 1)
    if len(digits) == _LENGTH_ALONE:
        return even[-1] % 10 == 0
    if any(_sums([*map(int, group)], 0)[-1] % 10 == 0 for group in _TWELVE.findall(run)):
        return True
    return any(
        (sums[end] - sums[end - length]) % 10 == 0
        for end in range(_LENGTHS.start, len(digits) + 1)
        for sums in [even if end % 2 == 0 else odd]
        for length in _LENGTHS
        if length <= end
    )


def _sums(digits: list[int], doubled: int) -> list[int]:
    """The Luhn sums of the first 0, 1, 2 ... digits, doubling those at even (0) or odd (1) places."""
    worth = (sum(divmod(2 * digit, 10)) if at % 2 == doubled else digit for at, digit in enumerate(digits))
    return list(accumulate(worth, initial=0))


def _resolved(text: str) -> tuple[str, list[int]]:
    """The text with its escapes resolved, and where each character of it began; the end is the last one."""
    parts: list[str] = []
    at: list[int] = []
    done = 0
    for found in _ESCAPE.finditer(text):
        parts += [text[done : found.start()], character := _meant(found[0])]
        at += [*range(done, found.start()), *([found.start()] * len(character))]
        done = found.end()
    return "".join([*parts, text[done:]]), [*at, *range(done, len(text) + 1)]


def _meant(escape: str) -> str:
    """The digits that an escape stands for; anything else joins two digits as one character does."""
    if escape[0] == "%":
        written = unquote(escape, errors="replace")
    else:
        code_point = int(escape[2:] or "0", 16)
        written = chr(code_point) if code_point <= _CODE_POINT_MAX else ""
    return "".join(filter(str.isdigit, map(_plain_digit, written))) or " "
