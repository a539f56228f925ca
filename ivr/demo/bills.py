"""The bills to play with: those that are missing are made anew when a demo starts.

A bill that was paid stays as it is, so that its payments can be looked at; its caller gets another one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from ivr.bills import store
from ivr.bills.bill import Bill, NewBill, Status
from ivr.customers import customer
from ivr.demo.environment import CALLER
from ivr.platform.clock import Clock
from ivr.platform.database.engine import make_engine, reading
from ivr.platform.ids import Ids
from ivr.platform.money import plain

_LOOKED_THROUGH = 500


@dataclass(frozen=True, slots=True)
class Sample:
    """A bill as the demo wants it."""

    phone: str | None
    currency: str
    billed_minor: int
    minimum_minor: int | None = None
    """None: it is paid whole."""
    due_in_days: int | None = None
    status: Status | None = None
    language: str | None = None
    """What its caller spoke in an earlier call."""


DEMO_BILL = Sample(CALLER, "EUR", 4990, 1000, 14)
SAMPLES = (
    DEMO_BILL,
    Sample("+34600000002", "EUR", 12000, None, -5),
    Sample("+34600000002", "EUR", 3550, None, 30),
    Sample("+34600000003", "EUR", 26000, 5000, 7, language="es"),
    Sample("+447400123456", "GBP", 1825, None, 10),
    Sample("+12015550123", "USD", 7500, 2500),
    Sample(None, "EUR", 6420, None, 21),
    Sample(None, "EUR", 8800, status=Status.PAID),
    Sample(None, "EUR", 1500, status=Status.WITHDRAWN),
)


def make_bills(
    database_url: str, clock: Clock, ids: Ids, samples: Sequence[Sample] = SAMPLES
) -> list[tuple[Sample, Bill]]:
    """A bill for each sample."""
    engine = make_engine(database_url)
    try:
        with engine.begin() as tx:
            return [(sample, _bill(tx, sample, clock, ids)) for sample in samples]
    finally:
        engine.dispose()


def bills_of(database_url: str, phone: str) -> list[Bill]:
    """What this number can pay now."""
    engine = make_engine(database_url)
    try:
        with reading(engine) as connection:
            return store.open_for_phone(connection, phone)
    finally:
        engine.dispose()


def what_to_key(own: Sequence[Bill], demo_bill: Bill) -> str:
    """A sentence for who is about to call: which bill is offered, or which reference to key. `own`: the bills
    that this caller can pay.
    """
    if len(own) == 1:
        return f"This caller is offered bill {_named(own[0])}."
    if own:
        keyed = " or ".join(_named(bill) for bill in own)
        return f"This caller has {len(own)} bills, so the call asks for a reference: {keyed}."
    return (
        "No bill that can be paid now has this caller's number. "
        f"If the call asks for a reference, key {_named(demo_bill)}."
    )


def _named(bill: Bill) -> str:
    return f"{bill.reference} ({plain(bill.payable_minor, bill.currency)})"


def told(sample: Sample, bill: Bill, clock: Clock) -> str:
    """What there is to know of a bill, in a few words."""
    if bill.status is not Status.OPEN:
        return f"{bill.status}: nothing to pay"
    parts = ["part payments allowed" if bill.minimum_minor < bill.billed_minor else "in full only"]
    if bill.payable_minor < bill.billed_minor:
        parts.append(f"{plain(bill.payable_minor, bill.currency)} left")
    if bill.due_date is not None:
        parts.append(
            ("overdue since " if bill.due_date < clock.now().date() else "due ") + f"{bill.due_date}"
        )
    if sample.language == "es":
        parts.append("speaks Spanish")
    return ", ".join(parts)


def _bill(tx: sa.Connection, sample: Sample, clock: Clock, ids: Ids) -> Bill:
    if sample.phone and sample.language and customer.find_by_phone(tx, sample.phone) is None:
        customer.remember_language(tx, sample.phone, sample.language, clock=clock, ids=ids)
    for bill in store.latest(tx, _LOOKED_THROUGH):
        if _is_as_wanted(bill, sample):
            return bill
    due = None if sample.due_in_days is None else (clock.now() + timedelta(days=sample.due_in_days)).date()
    new = NewBill(
        reference=ids.reference(),
        currency=sample.currency,
        billed_minor=sample.billed_minor,
        minimum_minor=sample.minimum_minor or sample.billed_minor,
        due_date=due,
        payer_phone=sample.phone,
        status=sample.status,
    )
    store.upsert(tx, new, source="cli", clock=clock, ids=ids)
    made = store.find(tx, new.reference)
    if made is None:
        raise RuntimeError("the demo bill was not kept")
    return made


def _is_as_wanted(bill: Bill, sample: Sample) -> bool:
    is_same = (bill.payer_phone, bill.currency, bill.billed_minor) == (
        sample.phone,
        sample.currency,
        sample.billed_minor,
    )
    return is_same and bill.status is (sample.status or Status.OPEN) and not bill.is_being_paid
