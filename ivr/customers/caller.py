"""Who is calling, as the carrier says it: a number in E.164, or nobody we can know.

May import nothing of ours. A caller's number is a hint and never a proof: anyone can forge it, so it opens
nothing that the caller could not also key. A withheld number arrives as a word, as that word spelt on a
keypad, or as nothing.
"""

import re
from dataclasses import dataclass

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

WITHHELD = "withheld"
"""Under this name all withheld callers together are counted."""
_WORDS = ("anonymous", "restricted", "blocked", "unknown", "unavailable", "private")
_KEYPAD = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
_SPELT = frozenset("+" + word.translate(_KEYPAD) for word in _WORDS)
"""`+266696687` is "anonymous", `+86282452253` "unavailable": some of them look like numbers of a country."""
_WRITTEN_AS_A_NUMBER = re.compile(r"\+?[0-9][0-9 ().\-]{5,24}")
_TAKES_TEXTS = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})


@dataclass(frozen=True, slots=True)
class Caller:
    """The person on the line, as far as the network tells."""

    number: str | None
    """E.164; None where it was withheld or is no number."""
    can_text: bool = False
    """A mobile number, or one that may be a mobile: never a landline, never a withheld one."""
    region: str | None = None
    """ISO code of the number's country."""

    @property
    def withheld(self) -> bool:
        return self.number is None

    @property
    def counted_as(self) -> str:
        """The name under which this caller's guesses are counted."""
        return self.number or WITHHELD

    @staticmethod
    def is_withheld_by(given: str) -> bool:
        """Whether this is how a carrier tells of a withheld number, and not something mistyped."""
        text = given.strip()
        return not text or text.lower() in _WORDS or text in _SPELT

    @classmethod
    def of(cls, given: str, home_country: str) -> "Caller":
        """The caller of a carrier's From; `home_country` (ISO code) is that of numbers without a prefix."""
        number = _parsed(given.strip(), home_country)
        if number is None:
            return cls(number=None)
        return cls(
            number=phonenumbers.format_number(number, PhoneNumberFormat.E164),
            can_text=phonenumbers.number_type(number) in _TAKES_TEXTS,
            region=phonenumbers.region_code_for_number(number),
        )


def _parsed(given: str, home_country: str) -> PhoneNumber | None:
    """A number that can exist, not only a valid one: a country opens a range before our tables know of it."""
    if given in _SPELT or not _WRITTEN_AS_A_NUMBER.fullmatch(given):
        return None
    try:
        number = phonenumbers.parse(given, home_country)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_possible_number(number) else None
