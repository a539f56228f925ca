"""A card as the carrier's `<Pay>` checks it while it is keyed: kind, length, Luhn, date, code.

What is wrong is one of the carrier's error types. Nothing here is ever shown: a keyed card has no repr, and
leaves the phone by its connector alone. Source: the table of validCardTypes at
twilio.com/docs/voice/twiml/pay.
"""

from dataclasses import dataclass
from datetime import datetime

from stdnum import luhn

from gateways.secret import Secret
from ivr.simulators.phone.keys import GatherRules

NUMBER_DIGITS_MAX = 19
_KINDS = (
    ("visa", ("4",), (13, 16, 19)),
    ("mastercard", tuple(map(str, (*range(51, 56), *range(2221, 2721)))), (16,)),
    ("amex", ("34", "37"), (15,)),
    ("discover", ("64", "65", "6011"), (16, 17, 18, 19)),
    ("jcb", tuple(map(str, range(3528, 3590))), (16, 17, 18, 19)),
    ("diners-club", ("36",), (14, 15, 16, 17, 18, 19)),
    ("diners-club", ("300", "301", "302", "303", "304", "3095", "38", "39"), (16, 17, 18, 19)),
    ("enroute", ("2014", "2149"), (15,)),
    ("maestro", ("50", "56", "57", "58", "6"), tuple(range(12, 20))),
)
"""Kind, first digits, lengths; the first that fits counts."""


@dataclass(frozen=True, slots=True)
class KeyedCard:
    """A whole card, on its way to the connector."""

    number: Secret
    kind: str
    expiry: Secret
    """MMYY."""
    code: Secret | None
    postal_code: Secret | None


def kind_of(number: str) -> str | None:
    """The kind of card that the first digits tell; None: none, or too few digits."""
    return next((kind for kind, firsts, _ in _KINDS if number.startswith(firsts)), None)


def is_whole(number: str) -> bool:
    """Whether the number has a length of its kind and passes Luhn's check."""
    lengths = next((lengths for _, firsts, lengths in _KINDS if number.startswith(firsts)), ())
    return len(number) in lengths and luhn.is_valid(number)


def number_fault(number: str, taken: frozenset[str]) -> str | None:
    """The error type of a number, or None."""
    if not is_whole(number):
        return "invalid-card-number"
    return None if kind_of(number) in taken else "invalid-card-type"


def expiry_fault(expiry: str, now: datetime) -> str | None:
    if len(expiry) != len("MMYY") or not "01" <= expiry[:2] <= "12":
        return "invalid-date"
    return "invalid-date" if (2000 + int(expiry[2:]), int(expiry[:2])) < (now.year, now.month) else None


def code_digits(kind: str | None) -> int:
    return 4 if kind == "amex" else 3


@dataclass(frozen=True, slots=True)
class NumberRules(GatherRules):
    """A card number is over when it is whole; what cannot be whole yet waits for more keys."""

    def is_full(self, digits: str) -> bool:
        usual = {"amex": 15}.get(kind_of(digits) or "", 16)
        return len(digits) == NUMBER_DIGITS_MAX or (len(digits) >= usual and is_whole(digits))


def shown(number: str) -> str:
    """As the carrier posts a number: the last four digits."""
    return "x" * (len(number) - 4) + number[-4:]
