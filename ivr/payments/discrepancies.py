"""Discrepancies: where the gateway, or the bill's source, says something else than our books. Each is a line
of the payment's history, for finance.

The books are not changed by it: a person has to look. `paybycall doctor` names such payments for a week, and
`payment show` always.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from ivr.payments.tables import attempt, attempt_move


class Difference(StrEnum):
    """What is written down as the event of a move; kept in the database, so never renamed."""

    CONTRADICTION = "contradiction"
    """The gateway says now what it had ruled out."""
    UNVERIFIED = "unverified"
    """It told of money taken against our books, and for a day it did not answer what."""
    REFUND_UNVERIFIED = "refund_unverified"
    """The same of a refund."""
    REFUND_CAME_BACK = "refund_came_back"
    """The payer's bank did not take it: the merchant has the money, and owes it."""
    GIVEN_BACK_ELSEWHERE = "given_back_elsewhere"
    """Given back without us: somebody did it in the gateway's dashboard."""
    PAID_ELSEWHERE_TOO = "paid_elsewhere_too"
    """The bill's source had said that it was paid elsewhere, and its link was paid before it was closed."""
    CHARGE_OF_TWO_PAYMENTS = "charge_of_two_payments"
    """Another payment holds the same charge: a person had named it there, unchecked."""
    PAID_THOUGH_WITHDRAWN = "paid_though_withdrawn"
    """The bill's source had withdrawn it, and what was under way by then was paid."""


@dataclass(frozen=True, slots=True)
class Told:
    """One such line."""

    at: datetime
    kind: Difference
    note: str


_IS_ONE = attempt_move.c.event.in_([*Difference])


def of_payment(tx: sa.Connection, attempt_id: str) -> list[Told]:
    """The payment's, the earliest first."""
    rows = tx.execute(
        sa.select(attempt_move.c.at, attempt_move.c.event, attempt_move.c.note)
        .where(attempt_move.c.attempt_id == attempt_id, _IS_ONE)
        .order_by(attempt_move.c.id)
    )
    return [Told(row.at, Difference(row.event), row.note or "") for row in rows]


def is_told(tx: sa.Connection, attempt_id: str, kind: Difference, note: str) -> bool:
    """Whether this very line stands there."""
    line = sa.and_(attempt_move.c.attempt_id == attempt_id, attempt_move.c.event == kind)
    same = sa.and_(line, attempt_move.c.note == note)
    return tx.execute(sa.select(attempt_move.c.id).where(same).limit(1)).first() is not None


def payments_since(tx: sa.Connection, moment: datetime) -> list[str]:
    """References of the payments of which such a thing was told since then, the earliest first."""
    first = sa.func.min(attempt_move.c.id)
    rows = tx.execute(
        sa.select(attempt.c.reference)
        .join(attempt_move, attempt_move.c.attempt_id == attempt.c.id)
        .where(_IS_ONE, attempt_move.c.at >= moment)
        .group_by(attempt.c.reference)
        .order_by(first)
    )
    return list(rows.scalars())
