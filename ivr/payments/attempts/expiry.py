"""The job at an attempt's deadline: it ends an attempt that no worker has claimed by then.

A reserved attempt is abandoned, and never sent; an authorized one is voided; an overdue card entry is looked
up once its call has ended, or an hour after the attempt was made.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ivr.jobs.job_list import EXPIRE_ATTEMPT
from ivr.payments import timeouts
from ivr.payments.attempts import store
from ivr.payments.attempts.states import Event, State
from ivr.payments.attempts.store import Attempt
from ivr.payments.attempts.transitions import Transitions

_AT_DEADLINE = {
    State.RESERVED: (Event.ABANDON, "not claimed by its deadline"),
    State.AUTHORIZED: (Event.VOID, "not claimed by its deadline"),
    State.AUTHORIZING: (Event.MARK_UNKNOWN, "no card by its deadline"),
}


@dataclass(frozen=True, slots=True)
class ExpiryJob:
    """Ends attempts that no worker claimed in time. It makes no request to the gateway."""

    engine: sa.Engine
    transitions: Transitions

    def run(self, attempt_id: str, nth: int) -> None:
        """Ends the attempt if its deadline is past and nobody is keying; else schedules the next look."""
        with self.engine.begin() as tx:
            attempt = store.locked(tx, attempt_id)
            if attempt.state not in _AT_DEADLINE:
                return
            wait_s = self._wait_s(tx, attempt)
            if wait_s is None:
                event, note = _AT_DEADLINE[attempt.state]
                self.transitions.move(tx, attempt, event, note=note)
            elif nth == attempt.jobs:  # otherwise a newer look is scheduled already
                self.transitions.schedule(tx, attempt, EXPIRE_ATTEMPT, wait_s)

    def _wait_s(self, tx: sa.Connection, attempt: Attempt) -> float | None:
        """Seconds until the next look; None: it ends now."""
        now = self.transitions.clock.now()
        if now < attempt.deadline_at:
            return (attempt.deadline_at - now).total_seconds()
        is_keying = attempt.state is State.AUTHORIZING and _card_may_still_come(tx, attempt, now)
        return timeouts.CARD_LOOK_S if is_keying else None


def _card_may_still_come(tx: sa.Connection, attempt: Attempt, now: datetime) -> bool:
    """Whether the caller may still be keying: the call is active and the attempt is under an hour old."""
    age_s = (now - attempt.created_at).total_seconds()
    return (
        age_s < timeouts.CARD_AT_MOST_S and attempt.call_id is not None and store.call_is_there(tx, attempt)
    )
