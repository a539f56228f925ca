"""The job at an attempt's deadline: what nobody claimed by then is given up.

A reserved attempt is abandoned, and never sent; an authorized one is released; a card entry that is overdue,
of a call that is gone, is asked after. A deadline that was moved is waited for anew. What could go wrong is a
call that is never said to have ended: after an hour it is taken as gone.
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


@dataclass(frozen=True, slots=True)
class ExpiryJob:
    """Ends what nobody claimed in time. It talks to nobody."""

    engine: sa.Engine
    transitions: Transitions

    def run(self, attempt_id: str, nth: int) -> None:
        """Gives the attempt up where its deadline is past and nobody claimed it."""
        with self.engine.begin() as tx:
            attempt = store.locked(tx, attempt_id)
            now = self.transitions.clock.now()
            if attempt.state not in {State.RESERVED, State.AUTHORIZING, State.AUTHORIZED}:
                return
            if now < attempt.deadline_at:
                self._wait_on(tx, attempt, nth, (attempt.deadline_at - now).total_seconds())
            elif attempt.state is State.RESERVED:
                self.transitions.move(tx, attempt, Event.ABANDON, note="not claimed by its deadline")
            elif attempt.state is State.AUTHORIZED:
                self.transitions.move(tx, attempt, Event.VOID, note="not claimed by its deadline")
            elif _card_may_still_come(tx, attempt, now):
                self._wait_on(tx, attempt, nth, timeouts.CARD_LOOK_S)
            else:
                self.transitions.move(tx, attempt, Event.MARK_UNKNOWN, note="no card by its deadline")

    def _wait_on(self, tx: sa.Connection, attempt: Attempt, nth: int, delay_s: float) -> None:
        """A later look, unless one was asked for since."""
        if nth == attempt.jobs:
            self.transitions.ask(tx, attempt, EXPIRE_ATTEMPT, delay_s)


def _card_may_still_come(tx: sa.Connection, attempt: Attempt, now: datetime) -> bool:
    """Whether the caller may still be keying: the call is there, and no older than a call can be."""
    age_s = (now - attempt.created_at).total_seconds()
    return (
        age_s < timeouts.CARD_AT_MOST_S and attempt.call_id is not None and store.call_is_there(tx, attempt)
    )
