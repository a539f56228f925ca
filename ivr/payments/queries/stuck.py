"""Payments and refunds that somebody has to look at, by their names, the earliest first."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from ivr.payments.attempts.states import State
from ivr.payments.refunds.states import RefundState
from ivr.payments.tables import attempt, refund


def payments_to_review(tx: sa.Connection) -> list[str]:
    """The references of payments that wait for a person's decision."""
    return _names(tx, attempt.c.reference, attempt.c.state == State.NEEDS_REVIEW)


def payments_unknown_since(tx: sa.Connection, before: datetime) -> list[str]:
    """The references of payments that became unknown earlier than this, and still are."""
    is_late = attempt.c.unknown_since < before
    return _names(tx, attempt.c.reference, sa.and_(attempt.c.state == State.UNKNOWN, is_late))


def refunds_to_review(tx: sa.Connection) -> list[str]:
    """The ids of refunds that wait for a person's decision."""
    return _names(tx, refund.c.id, refund.c.state == RefundState.NEEDS_REVIEW)


def refunds_pending_since(tx: sa.Connection, before: datetime) -> list[str]:
    """The ids of refunds that were asked for earlier than this, and have no end."""
    is_pending = refund.c.state.in_([RefundState.ASKED, RefundState.UNKNOWN])
    return _names(tx, refund.c.id, sa.and_(is_pending, refund.c.created_at < before))


def references_of(tx: sa.Connection, attempt_ids: Collection[str]) -> dict[str, str]:
    """The references of these payments, by their ids."""
    query = sa.select(attempt.c.id, attempt.c.reference).where(attempt.c.id.in_(attempt_ids))
    return {row.id: row.reference for row in tx.execute(query)}


def _names(tx: sa.Connection, name: sa.Column[str], where: sa.ColumnElement[bool]) -> list[str]:
    query = sa.select(name).where(where).order_by(name.table.c.created_at, name)
    return list(tx.execute(query).scalars())
