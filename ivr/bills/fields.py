"""A bill as others write it, in a CSV row, a JSON object or a command: named texts, read into a NewBill.

An amount is text in the spelling of its door, or whole minor units (`amount_minor`), never a float. Phone and
due date never stop a caller from paying: where they cannot be read they are left out and told. Everything
else that cannot be read is refused.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar

from ivr.bills.bill import BillError, NewBill, Status, TwoReadingsError
from ivr.platform import amounts
from ivr.platform.amounts import SPACES, AmountError, Spelling
from ivr.platform.phone_numbers import Ambiguous, Unreadable, read

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
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
Given = Mapping[str, Any]
T = TypeVar("T")


def read_bill(
    given: Given,
    *,
    home_country: str,
    spelling: Spelling = Spelling.JSON,
    on_left_out: Callable[[BillError], None] | None = None,
) -> NewBill:
    """The bill; raises BillError. An empty text is a field that was not given; names that are none of ours
    are left alone. `spelling`: of the amounts.

    With `on_left_out`, a phone or a due date that cannot be read is left out and told there: a bill can be
    paid without them. Amounts and the status are never left out: the caller could pay too much.
    """
    try:
        currency = amounts.currency_of(_text(given, "currency"))
    except AmountError as fault:
        raise BillError("currency", str(fault)) from None
    billed = read_amount(given, "amount", currency, spelling)
    if billed is None:
        raise BillError("amount", "is missing: give amount, like 49.90, or amount_minor")
    minimum = read_amount(given, "minimum", currency, spelling)
    return NewBill(
        reference=_text(given, "reference"),
        currency=currency,
        billed_minor=billed,
        minimum_minor=billed if minimum is None else minimum,
        due_date=_or_left_out(lambda: _due_date(given), on_left_out),
        payer_phone=_or_left_out(lambda: _phone(given, home_country), on_left_out),
        paid_elsewhere_minor=read_amount(given, "paid_elsewhere", currency, spelling),
        status=_status(given),
    )


class LeftOut:
    """The fields that a bill is stored without, told by its door. With `refuse_two`, one that can be read in
    two ways is refused: whoever brings it can say which is meant.
    """

    def __init__(self, *, refuse_two: bool) -> None:
        self._refuse_two = refuse_two
        self.told: list[str] = []

    def __call__(self, fault: BillError) -> None:
        if self._refuse_two and isinstance(fault, TwoReadingsError):
            raise fault
        self.told.append(f"without its {fault.field}, which {fault.rule}")


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
    return value.strip(SPACES)


def read_amount(given: Given, name: str, currency: str, spelling: Spelling = Spelling.JSON) -> int | None:
    """Minor units; None where neither form was given. Zero is left for the caller to judge."""
    text, minor = _given(given, name), _given(given, f"{name}_minor")
    if text is not None and minor is not None:
        raise BillError(name, f"is given twice: give {name} or {name}_minor, not both")
    if minor is not None:
        return _read_minor(minor, f"{name}_minor", spelling)
    if text is None:
        return None
    if not isinstance(text, str):
        raise BillError(name, 'must be text, like "49.90"')
    try:
        return amounts.read(text, currency, spelling)
    except AmountError as fault:
        raise BillError(name, str(fault)) from None


def _given(given: Given, name: str) -> Any:
    """None where the field is missing or blank."""
    value = given.get(name)
    return None if isinstance(value, str) and not value.strip(SPACES) else value


def _read_minor(value: Any, name: str, spelling: Spelling) -> int:
    """JSON has whole numbers of its own; everywhere else they are text."""
    if type(value) is int:
        return value
    if spelling is Spelling.JSON or not isinstance(value, str):
        raise BillError(name, "must be a whole number of minor units")
    try:
        return amounts.read_minor(value)
    except AmountError as fault:
        raise BillError(name, str(fault)) from None


def _due_date(given: Given) -> date | None:
    text = _text(given, "due_date")
    if not text:
        return None
    rule = "must be a date written as YYYY-MM-DD"
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
            raise TwoReadingsError("phone", two.sentence)
        case Unreadable(is_withheld=True):
            raise BillError("phone", "is what carriers send for a withheld number: leave it empty")
        case Unreadable():
            home = f", or a national number of {home_country}" if home_country else ""
            raise BillError("phone", f"must be a phone number, like +34600123456{home}, without an extension")
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
