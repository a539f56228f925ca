"""What metrics count, and the payments and refunds that a person has to look at."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from gateways.declines import Decline
from ivr.payments.attempts.states import State
from ivr.payments.refunds.store import RefundState
from ivr.payments.tables import attempt, refund
from ivr.platform.database.engine import count_by


def attempts_by_state(tx: sa.Connection) -> list[tuple[str, int]]:
    """The internal states that there are, and how many attempts are in each."""
    return count_by(tx, attempt.c.state)


def refunds_by_state(tx: sa.Connection) -> list[tuple[str, int]]:
    """The same for refunds."""
    return count_by(tx, refund.c.state)


def declines_by_reason(tx: sa.Connection) -> list[tuple[str, str, int]]:
    """Gateway, reason and count."""
    columns = attempt.c.gateway, attempt.c.decline
    query = sa.select(*columns, sa.func.count()).where(attempt.c.decline.is_not(None)).group_by(*columns)
    return [(gateway, decline, count) for gateway, decline, count in tx.execute(query)]


def generic_declines_by_code(tx: sa.Connection, gateway: str) -> list[tuple[str | None, int]]:
    """The gateway's own code and the count, of declines whose reason is generic."""
    generic = sa.and_(attempt.c.gateway == gateway, attempt.c.decline == Decline.GENERIC)
    query = sa.select(attempt.c.gateway_code, sa.func.count()).where(generic)
    return [(code, count) for code, count in tx.execute(query.group_by(attempt.c.gateway_code))]


def oldest_unknown_since(tx: sa.Connection) -> datetime | None:
    """Since when the oldest of the unknown charges is unknown; None: there is none."""
    since = sa.select(sa.func.min(attempt.c.unknown_since)).where(attempt.c.state == State.UNKNOWN)
    oldest: datetime | None = tx.execute(since).scalar_one()
    return oldest


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
