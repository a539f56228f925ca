"""The job at an attempt's deadline: what no worker claimed by then is given up.

A reserved attempt is abandoned, and never sent; an authorized one is voided; a card entry that is overdue is
looked up once its call has ended. A call that is never reported as ended counts as ended after an hour.
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
    """Ends what no worker claimed in time. It talks to nobody."""

    engine: sa.Engine
    transitions: Transitions

    def run(self, attempt_id: str, nth: int) -> None:
        """Gives the attempt up where its deadline is past; a deadline that was moved is waited for anew."""
        with self.engine.begin() as tx:
            attempt = store.locked(tx, attempt_id)
            if attempt.state not in _AT_DEADLINE:
                return
            wait_s = self._wait_s(tx, attempt)
            if wait_s is None:
                event, note = _AT_DEADLINE[attempt.state]
                self.transitions.move(tx, attempt, event, note=note)
            elif nth == attempt.jobs:  # or a later look was asked for since
                self.transitions.ask(tx, attempt, EXPIRE_ATTEMPT, wait_s)

    def _wait_s(self, tx: sa.Connection, attempt: Attempt) -> float | None:
        """Seconds until the next look; None: it is given up now."""
        now = self.transitions.clock.now()
        if now < attempt.deadline_at:
            return (attempt.deadline_at - now).total_seconds()
        is_keying = attempt.state is State.AUTHORIZING and _card_may_still_come(tx, attempt, now)
        return timeouts.CARD_LOOK_S if is_keying else None


def _card_may_still_come(tx: sa.Connection, attempt: Attempt, now: datetime) -> bool:
    """Whether the caller may still be keying: the call is there, and no older than a call can be."""
    age_s = (now - attempt.created_at).total_seconds()
    return (
        age_s < timeouts.CARD_AT_MOST_S and attempt.call_id is not None and store.call_is_there(tx, attempt)
    )
