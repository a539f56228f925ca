"""From, as carriers send it: numbers of every kind, and all the ways in which a number is withheld."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.customers.caller import WITHHELD, Caller


@pytest.mark.parametrize(
    ("given_", "number", "can_text"),
    [
        ("+34600000001", "+34600000001", True),
        ("600000001", "+34600000001", True),
        ("0034 600 000 001", "+34600000001", True),
        (" +34600000001 ", "+34600000001", True),
        ("+34910000000", "+34910000000", False),  # a landline of Madrid
        ("+34900123456", "+34900123456", False),  # freephone
        ("+447400123456", "+447400123456", True),
        ("+442079460000", "+442079460000", False),
        ("+12125550123", "+12125550123", True),  # fixed or mobile: nobody can tell there
        ("+447700900123", "+447700900123", False),  # possible, and of no range that we know
    ],
)
def test_a_number(given_: str, number: str, can_text: bool) -> None:
    caller = Caller.of(given_, "ES")
    assert caller == Caller(number, can_text, number)
    assert not caller.withheld
    assert caller.counted_as == number


@pytest.mark.parametrize(
    "given_",
    [
        "",
        " ",
        "anonymous",
        "Anonymous",
        "Restricted",
        "unknown",
        "unavailable",
        "+266696687",
        "+17378742833",
        "+12562533",
        "1266696687",
        "sip:+34600000001@example.org",
        "sip:anonymous@anonymous.invalid",
        "client:bob",
        "1-800-FLOWERS",
        "112",
        "+",
        "+34",
        "+999999999999",
        "0",
        "+34600000001;ext=5",
        "+34600000001\n+34600000002",
        "٣٤٦٠٠٠٠٠٠٠١",
    ],
)
def test_nobody_we_can_know(given_: str) -> None:
    caller = Caller.of(given_, "ES")
    assert caller.withheld
    assert not caller.can_text
    assert caller.counted_as == WITHHELD


@given(st.text(max_size=60), st.sampled_from(["ES", "US", "GB", "", "XX"]))
def test_whatever_comes_is_a_caller_and_fits_its_column(text: str, home: str) -> None:
    caller = Caller.of(text, home)
    assert caller.number is None or (caller.number.startswith("+") and len(caller.number) <= 20)
    assert not (caller.withheld and caller.can_text)


@pytest.mark.parametrize(
    ("given_", "home", "number", "dial"),
    [
        ("4915112345678", "DE", "+4915112345678", "+4915112345678"),
        ("468123456", "SE", None, None),  # two people could have it
        ("+5215512345678", "MX", "+525512345678", "+525512345678"),
        ("+5491123456781", "AR", "+541123456781", "+5491123456781"),
        ("+541123456781", "AR", "+541123456781", "+541123456781"),
        ("+551187654321", "BR", "+5511987654321", "+5511987654321"),
    ],
)
def test_known_by_one_number_and_rung_under_another(
    given_: str, home: str, number: str | None, dial: str | None
) -> None:
    caller = Caller.of(given_, home)
    assert (caller.number, caller.dial) == (number, dial)
    assert Caller.of(dial or "", home) == caller, "a call keeps what is dialled"
