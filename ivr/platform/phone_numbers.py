"""Reads a phone number in any usual spelling, and knows the forms of one number.

What is withheld, local only or odd is no number, and what two people could have is not guessed. A number has
to be possible, not valid: a country opens a range before libraries hear of it.
"""

import re
from dataclasses import dataclass

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType, ValidationResult

from ivr.platform import withheld_numbers as withheld

_WRITTEN = re.compile(r"\(?\+?[0-9 ().\-/]{4,30}")
_BLANKS = str.maketrans(dict.fromkeys("\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}", " "))
_MEXICO_OLD = re.compile(r"^\+52(?:1|04[45]|01)(\d{10})$")
_BRAZIL_OLD = re.compile(r"\+55[1-9][1-9][689]\d{7}")
_NORTH_AMERICA = re.compile(r"\+1[2-9]\d{9}")
_CODE_BEFORE_TRUNK = re.compile(r"(\(?\+|00)?[ (]*([1-9][0-9]{0,2})[ ).\-/]*\(0\)(.*)")
"""+49 (0)30: what stands before a trunk prefix in parentheses is a country's code."""
_SHORT_MAX = 6
_E164_DIGITS_MAX = 15
_TAKES_TEXTS = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
_USUAL = (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE)
_FORMS = (
    (re.compile(r"\+549(\d{10})"), r"+54\1"),
    (re.compile(r"\+55([1-9][1-9])([689]\d{7})"), r"+55\g<1>9\2"),
    (re.compile(r"\+521(\d{10})"), r"+52\1"),
)
_OTHER_FORMS = (
    (re.compile(r"\+54(\d{10})"), r"+549\1"),
    (re.compile(r"\+55([1-9][1-9])9([689]\d{7})"), r"+55\1\2"),
    (re.compile(r"\+52(\d{10})"), r"+521\1"),
)
"""Argentina's mobiles have a 9 behind +54 when they are rung or texted from abroad, and share their digits
with no landline. Brazil put a 9 before the eight digits of its mobiles (2012 to 2016), but not of trunked
radios, which begin with 7: with a 9 before it such a number is somebody else's. Mexico dropped the 1 behind
+52 (2019). Carriers and merchants still give both forms.
"""


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """One number. What the library knows of it is looked up when it is asked for: a file has many numbers."""

    dial: str
    """E.164 as carriers dial and text it."""

    @property
    def identity(self) -> str:
        """E.164 under which its owner is kept: the same for every form of the number."""
        return identity_of(self.dial)

    @property
    def can_text(self) -> bool:
        """A mobile number, or one that may be a mobile: never a landline."""
        return phonenumbers.number_type(self._parsed) in _TAKES_TEXTS

    @property
    def is_valid(self) -> bool:
        """In a range that the library knows of."""
        return phonenumbers.is_valid_number(self._parsed)

    @property
    def written(self) -> str:
        """As people in any country read it: "+34 910 00 00 00"."""
        return phonenumbers.format_number(self._parsed, PhoneNumberFormat.INTERNATIONAL)

    @property
    def _parsed(self) -> phonenumbers.PhoneNumber:
        return phonenumbers.parse(self.dial)


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Digits that can be two numbers: most often with their country's code in them, and without it."""

    international: PhoneNumber
    national: PhoneNumber

    @property
    def sentence(self) -> str:
        """Why it is refused, with both readings, as the end of a sentence."""
        return (
            f"can be read as {self.international.dial} or as {self.national.dial}: "
            "write it with + and the country code"
        )


@dataclass(frozen=True, slots=True)
class Unreadable:
    """No phone number that we could keep."""

    is_withheld: bool = False
    """It is how carriers tell of a withheld number."""


ReadResult = PhoneNumber | Ambiguous | Unreadable


def read(text: str, home_country: str) -> ReadResult:
    """The number in `text`; `home_country` (ISO code) is that of numbers without + and a country's code.

    >>> read("4915112345678", "DE").dial
    '+4915112345678'
    """
    given = text.translate(_BLANKS).strip(" \t")
    if not _WRITTEN.fullmatch(given):
        return Unreadable(is_withheld=not given or withheld.is_word(given))
    digits = re.sub(r"\D", "", given)
    if withheld.is_spelt(digits):
        return Unreadable(is_withheld=True)
    code = str(phonenumbers.country_code_for_region(home_country) or "")
    shown = _CODE_BEFORE_TRUNK.fullmatch(given)
    if shown and (shown[1] or shown[2] == code):  # some countries drop the 0 abroad, some never do
        two = f"+{shown[2]}{shown[3]}", f"+{shown[2]}0{shown[3]}"
    elif digits.startswith("00"):  # also where 00 is dialled for something else
        two = f"+{digits[2:]}", given
    elif "+" not in given and code and digits.startswith(code):
        two = f"+{given}", f"+{code}{digits}"
    else:
        return _number(given, home_country) or Unreadable()
    return _one_of(_number(two[0], home_country), _number(two[1], home_country), home_country)


def is_possible(text: str, home_country: str) -> bool:
    """Whether the text is one number or another that can exist: whether it may be kept as one."""
    return not isinstance(read(text, home_country), Unreadable)


def _one_of(international: PhoneNumber | None, national: PhoneNumber | None, home_country: str) -> ReadResult:
    """The reading that can be meant. In some countries' plans numbers may have any length, so that the
    national reading is valid too: where it is longer than their numbers are, it is not meant.
    """
    if international is None or national is None or international == national:
        return international or national or Unreadable()
    if international.is_valid != national.is_valid:
        return international if international.is_valid else national
    if _length(national) > _usual_length(home_country):
        return international
    return Ambiguous(international, national)


def _length(number: PhoneNumber) -> int:
    return len(phonenumbers.national_significant_number(phonenumbers.parse(number.dial)))


def _usual_length(home_country: str) -> int:
    """Digits of the country's longer example number: of a landline or a mobile."""
    examples = [phonenumbers.example_number_for_type(home_country, kind) for kind in _USUAL]
    return max((len(phonenumbers.national_significant_number(one)) for one in examples if one), default=0)


def _number(given: str, home_country: str) -> PhoneNumber | None:
    try:
        parsed = phonenumbers.parse(given, home_country)
    except phonenumbers.NumberParseException:
        return None
    dial = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    today = _as_dialled_today(dial, parsed)
    if today != dial:
        dial, parsed = today, phonenumbers.parse(today)
    if withheld.is_spelt(dial.removeprefix("+")) or _never_exists(dial, parsed) or _is_another(dial, parsed):
        return None
    return PhoneNumber(dial)


def _as_dialled_today(dial: str, parsed: phonenumbers.PhoneNumber) -> str:
    """Mexico's prefixes are gone, and Brazil's mobiles have a ninth digit (but for those that kept eight)."""
    if dial.startswith("+52"):
        return _MEXICO_OLD.sub(r"+52\1", dial)
    if _BRAZIL_OLD.fullmatch(dial) and not phonenumbers.is_valid_number(parsed):
        return identity_of(dial)
    return dial


def _never_exists(dial: str, parsed: phonenumbers.PhoneNumber) -> bool:
    """Fillers, short codes, local numbers, and what is too short or too long: nobody has it, or many have."""
    if len(dial) > 1 + _E164_DIGITS_MAX or (parsed.country_code == 1 and not _NORTH_AMERICA.fullmatch(dial)):
        return True
    if phonenumbers.is_valid_number(parsed):
        return False
    national = phonenumbers.national_significant_number(parsed)
    is_short = len(national) <= _SHORT_MAX and phonenumbers.is_possible_short_number(parsed)
    return is_short or withheld.is_placeholder(national) or not _has_usual_length(parsed)


def _is_another(dial: str, parsed: phonenumbers.PhoneNumber) -> bool:
    """Whether it would be read as another number, or as none, the next time: it keeps a 0 too many."""
    if not parsed.italian_leading_zero:
        return False
    try:
        return phonenumbers.parse(dial) != parsed
    except phonenumbers.NumberParseException:
        return True


def _has_usual_length(parsed: phonenumbers.PhoneNumber) -> bool:
    """As long as a landline or a mobile of its country."""
    is_possible_as = phonenumbers.is_possible_number_for_type_with_reason
    return any(is_possible_as(parsed, kind) == ValidationResult.IS_POSSIBLE for kind in _USUAL)


def identity_of(number: str) -> str:
    """The one E.164 form under which this E.164 number is kept and counted.

    >>> identity_of("+5491123456781"), identity_of("+551187654321"), identity_of("+5215512345678")
    ('+541123456781', '+5511987654321', '+525512345678')
    """
    for pattern, form in _FORMS:
        if pattern.fullmatch(number):
            return pattern.sub(form, number)
    return number


def forms_of(number: str) -> tuple[str, ...]:
    """Every E.164 form of the same number, its identity first.

    >>> forms_of("+5491123456781")
    ('+541123456781', '+5491123456781')
    """
    identity = identity_of(number)
    others = (pattern.sub(form, identity) for pattern, form in _OTHER_FORMS if pattern.fullmatch(identity))
    return (identity, *others)
