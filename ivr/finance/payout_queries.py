"""Payouts as programs and people read them: lists, and one with its lines.

A gateway repeats our key on some lines and only its own reference on others, such as those of disputes: then
the payment and the refund are found by that reference, among those of that gateway. A line that is not ours,
such as a refund made in the dashboard, names none.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from ivr.bills.views import bill
from ivr.finance.tables import payout, payout_line
from ivr.payments.views import attempt, refund
from ivr.platform.database import change_feed as feed


class PayoutState(StrEnum):
    """Whether the merchant's bank took it, as far as the gateway told."""

    PAID = "paid"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PayoutShown:
    """A payout without its lines."""

    id: str
    gateway: str
    reference: str
    """The payout's own, in the gateway's dashboard."""
    amount_minor: int
    currency: str
    arrives: datetime
    told_at: datetime
    read_at: datetime | None
    """When its lines were kept; None: they are not here yet."""
    failed_at: datetime | None
    failure_code: str | None
    updated_at: datetime

    @property
    def state(self) -> PayoutState:
        return PayoutState.PAID if self.failed_at is None else PayoutState.FAILED


@dataclass(frozen=True, slots=True)
class LineShown:
    """One line, and whose it is."""

    kind: str
    gross_minor: int
    fee_minor: int
    net_minor: int
    currency: str
    occurred_at: datetime
    payment: str | None
    """The reference that the payer was told."""
    refund_id: str | None
    charge_reference: str | None
    source_reference: str | None
    """Of the charge, refund or dispute itself, in the gateway's dashboard."""


class SeveralPayoutsError(LookupError):
    """Payouts of several gateways have this reference: they are told apart by their ids."""


_UPDATED_AT = feed.latest_of(payout.c.told_at, payout.c.read_at, payout.c.failed_at)
_SHOWN = (*(payout.c[field.name] for field in fields(PayoutShown) if field.name != "updated_at"),)


def changed(
    tx: sa.Connection,
    *,
    bill_reference: str | None = None,
    state: PayoutState | None = None,
    arrives_from: datetime | None = None,
    arrives_until: datetime | None = None,
    cursor: str = "",
    since: datetime | None = None,
    limit: int,
    now: datetime,
) -> feed.Page[PayoutShown]:
    """Payouts that changed after the cursor, or from `since` on. `bill_reference`: those with a line of one
    of the bill's payments. `arrives_until` is the first moment that is too late. Raises BadCursorError.
    """
    query = _select().add_columns(_UPDATED_AT.label("feed_at"), payout.c.id.label("feed_key"))
    if bill_reference is not None:
        query = query.where(_has_line_of(bill_reference))
    if state is not None:
        has_failed = payout.c.failed_at.is_not(None)
        query = query.where(has_failed if state is PayoutState.FAILED else sa.not_(has_failed))
    if arrives_from is not None:
        query = query.where(payout.c.arrives >= arrives_from)
    if arrives_until is not None:
        query = query.where(payout.c.arrives < arrives_until)
    return feed.page(
        tx,
        query,
        _shown,
        name="payouts",
        at=_UPDATED_AT,
        key=payout.c.id,
        cursor=cursor,
        since=since,
        limit=limit,
        now=now,
    )


def latest(tx: sa.Connection, limit: int) -> list[PayoutShown]:
    """Payouts in the order in which they arrive, the last first."""
    query = _select().order_by(payout.c.arrives.desc(), payout.c.id).limit(limit)
    return [_shown(row) for row in tx.execute(query)]


def arriving(
    tx: sa.Connection, *, since: datetime | None = None, until: datetime | None = None
) -> list[PayoutShown]:
    """Those that arrive from `since` on, up to `until` without it, the earliest first."""
    wanted = [] if since is None else [payout.c.arrives >= since]
    wanted += [] if until is None else [payout.c.arrives < until]
    query = _select().where(*wanted).order_by(payout.c.arrives, payout.c.id)
    return [_shown(row) for row in tx.execute(query)]


def show(tx: sa.Connection, name: str) -> tuple[PayoutShown, list[LineShown]] | None:
    """The payout of this id, or of the gateway's reference, with its lines; None where there is none. Raises
    SeveralPayoutsError.
    """
    found = tx.execute(_select().where(sa.or_(payout.c.id == name, payout.c.reference == name))).all()
    if len(found) > 1:
        raise SeveralPayoutsError(name)
    if not found:
        return None
    shown = _shown(found[0])
    return shown, lines(tx, shown.id, shown.gateway)


def lines(tx: sa.Connection, payout_id: str, gateway: str) -> list[LineShown]:
    """The lines of one payout of this gateway, the earliest first."""
    line = payout_line.c
    refund_id = sa.func.coalesce(line.refund_id, _refund_of(gateway, line.source_reference))
    attempt_id = sa.func.coalesce(
        refund.c.attempt_id, line.attempt_id, attempt_of_charge(gateway, line.charge_reference)
    )
    shown = (
        line.kind,
        line.gross_minor,
        line.fee_minor,
        line.net_minor,
        line.currency,
        line.occurred_at,
        attempt.c.reference.label("payment"),
        refund.c.id.label("refund_id"),
        line.charge_reference,
        line.source_reference,
    )
    rows = tx.execute(
        sa.select(*shown)
        .select_from(payout_line)
        .outerjoin(refund, refund.c.id == refund_id)
        .outerjoin(attempt, attempt.c.id == attempt_id)
        .where(line.payout_id == payout_id)
        .order_by(line.occurred_at, line.reference)
    )
    return [LineShown(**row) for row in rows.mappings()]


def attempts_in_lines(name: str) -> sa.CompoundSelect[tuple[str | None]]:
    """Payments by the reference of what a line is of (Stripe's ch_...): known once its payout was read."""
    line = payout_line.c
    named = sa.or_(line.source_reference == name, line.charge_reference == name)
    by_key = sa.select(attempt.c.id).join(payout_line, line.attempt_id == attempt.c.id).where(named)
    by_charge = (
        sa.select(attempt.c.id)
        .join(payout_line, line.charge_reference == attempt.c.gateway_reference)
        .join(payout, sa.and_(payout.c.id == line.payout_id, payout.c.gateway == attempt.c.gateway))
        .where(named)
    )
    return sa.union(by_key, by_charge)


def attempt_of_charge(gateway: Any, reference: sa.ColumnElement[Any]) -> sa.ScalarSelect[Any]:
    """The attempt whose charge has this reference at that gateway (a name, or a column of names)."""
    own = attempt.alias()
    return (
        sa.select(sa.func.min(own.c.id))
        .where(own.c.gateway == gateway, own.c.gateway_reference == reference)
        .scalar_subquery()
    )


def _refund_of(gateway: str, reference: sa.ColumnElement[Any]) -> sa.ScalarSelect[Any]:
    paid, back = attempt.alias(), refund.alias()
    return (
        sa.select(sa.func.min(back.c.id))
        .join(paid, paid.c.id == back.c.attempt_id)
        .where(paid.c.gateway == gateway, back.c.gateway_reference == reference)
        .scalar_subquery()
    )


def _select() -> sa.Select[Any]:
    return sa.select(*_SHOWN, _UPDATED_AT.label("updated_at"))


def _shown(row: sa.Row[Any]) -> PayoutShown:
    return PayoutShown(**{field.name: getattr(row, field.name) for field in fields(PayoutShown)})


def _has_line_of(bill_reference: str) -> sa.ColumnElement[bool]:
    """A line of one of the bill's payments: by our key where the gateway repeats it, or by its own
    reference.
    """
    paid = attempt.join(bill, bill.c.id == attempt.c.bill_id)
    of_bill = sa.select(attempt.c.id).select_from(paid).where(bill.c.reference == bill_reference)
    charges = (
        sa.select(attempt.c.gateway_reference)
        .select_from(paid)
        .where(
            bill.c.reference == bill_reference,
            attempt.c.gateway == payout.c.gateway,
            attempt.c.gateway_reference.is_not(None),
        )
        .correlate(payout)
    )
    return sa.exists().where(
        payout_line.c.payout_id == payout.c.id,
        sa.or_(payout_line.c.attempt_id.in_(of_bill), payout_line.c.charge_reference.in_(charges)),
    )


def failed_since(tx: sa.Connection, moment: datetime) -> list[str]:
    """The references of payouts of which the gateway said since then that they failed."""
    query = sa.select(payout.c.reference).where(payout.c.failed_at >= moment)
    return list(tx.execute(query.order_by(payout.c.failed_at, payout.c.id)).scalars())
