"""Money as people write it and as we keep it: integer minor units and a currency.

May import nothing of ours. The number of decimals of a currency comes from babel (CLDR), never from a guess.
"""

import re
from decimal import Decimal

from babel import numbers

_WRITTEN = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")
"""Digits of ASCII with a point; twelve before it fit every column, in every currency."""


class InvalidAmountError(ValueError):
    """The text is no amount of that currency; the message says why."""


def decimals(currency: str) -> int:
    """How many decimals the currency has: EUR 2, JPY 0, KWD 3. Raises InvalidAmountError where it is no
    currency.
    """
    if not numbers.is_currency(currency):
        raise InvalidAmountError(f"{currency!r} is no ISO 4217 currency code")
    return numbers.get_currency_precision(currency)


def parse_minor(text: str, currency: str) -> int:
    """Minor units of an amount written with a point, "49.90": refuses signs, exponents and surplus
    decimals.
    """
    places = decimals(currency)
    given = text.strip()
    if not _WRITTEN.fullmatch(given):
        raise InvalidAmountError(f"{text!r} is no amount; write it like 49.90")
    minor = Decimal(given).scaleb(places)
    if minor != minor.to_integral_value():
        raise InvalidAmountError(f"{text!r} has more than the {places} decimals of {currency}")
    if minor <= 0:
        raise InvalidAmountError(f"{text!r} is not above zero")
    return int(minor)


def plain(amount_minor: int, currency: str) -> str:
    """The amount with a point and its code, "49.90 EUR", for logs, lists and programs."""
    places = decimals(currency)
    return f"{Decimal(amount_minor).scaleb(-places):.{places}f} {currency}"


def written(amount_minor: int, currency: str, language: str) -> str:
    """The amount as a reader of that language expects it in a text: "€49.90", "49,90 €"."""
    value = Decimal(amount_minor).scaleb(-decimals(currency))
    return (
        numbers.format_currency(value, currency, locale=language).replace("\xa0", " ").replace("\u202f", " ")
    )
