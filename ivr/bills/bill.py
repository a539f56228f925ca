"""A bill as we keep it, and a bill as somebody brings it. Values, no I/O.

`NewBill` cannot be made wrong: every rule that the database holds as a constraint is refused here first, by a
BillError that names the field. No sentence repeats what was given: it may be anybody's data, and it may be
logged.
"""

import re
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Self

import sqlalchemy as sa

from gateways.capability import Capabilities
from ivr.platform.money import is_money, plain

AMOUNT_MAX_MINOR = 10**15 - 1
"""Above any bill; a few of them still add up within a 64-bit column and within a JSON number."""
_REFERENCE = re.compile(r"[0-9]{8}")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


class BillError(ValueError):
    """What was given makes no bill; the message is a sentence that begins with the field's name."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field} {rule}")
        self.field = field
        self.rule = rule


class TwoReadingsError(BillError):
    """A field that can be read in two ways, both in the message."""


class BillChangeError(BillError):
    """The bill stands, and this change cannot be made to it now."""


class Status(StrEnum):
    """What a source says of a bill."""

    OPEN = "open"
    PAID = "paid"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Bill:
    """One row of the table `bill`, and what follows from it."""

    id: str
    reference: str
    currency: str
    billed_minor: int
    minimum_minor: int
    paid_elsewhere_minor: int
    paid_minor: int
    """Approved here, less refunds."""
    reserved_minor: int
    """Held by attempts whose outcome is open."""
    due_date: date | None
    payer_phone: str | None
    withdrawn: bool
    source: str
    created_at: datetime
    updated_at: datetime
    said_elsewhere_minor: int | None = None
    """Paid elsewhere by its source's last word, which waits until the links that are open are closed."""

    @classmethod
    def from_row(cls, row: sa.Row[Any]) -> Self:
        return cls(**{field.name: getattr(row, field.name) for field in fields(cls)})

    @property
    def elsewhere_minor(self) -> int:
        """Paid by other ways than this server, as its source said last."""
        return self.paid_elsewhere_minor if self.said_elsewhere_minor is None else self.said_elsewhere_minor

    @property
    def payable_minor(self) -> int:
        """What may be paid this minute; nothing where the bill is withdrawn."""
        if self.withdrawn:
            return 0
        settled = self.paid_minor + self.elsewhere_minor
        return max(0, self.billed_minor - settled - self.reserved_minor)

    @property
    def minimum_payable_minor(self) -> int:
        """The least that may be paid at once: a small rest may always be paid whole."""
        return min(self.minimum_minor, self.payable_minor)

    @property
    def is_paid(self) -> bool:
        """Nothing is owed any more, whatever becomes of open attempts."""
        return self.paid_minor + self.elsewhere_minor >= self.billed_minor

    @property
    def is_payable(self) -> bool:
        """Something is owed that nobody is paying, and it is not too little for a payment."""
        return not self.is_paid and not self.is_being_paid and self.payable_minor > 0

    @property
    def is_being_paid(self) -> bool:
        """Somebody is paying this minute, and what they leave is too little for another payment."""
        return not self.withdrawn and self.reserved_minor > 0 and self.payable_minor < self.minimum_minor

    @property
    def status(self) -> Status:
        if self.withdrawn:
            return Status.WITHDRAWN
        return Status.PAID if self.is_paid else Status.OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBill:
    """A bill as a source describes it. What is None in the last two, the source does not say: it stays as it
    is.
    """

    reference: str
    currency: str
    billed_minor: int
    minimum_minor: int
    due_date: date | None = None
    payer_phone: str | None = None
    """E.164."""
    paid_elsewhere_minor: int | None = None
    """Paid to the merchant by other ways than this server."""
    status: Status | None = None

    def __post_init__(self) -> None:
        if not _REFERENCE.fullmatch(self.reference):
            raise BillError(
                "reference", "must be exactly 8 digits (has a spreadsheet dropped leading zeros?)"
            )
        _check_currency(self.currency)
        _check_minor("amount", self.billed_minor, least=1)
        _check_minor("minimum", self.minimum_minor, least=1)
        if self.minimum_minor > self.billed_minor:
            raise BillError("minimum", "must not be more than the amount")
        if self.paid_elsewhere_minor is not None:
            _check_minor("paid_elsewhere", self.paid_elsewhere_minor, least=0)
        if self.payer_phone is not None and not _E164.fullmatch(self.payer_phone):
            raise BillError("phone", "must be a phone number in E.164 format, like +34600123456")


def _check_currency(currency: str) -> None:
    if not is_money(currency):
        raise BillError("currency", "must be an ISO 4217 code, like EUR")


def _check_minor(field: str, value: int, *, least: int) -> None:
    """A bool and a float are no amounts, however whole they look."""
    if type(value) is not int:
        raise BillError(field, "must be a whole number of minor units")
    if value < least:
        raise BillError(field, "must be more than 0" if least else "must be 0 or more")
    if value > AMOUNT_MAX_MINOR:
        raise BillError(field, "is too large")


def not_chargeable(new: NewBill, gateway: Capabilities) -> str | None:
    """What callers cannot pay of it, as a sentence without its full stop; None where they can pay it all.

    It is told to whoever brings the bill, which is taken all the same: the gateway may be another one by the
    time it is paid.
    """
    currency = new.currency
    if gateway.currencies is not None and currency not in gateway.currencies:
        return f"the gateway does not accept {currency}: callers cannot pay this bill"
    least = gateway.minimum_amounts.get(currency, 0)
    most = gateway.maximum_amounts.get(currency)
    step = gateway.amount_steps.get(currency, 1)
    if new.billed_minor < least:
        return f"the gateway charges at least {plain(least, currency)}: callers cannot pay this bill"
    if most is not None and new.billed_minor > most:
        can = "can pay it only in parts" if new.minimum_minor <= most else "cannot pay this bill"
        return f"the gateway charges at most {plain(most, currency)} at once: callers {can}"
    if new.billed_minor % step:
        return (
            f"the gateway charges in steps of {plain(step, currency)}: callers cannot pay this bill in full"
        )
    if new.minimum_minor < least:
        return f"the gateway charges at least {plain(least, currency)}: callers cannot pay less at once"
    return None
