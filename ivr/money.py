"""Money as we keep it: integer minor units and a currency, and how it is shown.

The number of decimals of a currency, and whether it is money at all, come from babel (CLDR).
"""

from decimal import Decimal
from functools import cache

from babel import numbers
from babel.core import get_global


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
