"""Payments of a period, as finance lists them: by when they were made, when they were settled, or when they
last changed.
"""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from ivr.payments import reading
from ivr.payments.reading import Payment
from ivr.payments.states import State
from ivr.storage import schema

_PAGE = 500


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
    attempts = schema.attempt.c
    moment: sa.ColumnElement[datetime]
    if by is By.CHANGED:
        moves = schema.attempt_move.c
        moment = sa.select(sa.func.max(moves.at)).where(moves.attempt_id == attempts.id).scalar_subquery()
    else:
        moment = attempts.created_at if by is By.CREATED else attempts.settled_at
    wanted = [attempts.state.in_(states)]
    wanted += [] if bill_id is None else [attempts.bill_id == bill_id]
    wanted += [] if since is None else [moment >= since]
    wanted += [] if until is None else [moment < until]
    ids = list(tx.execute(sa.select(attempts.id).where(*wanted).order_by(moment, attempts.id)).scalars())
    for start in range(0, len(ids), _PAGE):
        page = {payment.id: payment for payment in reading.of_ids(tx, ids[start : start + _PAGE])}
        yield from (page[attempt_id] for attempt_id in ids[start : start + _PAGE])
