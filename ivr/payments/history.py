"""A payment's history: a line for each move of its attempt and of its refunds, and for each discrepancy.

A discrepancy is where the gateway, or the bill's source, says something else than our books. It changes no
books: a person has to look. `paybycall doctor` names such payments for a week, `payment show` always.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from ivr.payments.attempts.states import State
from ivr.payments.attempts.store import Attempt, fit
from ivr.payments.tables import attempt, attempt_move


class Difference(StrEnum):
    """The event of a discrepancy's line; kept in the database, so never renamed."""

    CONTRADICTION = "contradiction"
    """The gateway says now what it had ruled out."""
    UNVERIFIED = "unverified"
    """The gateway reported money taken against our books, and could not confirm it for a day."""
    REFUND_UNVERIFIED = "refund_unverified"
    """The same of a refund."""
    REFUND_CAME_BACK = "refund_came_back"
    """The payer's bank did not take it: the merchant has the money, and owes it."""
    REFUNDED_EXTERNALLY = "given_back_elsewhere"
    """Refunded in the gateway's dashboard, and not by this server."""
    PAID_ELSEWHERE_TOO = "paid_elsewhere_too"
    """The bill's source had reported it as paid elsewhere, and its link was paid before it was closed."""
    CHARGE_OF_TWO_PAYMENTS = "charge_of_two_payments"
    """Another payment holds the same charge: a person had named it there, unchecked."""
    PAID_THOUGH_WITHDRAWN = "paid_though_withdrawn"
    """The bill's source had withdrawn it while it was being paid."""


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A line of that kind."""

    at: datetime
    kind: Difference
    note: str


_IS_DISCREPANCY = attempt_move.c.event.in_([*Difference])


def add(
    tx: sa.Connection, attempt_id: str, event: str, state: State, *, at: datetime, note: str = ""
) -> None:
    """A line; `state` is the attempt's after the event."""
    line = {"attempt_id": attempt_id, "event": str(event), "state": state, "at": at}
    tx.execute(sa.insert(attempt_move), line | {"note": fit(attempt_move.c.note, note) or None})


def state_since(tx: sa.Connection, attempt: Attempt) -> datetime:
    """When the attempt came into the state it is in."""
    at = tx.execute(
        sa.select(attempt_move.c.at)
        .where(attempt_move.c.attempt_id == attempt.id, attempt_move.c.state == attempt.state)
        .order_by(attempt_move.c.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return attempt.created_at if at is None else at


def discrepancies_of(tx: sa.Connection, attempt_id: str) -> list[Discrepancy]:
    """The payment's discrepancies, the earliest first."""
    rows = tx.execute(
        sa.select(attempt_move.c.at, attempt_move.c.event, attempt_move.c.note)
        .where(attempt_move.c.attempt_id == attempt_id, _IS_DISCREPANCY)
        .order_by(attempt_move.c.id)
    )
    return [Discrepancy(row.at, Difference(row.event), row.note or "") for row in rows]


def has_line(tx: sa.Connection, attempt_id: str, kind: Difference, note: str) -> bool:
    """Whether the payment's history has this very line."""
    line = sa.and_(attempt_move.c.attempt_id == attempt_id, attempt_move.c.event == kind)
    same = sa.and_(line, attempt_move.c.note == note)
    return tx.execute(sa.select(attempt_move.c.id).where(same).limit(1)).first() is not None


def payments_with_discrepancies(tx: sa.Connection, since: datetime) -> list[str]:
    """References of the payments that got a discrepancy since then, the earliest first."""
    first = sa.func.min(attempt_move.c.id)
    rows = tx.execute(
        sa.select(attempt.c.reference)
        .join(attempt_move, attempt_move.c.attempt_id == attempt.c.id)
        .where(_IS_DISCREPANCY, attempt_move.c.at >= since)
        .group_by(attempt.c.reference)
        .order_by(first)
    )
    return list(rows.scalars())
