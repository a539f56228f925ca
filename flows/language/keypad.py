"""An amount as it is keyed on a telephone: whole units, and `*` for the decimal point.

A keypad has no point. What could be read in two ways (`12*5` is 12.50 or 12.05) is no amount.
"""

import re

from babel import numbers

from flows.language.words import Amount

_UNITS = "0|[1-9][0-9]*"
KEYS_MAX = 12
"""A card has 13 digits or more: no question for an amount takes a whole one."""


def amount_of(keyed: str, currency: str) -> Amount | None:
    """The amount of these keys: `1050` is 1,050 units, `12*50` is 12.50. None where they are no amount, or
    could be two: a nought in front (`050`), a star without all decimals after it or without a digit before
    it, a second star, a star in a currency without decimals.
    """
    places = numbers.get_currency_precision(currency)
    whole = re.fullmatch(rf"({_UNITS})(?:\*([0-9]{{{places}}}))?" if places else f"({_UNITS})", keyed)
    if whole is None:
        return None
    return Amount(int("".join(part or "0" * places for part in whole.groups())), currency)


def has_decimals(currency: str) -> bool:
    return numbers.get_currency_precision(currency) > 0


def half_unit(currency: str) -> int:
    """In minor units; 0 in a currency without decimals."""
    return int(10 ** numbers.get_currency_precision(currency)) // 2


def keys_of(amount: Amount) -> str:
    """The keys of this amount: `12*50`, or `12` where it is whole."""
    places = numbers.get_currency_precision(amount.currency)
    units, rest = divmod(amount.minor, 10**places)
    return f"{units}*{rest:0{places}}" if rest else str(units)


def keys_max(amount: Amount) -> int:
    """How many keys are taken where this is the most that can be paid: with a star and one digit more, so
    that an amount too large is refused and not cut short.
    """
    least = numbers.get_currency_precision(amount.currency) + 1  # below one unit a nought is keyed
    return min(max(len(str(amount.minor)), least) + 2, KEYS_MAX)
