"""Phone numbers as people write them: one reading, two that are both shown, or none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.platform.phone_numbers import Ambiguous, PhoneNumber, Unreadable, is_possible, read


@pytest.mark.parametrize(
    ("home", "written", "dial"),
    [
        # A lost plus: digits that are a whole number with their country's code.
        ("DE", "4915112345678", "+4915112345678"),
        ("DE", "491711234567", "+491711234567"),
        ("DE", "498912345678", "+498912345678"),
        ("DE", "49(0)15112345681", "+4915112345681"),
        ("ID", "62812345678", "+62812345678"),
        ("ID", "62211234567", "+62211234567"),
        ("XK", "38344123456", "+38344123456"),
        ("XK", "38338123456", "+38338123456"),
        ("SE", "46812345678", "+46812345678"),
        ("AT", "436641234567", "+436641234567"),
        ("ES", "34600123456", "+34600123456"),
        ("US", "12125550123", "+12125550123"),
        ("IT", "390612345678", "+390612345678"),
        ("RU", "79001234567", "+79001234567"),
        # Digits that only begin like it.
        ("IT", "3912345678", "+393912345678"),
        ("IN", "9198765432", "+919198765432"),
        ("HU", "36123456", "+3636123456"),
        ("DK", "45 12 34 56", "+4545123456"),
        ("NO", "47900000", "+4747900000"),
        # At home, and abroad.
        ("DE", "015112345680", "+4915112345680"),
        ("DE", "0151/12345678", "+4915112345678"),
        ("DE", "+49 (0) 151 12345678", "+4915112345678"),
        ("ES", "600 123 456", "+34600123456"),
        ("ES", "(+34) 600\N{NO-BREAK SPACE}123\N{THIN SPACE}456", "+34600123456"),
        ("ES", "666666666", "+34666666666"),
        ("ES", "0034 600.123.456", "+34600123456"),
        ("ES", "+447700900123", "+447700900123"),
        ("ES", "+6834002", "+6834002"),
        # 00 before a country's code, also where another prefix is dialled, or one of several carriers.
        ("US", "00 34 600 123 456", "+34600123456"),
        ("BR", "0055 11 98765-4321", "+5511987654321"),
        ("CO", "0057 321 1234567", "+573211234567"),
        ("CO", "+0057 321 1234567", "+573211234567"),
        ("ID", "0062812345678", "+62812345678"),
        ("JP", "0081 90 1234 5678", "+819012345678"),
        # A trunk prefix in parentheses: what stands before it is a country's code.
        ("DE", "49(0)30123456", "+4930123456"),
        ("DE", "0049 (0)30 123456", "+4930123456"),
        ("DE", "(0)30 123456", "+4930123456"),
        ("ES", "+34 (0) 600 123 456", "+34600123456"),
        ("ES", "(+49) (0)30 123456", "+4930123456"),
        ("US", "+1 (0)212 555 0123", "+12125550123"),
        ("US", "011 49 (0)30 123456", "+4930123456"),
        ("GB", "+39 (0)2 12345678", "+390212345678"),
        ("GB", "+39 (0)333 1234567", "+393331234567"),
        # Mexico without its old 1, also as it was dialled at home.
        ("MX", "+5215512345678", "+525512345678"),
        ("MX", "+52 1 55 1234 5680", "+525512345680"),
        ("MX", "5215512345678", "+525512345678"),
        ("MX", "044 55 1234 5678", "+525512345678"),
        ("ES", "+525512345678", "+525512345678"),
    ],
)
def test_one_reading(home: str, written: str, dial: str) -> None:
    found = read(written, home)
    assert found == PhoneNumber(dial)
    assert found.identity == dial
    assert read(dial, "ES") == found, "what is kept reads as itself, wherever we are"


@pytest.mark.parametrize(
    ("home", "written", "international", "national"),
    [
        ("IT", "3902345678", "+3902345678", "+393902345678"),  # Milan, or a mobile
        ("SE", "468123456", "+468123456", "+46468123456"),  # Stockholm, or Lund without its 0
        ("SE", "462123456", "+462123456", "+46462123456"),
    ],
)
def test_two_readings_are_both_shown(home: str, written: str, international: str, national: str) -> None:
    found = read(written, home)
    assert found == Ambiguous(PhoneNumber(international), PhoneNumber(national))
    assert international in found.sentence
    assert national in found.sentence
    assert read(f"+{written}", home) == PhoneNumber(international)


@pytest.mark.parametrize(
    ("written", "dial", "identity", "can_text"),
    [
        ("+54 9 11 2345-6781", "+5491123456781", "+541123456781", True),
        ("+54 11 15-2345-6781", "+5491123456781", "+541123456781", True),
        ("+541123456781", "+541123456781", "+541123456781", False),  # it may be a landline
        ("+551187654321", "+5511987654321", "+5511987654321", True),
        ("+5511987654321", "+5511987654321", "+5511987654321", True),
        ("+551177654321", "+551177654321", "+551177654321", True),  # a trunked radio kept eight digits:
        ("+5511977654321", "+5511977654321", "+5511977654321", True),  # this one is somebody else's
        ("+551132123456", "+551132123456", "+551132123456", False),
    ],
)
def test_one_person_whose_number_has_two_forms(
    written: str, dial: str, identity: str, can_text: bool
) -> None:
    found = read(written, "ES")
    assert isinstance(found, PhoneNumber)
    assert (found.dial, found.identity, found.can_text) == (dial, identity, can_text)


@pytest.mark.parametrize(
    ("home", "written"),
    [
        ("US", "555 0123"),  # local only
        ("US", "+15550123"),
        ("AR", "2345-6781"),
        ("GB", "+4479460000"),
        ("BR", "3212-3456"),  # as long as a service number, and without its area
        ("ES", "112"),
        ("US", "22333"),  # short codes
        ("DE", "112233"),
        ("US", "0000000000"),  # fillers
        ("US", "+10000000000"),
        ("US", "+10212550123"),
        ("US", "+11234567890"),
        ("ES", "123456789"),
        ("ES", "+34000000000"),
        ("DE", "+4984593017182787"),  # in some plans any length is valid, but no carrier has more than 15
        ("AT", "+430077992822"),  # a 0 that no number has there: read once more it would be another's
        ("ES", "600123456 ext. 5"),
        ("ES", "600123456x5"),
        ("ES", "600123456/600123457"),
        ("ES", "+34600123456\n+34600123457"),
        ("ES", "٣٤٦٠٠٠٠٠٠٠٠١"),
        ("", "600123456"),
    ],
)
def test_no_number(home: str, written: str) -> None:
    assert read(written, home) == Unreadable()
    assert not is_possible(written, home)


@pytest.mark.slow
@given(st.text(max_size=40), st.sampled_from(["ES", "US", "DE", "AR", "", "XX"]))
def test_whatever_comes_is_read(text: str, home: str) -> None:
    found = read(text, home)
    assert not isinstance(found, PhoneNumber) or read(found.dial, "") == found
