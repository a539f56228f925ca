"""Card brands by their first digits (BIN), with the lengths each may have.

The list answers two questions only: is this number complete, and how long is its code? The gateway knows the
rest. Sources: ISO/IEC 7812, the brands' published BIN ranges.
"""

from dataclasses import dataclass

DIGITS_USUAL = 16
"""The length that goes on by itself, without `#`."""
DIGITS_MAX = 19
BIN_DIGITS = 6
"""No range below needs more digits to tell its brand."""


@dataclass(frozen=True, slots=True)
class Brand:
    """`name` as `CardFacts.brand` has it; `longer_common`: more than 16 digits are an everyday matter."""

    name: str
    lengths: tuple[int, ...]
    code_digits: int = 3
    longer_common: bool = False


VISA = Brand("visa", (13, 16, 19))
MASTERCARD = Brand("mastercard", (16,))
AMEX = Brand("amex", (15,), code_digits=4)
DISCOVER = Brand("discover", (16, 17, 18, 19))
DINERS = Brand("diners", (14, 15, 16, 17, 18, 19))
JCB = Brand("jcb", (16, 17, 18, 19))
UNIONPAY = Brand("unionpay", (16, 17, 18, 19), longer_common=True)
MAESTRO = Brand("maestro", (12, 13, 14, 15, 16, 17, 18, 19), longer_common=True)
ALL = (VISA, MASTERCARD, AMEX, DISCOVER, DINERS, JCB, UNIONPAY, MAESTRO)

_RANGES = (
    ("4", "4", VISA),
    ("51", "55", MASTERCARD),
    ("2221", "2720", MASTERCARD),
    ("34", "34", AMEX),
    ("37", "37", AMEX),
    ("6011", "6011", DISCOVER),
    ("644", "649", DISCOVER),
    ("65", "65", DISCOVER),
    ("300", "305", DINERS),
    ("3095", "3095", DINERS),
    ("36", "36", DINERS),
    ("38", "39", DINERS),
    ("3528", "3589", JCB),
    ("62", "62", UNIONPAY),
    ("81", "81", UNIONPAY),
    ("50", "50", MAESTRO),
    ("56", "69", MAESTRO),
)
"""First and last prefix of each range; the first that fits wins, so the wide one stands last."""


def brand_of(number: str) -> Brand | None:
    """The brand of a number, or of its beginning; None where no range fits (or not yet)."""
    for first, last, brand in _RANGES:
        if first <= number[: len(first)] <= last and len(number) >= len(first):
            return brand
    return None


def by_name(name: str) -> Brand:
    """The brand of that name; KeyError where there is none."""
    return {brand.name: brand for brand in ALL}[name]
