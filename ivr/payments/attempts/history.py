"""A payment's history: one line for each move of its attempt, of its refunds, and for each discrepancy.

What lists payments reads their changes here.
"""

from datetime import datetime

import sqlalchemy as sa

from ivr.payments.attempts.states import State
from ivr.payments.attempts.store import Attempt, fit
from ivr.payments.tables import attempt_move


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
