"""Sums over all payments and refunds, as the metrics show them."""

from datetime import datetime

import sqlalchemy as sa

from gateways.declines import Decline
from ivr.payments.attempts.states import State
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
