"""Payments of a period, as finance lists them: by when they were made, when they were settled, or when they
last changed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from ivr.bills import views as bills_views
from ivr.payments import tables
from ivr.payments.attempts.states import State
from ivr.payments.queries import feed
from ivr.payments.queries.feed import Payment, RefundShown

_PAGE = 500


@dataclass(frozen=True, slots=True)
class RefundOfPayment:
    """A refund, and what it is of."""

    refund: RefundShown
    currency: str
    payment: str
    """The payment's reference."""
    bill_reference: str


class By(StrEnum):
    """The moment that a period goes by."""

    CREATED = "created"
    SETTLED = "settled"
    """When its outcome became certain: of an approved one, when it was charged."""
    CHANGED = "changed"


def of_period(
    tx: sa.Connection,
    *,
    by: By = By.CREATED,
    since: datetime | None = None,
    until: datetime | None = None,
    states: frozenset[State] = frozenset(State),
    bill_id: str | None = None,
) -> Iterator[Payment]:
    """The payments from `since` on, up to `until` without it, the earliest first."""
    attempts = tables.attempt.c
    moment: sa.ColumnElement[datetime]
    if by is By.CHANGED:
        moves = tables.attempt_move.c
        moment = sa.select(sa.func.max(moves.at)).where(moves.attempt_id == attempts.id).scalar_subquery()
    else:
        moment = attempts.created_at if by is By.CREATED else attempts.settled_at
    wanted = [attempts.state.in_(states), sa.true() if bill_id is None else attempts.bill_id == bill_id]
    query = sa.select(attempts.id).where(*wanted, *_within(moment, since, until))
    ids = list(tx.execute(query.order_by(moment, attempts.id)).scalars())
    for start in range(0, len(ids), _PAGE):
        page = {payment.id: payment for payment in feed.of_ids(tx, ids[start : start + _PAGE])}
        yield from (page[attempt_id] for attempt_id in ids[start : start + _PAGE])


def latest_refunds(tx: sa.Connection, limit: int) -> Iterator[RefundOfPayment]:
    """The refunds that were requested last, the newest first."""
    refund = tables.refund.c
    return _refunds(tx, _REFUNDS.order_by(refund.created_at.desc(), refund.id.desc()).limit(limit))


def refunds_of_period(
    tx: sa.Connection, *, since: datetime | None, until: datetime | None
) -> Iterator[RefundOfPayment]:
    """The refunds requested from `since` on, up to `until` without it, the earliest first."""
    refund = tables.refund.c
    query = _REFUNDS.where(*_within(refund.created_at, since, until))
    return _refunds(tx, query.order_by(refund.created_at, refund.id))


_REFUNDS = (
    sa.select(
        tables.refund,
        feed.REFUND_UPDATED_AT.label("updated_at"),
        tables.attempt.c.reference.label("payment"),
        bills_views.bill.c.reference.label("bill_reference"),
    )
    .join(tables.attempt, tables.attempt.c.id == tables.refund.c.attempt_id)
    .join(bills_views.bill, bills_views.bill.c.id == tables.attempt.c.bill_id)
)


def _refunds(tx: sa.Connection, query: sa.Select[Any]) -> Iterator[RefundOfPayment]:
    for row in tx.execute(query.execution_options(yield_per=_PAGE)):
        yield RefundOfPayment(feed.refund_shown(row), row.currency, row.payment, row.bill_reference)


def _within(
    moment: sa.ColumnElement[datetime], since: datetime | None, until: datetime | None
) -> list[sa.ColumnElement[bool]]:
    return [
        *([] if since is None else [moment >= since]),
        *([] if until is None else [moment < until]),
    ]
