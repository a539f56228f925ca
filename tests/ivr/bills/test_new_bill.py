"""What makes a bill and what does not: each refusal names its field and repeats nothing of what was given."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.bills.bill import AMOUNT_MAX_MINOR, BillError, NewBill, Status
from ivr.bills.fields import LeftOut, read_bill, unknown_names
from ivr.platform.amounts import Spelling

GOOD = {"reference": "12345678", "amount": "49.90", "currency": "EUR"}


def read(**changed: Any) -> NewBill:
    return read_bill({**GOOD, **changed}, home_country="ES")


def read_without(left_out: LeftOut, **changed: Any) -> NewBill:
    return read_bill({**GOOD, **changed}, home_country="ES", on_left_out=left_out)


def test_a_whole_bill() -> None:
    assert read(
        minimum="10", due_date="2026-12-24", phone="600 123 456", paid_elsewhere="5.00", status="Open"
    ) == NewBill(
        reference="12345678",
        currency="EUR",
        billed_minor=4990,
        minimum_minor=1000,
        due_date=date(2026, 12, 24),
        payer_phone="+34600123456",
        paid_elsewhere_minor=500,
        status=Status.OPEN,
    )


def test_what_is_left_out_has_a_meaning() -> None:
    bill = read()
    assert bill.minimum_minor == bill.billed_minor == 4990
    assert (bill.due_date, bill.payer_phone, bill.paid_elsewhere_minor, bill.status) == (None,) * 4
    assert read(minimum="", due_date="  ", phone="", status="") == bill


@pytest.mark.parametrize(
    ("currency", "amount", "minor"),
    [
        ("EUR", "49.9", 4990),
        ("eur", "49", 4900),
        ("JPY", "4990", 4990),
        ("KWD", "4.99", 4990),
        ("EUR", "0.01", 1),
    ],
)
def test_amounts_in_the_decimals_of_their_currency(currency: str, amount: str, minor: int) -> None:
    assert read(currency=currency, amount=amount).billed_minor == minor


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reference", "1234567"),
        ("reference", "123456789"),
        ("reference", "1234567a"),
        ("reference", "".join(chr(0xFF10 + n) for n in range(8))),
        ("reference", "12345678\n"),
        ("reference", "'; DROP TABLE bill; --"),
        ("reference", 12345678),
        ("currency", ""),
        ("currency", "EURO"),
        ("currency", "<b>"),
        ("amount", ""),
        ("amount", "0"),
        ("amount", "0.00"),
        ("amount", "-1"),
        ("amount", "+1"),
        ("amount", "1e3"),
        ("amount", "1e999999999"),
        ("amount", "NaN"),
        ("amount", "Infinity"),
        ("amount", "1_000"),
        ("amount", "٤٩"),
        ("amount", "49.901"),
        ("amount", "1,000"),
        ("amount", "=1+1"),
        ("amount", "49.90\x00"),
        ("amount", "9" * 40),
        ("amount", 49.9),
        ("amount", 49),
        ("amount", True),
        ("amount", ["49.90"]),
        ("minimum", "49.91"),
        ("minimum", "0"),
        ("paid_elsewhere", "-1"),
        ("amount", "1.000"),
        ("amount", "49.9000"),
        ("minimum", "1.000"),
        ("paid_elsewhere", "1.000"),
        ("currency", "XXX"),
        ("currency", "XAU"),
        ("status", "cancelled"),
    ],
)
def test_refusals_name_the_field_and_repeat_nothing(field: str, value: object) -> None:
    with pytest.raises(BillError) as refused:
        read(**{field: value})
    assert refused.value.field == field
    assert str(refused.value).startswith(field)
    if isinstance(value, str) and len(value) > 4:
        assert value not in str(refused.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("due_date", "24/12/2026"),
        ("due_date", "2026-02-30"),
        ("due_date", "2026-12-24T00:00:00"),
        ("due_date", "2026-12-24 00:00"),
        ("due_date", "20261224"),
        ("due_date", "2026-W52-4"),
        ("due_date", "soon"),
        ("due_date", 20261224),
        ("phone", "unknown"),
        ("phone", "123"),
        ("phone", "=+34600123456"),
        ("phone", "+34600123456;ext=5"),
        ("phone", "600123456 x5"),
        ("phone", "0800-FLOWERS"),
        ("phone", "+999600123456"),
        ("phone", ["+34600123456"]),
    ],
)
def test_an_odd_phone_or_due_date_is_left_out_and_told(field: str, value: object) -> None:
    left_out = LeftOut(refuse_two=True)
    assert read_without(left_out, **{field: value}) == read()
    [told] = left_out.told
    assert told.startswith(f"without its {field}, which ")
    assert value == "123" or str(value) not in told


@pytest.mark.parametrize(
    "value", [0, -1, AMOUNT_MAX_MINOR + 1, 2**63, 10**400, 49.0, True, float("nan"), "4990"]
)
def test_minor_units_are_whole_positive_and_bounded(value: object) -> None:
    with pytest.raises(BillError, match=r"^amount"):
        read_bill({"reference": "12345678", "currency": "EUR", "amount_minor": value}, home_country="ES")


def test_an_amount_given_twice_is_refused() -> None:
    with pytest.raises(BillError, match="given twice"):
        read(amount_minor=4990)


def test_home_numbers_need_a_home() -> None:
    assert read(phone="+44 7400 123456").payer_phone == "+447400123456"
    with pytest.raises(BillError, match=r"^phone"):
        read_bill({**GOOD, "phone": "600123456"}, home_country="")


def test_a_phone_that_two_people_could_have_is_refused_with_both_readings() -> None:
    both = r"^phone can be read as \+468123456 or as \+46468123456: write it with \+"
    with pytest.raises(BillError, match=both):
        read_bill({**GOOD, "phone": "468123456"}, home_country="SE")
    left_out: list[BillError] = []
    odd = {**GOOD, "phone": "468123456", "due_date": "24/12/2026"}
    bill = read_bill(odd, home_country="SE", on_left_out=left_out.append)
    assert bill == read()
    assert [fault.field for fault in left_out] == ["due_date", "phone"]
    with pytest.raises(BillError, match=r"^status"):
        read_bill({**odd, "status": "cancelled"}, home_country="SE", on_left_out=left_out.append)


def test_unknown_names_are_told() -> None:
    assert unknown_names({**GOOD, "due": "2026-12-24"}) == ["due"]


def test_people_write_amounts_in_more_ways_than_programs() -> None:
    """And minor units as text: in a file everything is."""
    given = {**GOOD, "amount": "1\u00a0049,90 €", "minimum_minor": "1000"}
    bill = read_bill(given, home_country="ES", spelling=Spelling.UNSAID)
    assert (bill.billed_minor, bill.minimum_minor) == (104_990, 1000)
    for name, value in (("amount", "1.000"), ("minimum_minor", "10.00"), ("amount", 49.9)):
        with pytest.raises(BillError, match=f"^{name}"):
            read_bill({**given, name: value}, home_country="ES", spelling=Spelling.UNSAID)
    for text in ("49,90", "1 000.00", "€49.90"):
        with pytest.raises(BillError, match=r"^amount must be text: digits with a decimal point"):
            read(amount=text)


@given(
    st.dictionaries(st.sampled_from([*GOOD, "minimum", "phone", "due_date", "status"]), st.text(max_size=20))
)
def test_any_text_is_a_bill_or_a_sentence(fields: dict[str, str]) -> None:
    try:
        bill = read(**fields)
    except BillError as refused:
        assert str(refused).isprintable()  # noqa: PT017 - hypothesis finds both ways
    else:
        assert 0 < bill.minimum_minor <= bill.billed_minor <= AMOUNT_MAX_MINOR
