"""The money columns of a bill: reserved while a payment is under way, paid when it is approved, given back
when it is refunded.

Each function is one conditional UPDATE in the caller's transaction, so two callers of one bill queue on its
row, and the loser is told "no" instead of failing. The CHECK `never_overpaid` stands behind `reserve`: what
could go wrong is a second way to move these columns, and there is none. Where the bill's source said
meanwhile what was paid elsewhere, that counts at once for whoever wants to reserve, and stands in its own
column once nothing is reserved any more.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ivr.bills.tables import bill

ELSEWHERE = sa.func.coalesce(bill.c.said_elsewhere_minor, bill.c.paid_elsewhere_minor)
"""Paid by other ways, as the bill's source said last."""


class ReservationError(Exception):
    """Money was to be moved on a bill that does not hold it there: a bug; the transaction is rolled back."""


def reserve(tx: sa.Connection, bill_id: str, amount_minor: int, now: datetime) -> bool:
    """Holds a part of the bill for one attempt; False, and nothing is changed, where it is no longer due."""
    if amount_minor <= 0:
        raise ValueError("an amount to reserve is above zero")
    free = bill.c.billed_minor - bill.c.paid_minor - bill.c.reserved_minor - ELSEWHERE
    return _changed(
        tx,
        sa.update(bill)
        .where(bill.c.id == bill_id, sa.not_(bill.c.withdrawn), free >= amount_minor)
        .values(reserved_minor=bill.c.reserved_minor + amount_minor, updated_at=now),
    )


def release(tx: sa.Connection, bill_id: str, amount_minor: int, now: datetime) -> None:
    """The attempt ended without a charge: its part of the bill is due again."""
    _must(
        tx,
        bill_id,
        bill.c.reserved_minor >= amount_minor,
        reserved_minor=bill.c.reserved_minor - amount_minor,
        updated_at=now,
        **_source_heard(amount_minor),
    )


def settle(tx: sa.Connection, bill_id: str, amount_minor: int, now: datetime) -> None:
    """The attempt was approved: what was reserved is paid."""
    _must(
        tx,
        bill_id,
        bill.c.reserved_minor >= amount_minor,
        reserved_minor=bill.c.reserved_minor - amount_minor,
        paid_minor=bill.c.paid_minor + amount_minor,
        updated_at=now,
        **_source_heard(amount_minor),
    )


def give_back(tx: sa.Connection, bill_id: str, amount_minor: int, now: datetime) -> None:
    """A refund was approved: that much is no longer paid."""
    _must(
        tx,
        bill_id,
        bill.c.paid_minor >= amount_minor,
        paid_minor=bill.c.paid_minor - amount_minor,
        updated_at=now,
    )


def paid_after_all(tx: sa.Connection, bill_id: str, amount_minor: int, now: datetime) -> bool:
    """A refund came back: that much is paid again. False, and nothing is changed, where somebody else is just
    paying that part.
    """
    taken = bill.c.paid_minor + bill.c.reserved_minor + bill.c.paid_elsewhere_minor + amount_minor
    fits = sa.or_(bill.c.reserved_minor == 0, taken <= bill.c.billed_minor)
    return _changed(
        tx,
        sa.update(bill)
        .where(bill.c.id == bill_id, fits)
        .values(paid_minor=bill.c.paid_minor + amount_minor, updated_at=now),
    )


def overpaid_minor(tx: sa.Connection, bill_id: str) -> int:
    """How much more is paid than was billed; 0: nothing."""
    over = bill.c.paid_minor + ELSEWHERE - bill.c.billed_minor
    return max(0, int(tx.execute(sa.select(over).where(bill.c.id == bill_id)).scalar_one()))


def is_withdrawn(tx: sa.Connection, bill_id: str) -> bool:
    return bool(tx.execute(sa.select(bill.c.withdrawn).where(bill.c.id == bill_id)).scalar_one())


def _source_heard(amount_minor: int) -> dict[str, Any]:
    """The columns of the source's word, where the last that was reserved goes: the word waits no longer."""
    is_last = bill.c.reserved_minor == amount_minor
    return {
        "paid_elsewhere_minor": sa.case((is_last, ELSEWHERE), else_=bill.c.paid_elsewhere_minor),
        "said_elsewhere_minor": sa.case((is_last, sa.null()), else_=bill.c.said_elsewhere_minor),
    }


def _must(tx: sa.Connection, bill_id: str, holds: sa.ColumnElement[bool], **values: Any) -> None:
    if not _changed(tx, sa.update(bill).where(bill.c.id == bill_id, holds).values(**values)):
        raise ReservationError(f"bill {bill_id} does not hold that amount: nothing was changed")


def _changed(tx: sa.Connection, statement: sa.Update) -> bool:
    return tx.execute(statement).rowcount == 1
