"""Money as people write it and as we keep it: integer minor units and a currency.

The number of decimals of a currency comes from babel (CLDR), never from a guess.
"""

import re
from decimal import Decimal
from functools import cache

from babel import Locale, numbers
from babel.languages import get_official_languages
from babel.localedata import locale_identifiers

_WRITTEN = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")
"""Digits of ASCII with a point; twelve before it fit every column, in every currency."""

_PLAIN_BLANKS = str.maketrans("\xa0\u202f", "  ")


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


def written(amount_minor: int, currency: str, language: str, home_country: str = "") -> str:
    """The amount as a reader of that language expects it in a text: "€49.90", "49,90 €".

    `home_country`, an ISO code, is where they read it: "$1,234.56" in Mexico, also in English, and not
    "MX$1,234.56" or "1234,56 MXN".
    """
    value = Decimal(amount_minor).scaleb(-decimals(currency))
    locale = _locale(language, home_country)
    text = numbers.format_currency(value, currency, locale=locale)
    if home_country and currency in numbers.get_territory_currencies(home_country):
        at_home = numbers.get_currency_symbol(currency, Locale.parse(f"und_{home_country}"))
        text = text.replace(numbers.get_currency_symbol(currency, locale), at_home)
    return text.translate(_PLAIN_BLANKS)


@cache
def _locale(language: str, country: str) -> Locale:
    """The language as it is written in that country, where it is a language of that country."""
    if country:
        spoken = {Locale.parse(f"und_{country}").language, *get_official_languages(country, regional=True)}
        if language in spoken and f"{language}_{country}" in locale_identifiers():
            return Locale.parse(f"{language}_{country}")
    return Locale.parse(language)
