"""Payouts as programs and people read them: lists, and one with its lines."""

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from ivr.bills.views import bill
from ivr.finance import payout_lines
from ivr.finance.payout_lines import LineShown
from ivr.finance.tables import payout, payout_line
from ivr.payments.views import attempt
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
class Page:
    """Payouts, the earliest change first; see `ivr.platform.database.change_feed`."""

    payouts: list[PayoutShown]
    cursor: str
    has_more: bool


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
) -> Page:
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
    rows = feed.page(
        tx,
        query,
        name="payouts",
        at=_UPDATED_AT,
        key=payout.c.id,
        cursor=cursor,
        since=since,
        limit=limit,
        now=now,
    )
    return Page([_shown(row) for row in rows.rows], rows.cursor, rows.has_more)


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
    return shown, payout_lines.lines(tx, shown.id, shown.gateway)


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
