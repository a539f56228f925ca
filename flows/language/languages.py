"""What speech needs of a language beyond babel: how money is said aloud, and in which order a date.

CLDR knows "49,90 €" and "British pounds", but neither pence nor that a caller says "49 pounds": that is this
table. A currency that is not in it is said by its CLDR name, with hundredths or thousandths: long, and never
wrong. A new language is one `Language` here and its prompt files.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from flows.language.spanish_feminine import spelled_feminine

Unit = tuple[str, str]
"""One of it, many of it."""


@dataclass(frozen=True, slots=True)
class Language:
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
    bill: str
    """What prompts call a bill where the merchant says nothing else (see `noun.py`)."""
    groups_thousands: bool = False
    """Whether numbers are written "1,950" for the voice, which may read "1950" as a year. Not where the
    separator is a point: half of the Spanish-speaking world hears a decimal there.
    """
    millions_joint: str = " "
    """Between a round million and its unit: un millón *de* pesos."""
    spelled: Callable[[int, str], str | None] | None = None
    """A number in words, where its figures would be read in the wrong gender before this unit."""
    masculine: Mapping[str, str] = field(default_factory=dict)
    """Words that go with `bill`, as they stand beside a masculine noun. Empty: there are no genders."""
    articles: tuple[str, str] = ("the", "the")
    """Feminine and masculine: by them a merchant tells the gender of its noun."""


_CENT = ("cent", "cents")
_CENTIMO = ("céntimo", "céntimos")
_CENTAVO = ("centavo", "centavos")
_CENTESIMO = ("centésimo", "centésimos")
_DOLLARS = ("dollar", "dollars")
_DOLARES = ("dólar", "dólares")
_PESOS = ("peso", "pesos")
_AMERICAS = {
    **dict.fromkeys(("ARS", "CLP", "COP", "CUP", "DOP", "MXN", "UYU"), _PESOS),
    "BOB": ("boliviano", "bolivianos"),
    "CRC": ("colón", "colones"),
    "GTQ": ("quetzal", "quetzales"),
    "HNL": ("lempira", "lempiras"),
    "NIO": ("córdoba", "córdobas"),
    "PAB": ("balboa", "balboas"),
    "PEN": ("sol", "soles"),
    "PYG": ("guaraní", "guaraníes"),
    "SVC": ("colón", "colones"),
    "VES": ("bolívar", "bolívares"),
}
"""Just "pesos": who pays a bill at home says no more, and CLDR's "Costa Rican colóns" nobody says."""
_AMERICAN_CENTAVOS = dict.fromkeys(
    ("ARS", "BOB", "BRL", "COP", "CUP", "DOP", "GTQ", "HNL", "MXN", "NIO", "SVC"), _CENTAVO
)

LANGUAGES: Mapping[str, Language] = {
    "en": Language(
        locale="en_GB",
        money_joint=" and ",
        units={
            "USD": _DOLLARS,
            "CAD": _DOLLARS,
            "AUD": _DOLLARS,
            "NZD": _DOLLARS,
            "GBP": ("pound", "pounds"),
            **_AMERICAS,
            "BRL": ("real", "reais"),
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
            **_AMERICAN_CENTAVOS,
            **dict.fromkeys(("CRC", "PEN", "VES"), ("centimo", "centimos")),
            **dict.fromkeys(("PAB", "UYU"), ("centesimo", "centesimos")),
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
        bill="bill",
        groups_thousands=True,
    ),
    "es": Language(
        locale="es",
        money_joint=" y ",
        units={
            "USD": _DOLARES,
            "CAD": _DOLARES,
            "AUD": _DOLARES,
            "NZD": _DOLARES,
            "GBP": ("libra", "libras"),
            **_AMERICAS,
            "BRL": ("real", "reales"),
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
            **_AMERICAN_CENTAVOS,
            **dict.fromkeys(("CRC", "PEN", "VES"), _CENTIMO),
            **dict.fromkeys(("PAB", "UYU"), _CENTESIMO),
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
        bill="factura",
        millions_joint=" de ",
        spelled=spelled_feminine,
        masculine={
            "de la": "del",
            "esta": "este",
            "la": "el",
            "ninguna": "ningún",
            "otra": "otro",
            "pagada": "pagado",
        },
        articles=("la", "el"),
    ),
}
