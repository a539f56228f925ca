"""A bill as others write it, in a CSV row, a JSON object or a command: named texts, read into a NewBill.

An amount is decimal text ("49.90") or whole minor
units (`amount_minor`), never a float. Characters are checked before any parser sees them, so that exponents,
other scripts' digits and control characters are refused alike from every door.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar

from ivr import money
from ivr.bills.bill import BillError, NewBill, Status
from ivr.phone_numbers import Ambiguous, Unreadable, read

NAMES = (
    "reference",
    "amount",
    "amount_minor",
    "currency",
    "minimum",
    "minimum_minor",
    "due_date",
    "phone",
    "paid_elsewhere",
    "paid_elsewhere_minor",
    "status",
)
"""Every field that a bill may be described by."""
_DECIMAL = re.compile(r"[0-9]{1,15}(\.[0-9]{1,4})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
Given = Mapping[str, Any]
T = TypeVar("T")


def read_bill(
    given: Given, *, home_country: str, on_left_out: Callable[[BillError], None] | None = None
) -> NewBill:
    """The bill; raises BillError. An empty text is a field that was not given; names that are none of ours
    are left alone.

    With `on_left_out`, a phone or a due date that cannot be read is left out and told there: a bill can be
    paid without them. Amounts and the status are never left out: the caller could pay too much.
    """
    currency = _currency(given)
    billed = read_amount(given, "amount", currency)
    if billed is None:
        raise BillError("amount", "must be given: decimal text, like 49.90, or amount_minor")
    minimum = read_amount(given, "minimum", currency)
    return NewBill(
        reference=_text(given, "reference"),
        currency=currency,
        billed_minor=billed,
        minimum_minor=billed if minimum is None else minimum,
        due_date=_or_left_out(lambda: _due_date(given), on_left_out),
        payer_phone=_or_left_out(lambda: _phone(given, home_country), on_left_out),
        paid_elsewhere_minor=read_amount(given, "paid_elsewhere", currency),
        status=_status(given),
    )


def unknown_names(given: Given) -> list[str]:
    """The names that no bill is described by: a door that wants typing errors told refuses them."""
    return [name for name in given if name not in NAMES]


def _or_left_out(read_field: Callable[[], T], on_left_out: Callable[[BillError], None] | None) -> T | None:
    try:
        return read_field()
    except BillError as fault:
        if on_left_out is None:
            raise
        on_left_out(fault)
        return None


def _text(given: Given, name: str) -> str:
    value = given.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BillError(name, "must be text")
    return value.strip(" \t")


def _currency(given: Given) -> str:
    code = _text(given, "currency").upper()
    try:
        money.decimals(code)
    except money.InvalidAmountError:
        raise BillError("currency", "must be an ISO 4217 code, like EUR") from None
    return code


def read_amount(given: Given, name: str, currency: str) -> int | None:
    """Minor units; None where neither form was given. Zero is left for NewBill to judge."""
    minor = given.get(f"{name}_minor")
    text = _text(given, name)
    if minor is not None and text:
        raise BillError(name, f"is given twice: leave out {name} or {name}_minor")
    if minor is not None:
        if type(minor) is not int:
            raise BillError(f"{name}_minor", "must be a whole number of minor units")
        return minor
    if not text:
        return None
    if not _DECIMAL.fullmatch(text):
        raise BillError(name, "must be digits with a decimal point, like 49.90")
    if not text.strip("0."):
        return 0
    try:
        return money.parse_minor(text, currency)
    except money.InvalidAmountError:
        places = money.decimals(currency)
        raise BillError(name, f"must have at most the {places} decimals of {currency}") from None


def _due_date(given: Given) -> date | None:
    text = _text(given, "due_date")
    if not text:
        return None
    rule = "must be a day written YYYY-MM-DD"
    if not _DATE.fullmatch(text):
        raise BillError("due_date", rule)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BillError("due_date", rule) from None


def _phone(given: Given, home_country: str) -> str | None:
    """E.164, as it is dialled."""
    text = _text(given, "phone")
    if not text:
        return None
    match read(text, home_country):
        case Ambiguous() as two:
            raise BillError("phone", two.sentence)
        case Unreadable(is_withheld=True):
            raise BillError("phone", "is how carriers tell of a withheld number: leave it out")
        case Unreadable():
            home = f", or one of {home_country} without its prefix" if home_country else ""
            raise BillError("phone", f"must be a phone number, like +34600123456{home}; no extension")
        case number:
            return number.dial


def _status(given: Given) -> Status | None:
    text = _text(given, "status").lower()
    if not text:
        return None
    try:
        return Status(text)
    except ValueError:
        raise BillError("status", f"must be one of {', '.join(Status)}") from None
