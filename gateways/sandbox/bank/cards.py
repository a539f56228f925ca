"""Public test cards, and what each one stands for.

A number that is not listed is refused, so that nobody keys a real card into the sandbox. The number is read
here and forgotten: brand, last four and outcome go on.
"""

from dataclasses import dataclass
from datetime import datetime

APPROVED = "approved"
"""The outcome of a card that pays; every other outcome is a decline code."""
_INVALID_NUMBER = "invalid_number"
_AMEX = "amex"
_MONTHS = 12
_YEARS_AHEAD = 50

_CARDS = {
    "4242424242424242": ("visa", APPROVED),
    "4000056655665556": ("visa", APPROVED),
    "4000000000000002": ("visa", "generic_decline"),
    "4000000000009995": ("visa", "insufficient_funds"),
    "4000000000009987": ("visa", "lost_card"),
    "4000000000009979": ("visa", "stolen_card"),
    "4000000000000069": ("visa", "expired_card"),
    "4000000000000127": ("visa", "incorrect_cvc"),
    "4000000000000119": ("visa", "processing_error"),
    "4000002500003155": ("visa", "authentication_required"),
    "4100000000000019": ("visa", "blocked"),
    "5555555555554444": ("mastercard", APPROVED),
    "2223003122003222": ("mastercard", APPROVED),
    "5200828282828210": ("mastercard", APPROVED),
    "5105105105105100": ("mastercard", APPROVED),
    "378282246310005": (_AMEX, APPROVED),
    "371449635398431": (_AMEX, APPROVED),
    "6011111111111117": ("discover", APPROVED),
    "6011000990139424": ("discover", APPROVED),
    "3056930009020004": ("diners", APPROVED),
    "36227206271667": ("diners", APPROVED),
    "3566002020360505": ("jcb", APPROVED),
    "6200000000000005": ("unionpay", APPROVED),
    "6205500000000000004": ("unionpay", APPROVED),
}


@dataclass(frozen=True, slots=True)
class TestCard:
    """All that the bank remembers of a card."""

    brand: str
    last_four: str
    outcome: str
    """`approved`, or the code with which the issuer declines it."""


def assess(number: str, code: str, *, expiry_month: int, expiry_year: int, today: datetime) -> TestCard | str:
    """What the card stands for; or the code of what is wrong with it as keyed, before any issuer is asked."""
    if number not in _CARDS:
        return _INVALID_NUMBER
    brand, outcome = _CARDS[number]
    if not 1 <= expiry_month <= _MONTHS or expiry_year > today.year + _YEARS_AHEAD:
        return "invalid_expiry"
    if (expiry_year, expiry_month) < (today.year, today.month):
        return "invalid_expiry"
    if len(code) != (4 if brand == _AMEX else 3) or not (code.isascii() and code.isdigit()):
        return "incorrect_cvc"
    return TestCard(brand, number[-4:], outcome)


def table() -> tuple[TestCard, ...]:
    """Every card, for the tests that hold decline codes and documentation to this list."""
    return tuple(TestCard(brand, number[-4:], outcome) for number, (brand, outcome) in _CARDS.items())
