"""Amounts as others write them, read into minor units.

The API, the command and the imports read amounts here, so that all take and refuse the same. An amount that
can be read in two ways is refused and never guessed. No message repeats what was given: it may be personal
data.
"""

import re
from enum import StrEnum
from functools import cache

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.languages import get_official_languages

from ivr.platform import money

SPACES = " \t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""Every blank that may stand around a value; spreadsheets write several of them between thousands."""
_ONE_BLANK = dict.fromkeys(map(ord, SPACES), " ")
_ONE_APOSTROPHE = dict.fromkeys(map(ord, "\u2019\u02bc"), "'")
_SIGNS = frozenset("+-()\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0b\uff0d")
_MULTIPLES = frozenset("KM")
"""Behind an amount these stand for thousands and millions, also where they are the currency's sign."""
_LENGTH_MAX = 60
_THOUSANDS = 3
"""As many digits stand between two marks, and make the digits behind a single one unclear."""

_PLAIN = re.compile(r"([0-9]+)(?:\.([0-9]+))?")
_CLEAR = re.compile(r"([0-9]+)(?:[.,]([0-9]{1,2}))?")
_EXPONENT = re.compile(r"[0-9][0-9.,]*[eE][+-]?[0-9]+")
_AROUND = re.compile(r"([^0-9]*)([0-9](?:.*[0-9])?)([^0-9]*)", re.DOTALL)
_MARKED = re.compile(r"[0-9.,' ]+")
_GROUPED = re.compile(
    r"[1-9][0-9]{0,2}(?:([.,' ])[0-9]{3})(?:\1[0-9]{3})*|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}"
)
"""Thousands by one mark throughout; or as India writes them, 12,34,567."""
_MINOR = re.compile(r"[0-9]{1,18}")


class Spelling(StrEnum):
    """How amounts are written where they come from."""

    JSON = "json"
    """A program's: digits with a point."""
    UNSAID = "unsaid"
    """A person's or a spreadsheet's, where the decimal mark is not known."""
    POINT = "point"
    COMMA = "comma"


class AmountError(ValueError):
    """What was given is no amount of that currency. The message is what follows its field's name."""


def currency_of(text: str) -> str:
    """The code of a currency in which money can be owed; raises AmountError."""
    code = text.strip(SPACES).upper()
    if not money.is_currency(code):
        raise AmountError("must be an ISO 4217 code, like EUR")
    if not money.is_money(code):
        raise AmountError("must be money that people pay with; this ISO 4217 code is not")
    return code


def read(text: str, currency: str, spelling: Spelling) -> int:
    """Minor units, zero included; raises AmountError."""
    given = text.strip(SPACES)
    if len(given) > _LENGTH_MAX:
        raise AmountError("is longer than any amount")
    if spelling is Spelling.JSON:
        found = _PLAIN.fullmatch(given)
        if found is None:
            raise AmountError('must be text: digits with a decimal point, like "49.90"')
        whole, fraction, is_clear = found[1], found[2] or "", False
    elif spelling is Spelling.UNSAID and (found := _CLEAR.fullmatch(given)):  # most amounts of a long file
        whole, fraction, is_clear = found[1], found[2] or "", True
    else:
        whole, fraction, is_clear = _parts(_bare(given, currency), spelling)
    if not is_clear and len(fraction) == _THOUSANDS:
        way_out = (
            "give minor units" if spelling is Spelling.JSON else "use --decimal=point or --decimal=comma"
        )
        raise AmountError(f"has three digits after a single mark, so it can be read in two ways: {way_out}")
    places = money.decimals(currency)
    if len(fraction) > places:
        raise AmountError(f"has more decimals than {currency}, which has {places or 'none'}")
    return int(whole + fraction.ljust(places, "0"))


def read_minor(text: str) -> int:
    """Whole minor units that a person or a spreadsheet wrote: digits alone; raises AmountError."""
    if not _MINOR.fullmatch(text.strip(SPACES)):
        raise AmountError("must be a whole number of minor units, digits only")
    return int(text.strip(SPACES))


def _bare(given: str, currency: str) -> str:
    """The digits and the marks between them, without the currency's own sign; blanks and apostrophes are one
    kind each.
    """
    if any(char.isdecimal() and not char.isascii() for char in given):
        raise AmountError("must be written in the digits 0 to 9")
    found = _AROUND.fullmatch(given.translate(_ONE_BLANK).translate(_ONE_APOSTROPHE))
    if found is None:
        raise AmountError("must be an amount, like 49.90")
    before, number, behind = found[1].strip(" "), found[2], found[3].strip(" ")
    if _SIGNS & {*before, *behind}:
        raise AmountError("must not have a sign or parentheses")
    if _EXPONENT.fullmatch(number):
        raise AmountError(
            "is written with an exponent, as spreadsheets do in narrow columns: write all its digits"
        )
    if not _MARKED.fullmatch(number):
        raise AmountError("must be an amount, like 49.90")
    _check_sign(before, behind, currency)
    return number


def _check_sign(before: str, behind: str, currency: str) -> None:
    """What stands around the digits is the sign or code of this very currency, once."""
    if behind in _MULTIPLES:
        raise AmountError("can be read as thousands or millions: put the currency's symbol before it")
    sign = before or behind
    if not sign or (not (before and behind) and (sign in _signs(currency) or sign.upper() == currency)):
        return
    if sign.isprintable() and not set(sign) & set(".,'"):
        raise AmountError(f"has text that is not a symbol of {currency}")
    raise AmountError("must be an amount, like 49.90")


def _parts(number: str, spelling: Spelling) -> tuple[str, str, bool]:
    """The whole part's digits, the decimals, and whether the mark between them is clear."""
    marks = [char for char in number if not char.isdigit()]
    mark, is_clear = _decimal_mark(marks, spelling)
    whole, fraction = number, ""
    if mark in marks:
        whole, _, fraction = number.rpartition(mark)
        if mark in whole or not fraction.isdigit():
            raise _misplaced()
    if not whole.isdigit() and not _GROUPED.fullmatch(whole):
        raise _misplaced()
    return "".join(filter(str.isdigit, whole)), fraction, is_clear


def _decimal_mark(marks: list[str], spelling: Spelling) -> tuple[str, bool]:
    """The mark before the decimals, empty where there can be none; and whether it is clear that it is."""
    if spelling is Spelling.POINT:
        return ".", True
    if spelling is Spelling.COMMA:
        return ",", True
    kinds = set(marks) & {".", ","}
    if len(kinds) == 1 and marks.count(*kinds) > 1:
        return "", True  # a mark that stands twice can only mark thousands
    if not kinds:
        return "", True
    return next(mark for mark in reversed(marks) if mark in kinds), len(set(marks)) > 1


def _misplaced() -> AmountError:
    return AmountError("has a point, comma or space in a wrong place")


@cache
def _signs(currency: str) -> frozenset[str]:
    """Its code, and its sign in each country that pays with it, by CLDR."""
    names = ["en", "en_001"]
    for land, used in get_global("territory_currencies").items():
        if any(one[0] == currency for one in used):
            names += [f"{language}_{land}" for language in get_official_languages(land, de_facto=True)]
    signs = {currency}
    for name in names:
        try:
            signs.add(Locale.parse(name).currency_symbols.get(currency, currency))
        except (UnknownLocaleError, ValueError):  # an official language that CLDR has no page for
            continue
    return frozenset(signs)
