"""Every word for a withheld number, in every form and at every home: nobody."""

import phonenumbers
import pytest

from ivr.customers.caller import Caller
from ivr.platform.phone_numbers import Unreadable, read
from ivr.platform.withheld_numbers import SPELT, WORDS

CARRIERS = {  # as Twilio documents them; the last two as North American carriers show them
    "anonymous": "266696687",
    "restricted": "7378742833",
    "blocked": "2562533",
    "unknown": "8656696",
    "unavailable": "86282452253",
    "private": "7748283",
    "outofarea": "688632732",
}


def test_the_keypad_spells_them() -> None:
    assert {word: digits for word, digits in CARRIERS.items() if digits in SPELT} == CARRIERS
    assert set(CARRIERS) <= set(WORDS)


@pytest.mark.parametrize("digits", sorted(SPELT))
def test_a_word_spelt_is_nobody_in_every_form_at_every_home(digits: str) -> None:
    for home in sorted(phonenumbers.SUPPORTED_REGIONS):
        code = phonenumbers.country_code_for_region(home)
        forms = (digits, f"+{digits}", f"1{digits}", f"+1{digits}", f"+{code}{digits}", f"{code}{digits}")
        forms = (
            *forms,
            f"0{digits}",
            f"+{code}0{digits}",
            f"00{digits}",
            f"011{digits}",
            f"+{code}1{digits}",
        )
        for form in forms:
            assert read(form, home) == Unreadable(is_withheld=True), (form, home)
        trunk = phonenumbers.ndd_prefix_for_region(home, True)
        for form in (f"{trunk}{digits}", f"+{code}{trunk}{digits}", f"{code}{trunk}{digits}"):
            assert isinstance(read(form, home), Unreadable), (form, home)


def test_a_word_spelt_is_nobody_however_it_is_dialled_from_abroad() -> None:
    assert isinstance(read("010 81 266696687", "JP"), Unreadable)


@pytest.mark.parametrize(
    "form",
    [
        *("{}", " {} ", "sip:{}@example.org", "sip:{}", "sips:{}@192.0.2.1:5061;user=phone"),
        *('"{}" <sip:{}@anonymous.invalid>', "<sip:{}@anonymous.invalid>", '"{}"', "tel:{}"),
    ],
)
def test_a_word_is_nobody_in_every_case(form: str) -> None:
    for word in (
        *WORDS,
        "no caller ID",
        "Out-of-Area",
        "PRIVATE NUMBER",
        "caller unknown",
        "Number Withheld",
    ):
        for cased in (word, word.upper(), word.title()):
            given = form.replace("{}", cased)
            assert Caller.is_withheld_by(given), given
            assert Caller.of(given, "US").withheld


@pytest.mark.parametrize(
    "given", ["+34600000001", "+17378742834", "+12125550123", "+17372666966", "+862824522531", "bob", "112"]
)
def test_what_is_none(given: str) -> None:
    assert not Caller.is_withheld_by(given)
