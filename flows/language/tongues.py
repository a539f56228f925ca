"""What speech needs of a language beyond babel: how money is said aloud, and in which order a date.

May import nothing of ours. CLDR knows "49,90 €" and "British pounds", but neither pence nor that a caller
says "49 pounds": that is this table. A currency that is not in it is said by its CLDR name, with hundredths
or thousandths: long, and never wrong. A new language is one `Tongue` here and its prompt files.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Unit = tuple[str, str]
"""One of it, many of it."""


@dataclass(frozen=True, slots=True)
class Tongue:
    """How one language says what it says."""

    locale: str
    """For babel: dates and currency names."""
    money_joint: str
    """Between the units and the subunits: 49 euros *and* 90 cents."""
    units: Mapping[str, Unit]
    """Where people say less than CLDR's name."""
    subunits: Mapping[str, Unit]
    fractions: Mapping[int, Unit]
    """For a currency without known subunits, by its decimals."""
    characters_per_s_max: float
    """How many characters of a prompt the quickest voice speaks in a second. The voices that carriers offer
    speak 14 to 17; a key is never taken for late because a voice was slow.
    """
    star: str
    """The key `*`."""
    millions_joint: str = " "
    """Between a round million and its unit: un millón *de* pesos."""


_CENT = ("cent", "cents")
_CENTIMO = ("céntimo", "céntimos")
_CENTAVO = ("centavo", "centavos")
_CENTAVO_EN = ("centavo", "centavos")
_DOLLARS = ("dollar", "dollars")
_DOLARES = ("dólar", "dólares")
_PESOS = ("peso", "pesos")

TONGUES: Mapping[str, Tongue] = {
    "en": Tongue(
        locale="en_GB",
        money_joint=" and ",
        units={
            "USD": _DOLLARS,
            "CAD": _DOLLARS,
            "AUD": _DOLLARS,
            "NZD": _DOLLARS,
            "GBP": ("pound", "pounds"),
            "MXN": _PESOS,
            "COP": _PESOS,
            "CLP": _PESOS,
            "ARS": _PESOS,
            "JPY": ("yen", "yen"),
        },
        subunits={
            "EUR": _CENT,
            "USD": _CENT,
            "CAD": _CENT,
            "AUD": _CENT,
            "NZD": _CENT,
            "GBP": ("penny", "pence"),
            "CHF": ("centime", "centimes"),
            "SEK": ("öre", "öre"),
            "NOK": ("øre", "øre"),
            "DKK": ("øre", "øre"),
            "PLN": ("grosz", "groszy"),
            "MXN": _CENTAVO_EN,
            "COP": _CENTAVO_EN,
            "ARS": _CENTAVO_EN,
            "PEN": ("centimo", "centimos"),
            "KWD": ("fils", "fils"),
            "BHD": ("fils", "fils"),
            "JOD": ("fils", "fils"),
            "TND": ("millime", "millimes"),
            "OMR": ("baisa", "baisas"),
        },
        characters_per_s_max=20.0,
        fractions={
            1: ("tenth", "tenths"),
            2: ("hundredth", "hundredths"),
            3: ("thousandth", "thousandths"),
            4: ("ten-thousandth", "ten-thousandths"),
        },
        star="star",
    ),
    "es": Tongue(
        locale="es",
        money_joint=" y ",
        units={
            "USD": _DOLARES,
            "CAD": _DOLARES,
            "AUD": _DOLARES,
            "NZD": _DOLARES,
            "GBP": ("libra", "libras"),
            "MXN": _PESOS,
            "COP": _PESOS,
            "CLP": _PESOS,
            "ARS": _PESOS,
            "JPY": ("yen", "yenes"),
        },
        subunits={
            "EUR": _CENTIMO,
            "USD": _CENTAVO,
            "CAD": _CENTAVO,
            "AUD": _CENTAVO,
            "NZD": _CENTAVO,
            "GBP": ("penique", "peniques"),
            "CHF": _CENTIMO,
            "SEK": ("öre", "öre"),
            "NOK": ("øre", "øre"),
            "DKK": ("øre", "øre"),
            "PLN": ("grosz", "groszy"),
            "MXN": _CENTAVO,
            "COP": _CENTAVO,
            "ARS": _CENTAVO,
            "PEN": _CENTIMO,
            "KWD": ("fils", "fils"),
            "BHD": ("fils", "fils"),
            "JOD": ("fils", "fils"),
            "TND": ("milésimo", "milésimos"),
            "OMR": ("baisa", "baisas"),
        },
        characters_per_s_max=22.0,
        fractions={
            1: ("décima", "décimas"),
            2: ("centésima", "centésimas"),
            3: ("milésima", "milésimas"),
            4: ("diezmilésima", "diezmilésimas"),
        },
        star="asterisco",
        millions_joint=" de ",
    ),
}
