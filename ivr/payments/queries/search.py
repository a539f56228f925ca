"""Finding payments by whatever somebody holds: our references, the gateway's, a call's or a bill's.

Every look-up reads by an index. The first that finds something decides, so a payment's reference is never
taken for a bill of the same eight digits. To move money, use `own`, which takes a payment's own names alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from ivr.bills import views as bills_views
from ivr.calls import views as calls_views
from ivr.finance import disputes, payout_queries
from ivr.payments import tables
from ivr.payments.queries import feed
from ivr.payments.queries.feed import Payment


class NameKind(StrEnum):
    """What a name turned out to be of."""

    PAYMENT = "payment"
    REFUND = "refund"
    CHARGE = "charge"
    """Of the gateway's: a charge, a payment page, or a line of a payout."""
    DISPUTE = "dispute"
    CALL = "call"
    BILL = "bill"


@dataclass(frozen=True, slots=True)
class PaymentMatch:
    """The payments behind a name, the earliest first: none where a call or a bill has none yet."""

    of: NameKind
    payments: tuple[Payment, ...]
    also_a_bill: bool = False
    """A bill has the same eight digits as this payment."""


def find(tx: sa.Connection, name: str) -> PaymentMatch | None:
    """What this name is of; None where nothing here is called so."""
    for of, look_up in _LOOK_UPS:
        ids = set(tx.execute(look_up(name)).scalars()) - {None}
        if ids:
            also_a_bill = of is NameKind.PAYMENT and _is_known(tx, bills_views.bill.c.reference == name)
            return PaymentMatch(of, feed.of_ids(tx, ids), also_a_bill)
    call = calls_views.call.c
    if _is_known(tx, sa.or_(call.id == name, call.call_sid == name)):
        return PaymentMatch(NameKind.CALL, ())
    return PaymentMatch(NameKind.BILL, ()) if _is_known(tx, bills_views.bill.c.reference == name) else None


def own(tx: sa.Connection, name: str) -> PaymentMatch | None:
    """The payment of this id, or of the eight digits that its payer heard: a payment's own names alone."""
    found = feed.show(tx, name)
    if found is None:
        return None
    return PaymentMatch(NameKind.PAYMENT, (found,), _is_known(tx, bills_views.bill.c.reference == name))


def one(tx: sa.Connection, name: str) -> Payment | None:
    """The payment of one of its own names, a refund's or the gateway's; None where there is none, or where
    several fit.
    """
    found = find(tx, name)
    if found is None or found.of not in {NameKind.PAYMENT, NameKind.REFUND, NameKind.CHARGE}:
        return None
    return found.payments[0] if len(found.payments) == 1 else None


def _is_known(tx: sa.Connection, where: sa.ColumnElement[bool]) -> bool:
    return tx.execute(sa.select(sa.literal(1)).where(where).limit(1)).first() is not None


def _own(name: str) -> sa.Select[tuple[str]]:
    attempt = tables.attempt.c
    return sa.select(attempt.id).where(sa.or_(attempt.id == name, attempt.reference == name))


def _refund(name: str) -> sa.Select[tuple[str]]:
    refund = tables.refund.c
    return sa.select(refund.attempt_id).where(sa.or_(refund.id == name, refund.gateway_reference == name))


def _charge(name: str) -> sa.CompoundSelect[tuple[str]]:
    attempt, link = tables.attempt.c, tables.pay_link.c
    return sa.union(
        sa.select(attempt.id).where(attempt.gateway_reference == name),
        sa.select(link.attempt_id).where(link.gateway_reference == name),
    )


def _call(name: str) -> sa.Select[tuple[str]]:
    attempt, call = tables.attempt, calls_views.call
    return (
        sa.select(attempt.c.id)
        .join(call, call.c.id == attempt.c.call_id)
        .where(sa.or_(call.c.id == name, call.c.call_sid == name))
    )


def _bill(name: str) -> sa.Select[tuple[str]]:
    attempt, bill = tables.attempt, bills_views.bill
    return sa.select(attempt.c.id).join(bill, bill.c.id == attempt.c.bill_id).where(bill.c.reference == name)


LookUp = Callable[
    [str], sa.Select[tuple[str]] | sa.CompoundSelect[tuple[str]] | sa.CompoundSelect[tuple[str | None]]
]
_LOOK_UPS: tuple[tuple[NameKind, LookUp], ...] = (
    (NameKind.PAYMENT, _own),
    (NameKind.REFUND, _refund),
    (NameKind.CHARGE, _charge),
    (NameKind.DISPUTE, disputes.disputed_attempts),
    (NameKind.CHARGE, payout_queries.attempts_in_lines),
    (NameKind.CALL, _call),
    (NameKind.BILL, _bill),
)
