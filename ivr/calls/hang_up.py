"""The end of a call: at any step, by the status callback, or by the worker where that was lost.

What the caller had confirmed goes on (they hear of it by text); what they had not confirmed is given up: an
attempt without a charge asked for is withdrawn, a token is wiped.
"""

from dataclasses import dataclass

import sqlalchemy as sa
import structlog

from ivr.calls import store
from ivr.calls.store import CallRow
from ivr.customers import timeline
from ivr.payments.attempts.service import AttemptService
from ivr.platform.clock import Clock

CALL_S_MAX = 4 * 60 * 60
"""The carrier ends a call after four hours; by then a status callback came or was lost."""


@dataclass(frozen=True, slots=True)
class CallEnder:
    """Ends calls, once each."""

    engine: sa.Engine
    attempts: AttemptService
    clock: Clock

    def end_by_sid(self, call_sid: str, because: str) -> bool:
        """The carrier says that the call is over; False where there is no such call under way."""
        with self.engine.begin() as tx:
            return self._end(tx, store.lock_by_sid(tx, call_sid), because)

    def end_silent(self, call_id: str, _nth: int) -> None:
        """The job that a call asks for when it begins: whatever happens, it ends in our books."""
        with self.engine.begin() as tx:
            self._end(tx, store.lock(tx, call_id), "no_word_from_carrier")

    def _end(self, tx: sa.Connection, row: CallRow | None, because: str) -> bool:
        if row is None:
            return False
        structlog.contextvars.bind_contextvars(call_id=row.id)
        if not row.is_active:
            return False
        attempt_id = row.session.get("attempt_id")
        if attempt_id is not None and row.session.get("charging"):
            self.attempts.promise(tx, attempt_id)
        elif attempt_id is not None:
            self.attempts.withdraw(tx, attempt_id)
        kept = {name: row.session.get(name) for name in ("step", "language")}
        store.end(tx, row.id, because=because, session=kept, now=self.clock.now())
        timeline.add(
            tx,
            "call.ended",
            at=self.clock.now(),
            call_id=row.id,
            facts={"because": because, "step": row.session.get("step")},
        )
        return True
