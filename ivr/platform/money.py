"""Money as we keep it: integer minor units and a currency, and how it is shown.

The number of decimals of a currency, and whether it is money at all, come from babel (CLDR).
"""

import re
from decimal import Decimal
from functools import cache

from babel import Locale, numbers
from babel.core import get_global
from babel.languages import get_official_languages
from babel.localedata import locale_identifiers

_PLAIN_BLANKS = str.maketrans("\xa0\u202f", "  ")
_CODE_BEFORE_DIGITS = re.compile(r"([A-Z]{3})(?=[0-9])")
"""CLDR sets a blank between a code and the digits behind it ("CHF 20.00"); babel does not."""


class NoCurrencyError(ValueError):
    """The code is none of ISO 4217."""


@cache
def is_currency(code: str) -> bool:
    """Whether ISO 4217 has or had this code."""
    return numbers.is_currency(code)


def is_money(code: str) -> bool:
    """Whether it is or was legal tender somewhere. Gold, test codes and units of account are not: XAU, XTS,
    XXX, CLF.
    """
    return code in _tender()


@cache
def _tender() -> frozenset[str]:
    used = get_global("territory_currencies").values()
    return frozenset(code for codes in used for code, _, _, is_tender in codes if is_tender)


@cache
def decimals(currency: str) -> int:
    """How many decimals the currency has: EUR 2, JPY 0, KWD 3. Raises NoCurrencyError."""
    if not is_currency(currency):
        raise NoCurrencyError(f"{currency!r} is no ISO 4217 currency code")
    return numbers.get_currency_precision(currency)


def decimal(amount_minor: int, currency: str) -> str:
    """The amount with a point and without its currency, "49.90"."""
    places = decimals(currency)
    return f"{Decimal(amount_minor).scaleb(-places):.{places}f}"


def plain(amount_minor: int, currency: str) -> str:
    """The amount with a point and its code, "49.90 EUR", for logs, lists and programs."""
    return f"{decimal(amount_minor, currency)} {currency}"


def written(amount_minor: int, currency: str, language: str, home_country: str = "") -> str:
    """The amount as a reader of that language expects it in a text: "€49.90", "49,90 €".

    `home_country`, an ISO code, is where they read it: "$1,234.56" in Mexico, also in English, and not
    "MX$1,234.56" or "1234,56 MXN".
    """
    value = Decimal(amount_minor).scaleb(-decimals(currency))
    locale = locale_of(language, home_country)
    text = numbers.format_currency(value, currency, locale=locale)
    if home_country and currency in numbers.get_territory_currencies(home_country):
        at_home = numbers.get_currency_symbol(currency, Locale.parse(f"und_{home_country}"))
        text = text.replace(numbers.get_currency_symbol(currency, locale), at_home)
    return _CODE_BEFORE_DIGITS.sub(r"\1 ", text.translate(_PLAIN_BLANKS))


@cache
def locale_of(language: str, country: str) -> Locale:
    """The language as it is written in that country, where it is a language of that country."""
    if country:
        spoken = {Locale.parse(f"und_{country}").language, *get_official_languages(country, regional=True)}
        if language in spoken and f"{language}_{country}" in locale_identifiers():
            return Locale.parse(f"{language}_{country}")
    return Locale.parse(language)
