"""The job that finds out what became of a charge: it asks the gateway until the answer is certain, and never
charges again.

"Not found" proves nothing while the request may be under way. Once it cannot be, by our own clock, the
look-up cancels: what has not happened by then never will. After a day a person decides.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from gateways.contract import Authorized, Cancelled, Unknown
from ivr.jobs.job_list import RESOLVE_ATTEMPT
from ivr.payments import timeouts
from ivr.payments.attempts import gateway_answers, store
from ivr.payments.attempts.order import order_of
from ivr.payments.attempts.states import Event, Method, State
from ivr.payments.attempts.store import Attempt
from ivr.payments.attempts.transitions import Transitions
from ivr.payments.gateway_client import GatewayClient
from ivr.payments.links import store as link_store

_AFTER_FOUND_AUTHORIZED = frozenset(
    {State.AUTHORIZED, State.CLAIMED, State.VOIDING, State.VOIDED, State.APPROVED}
)
"""The next states of an unknown attempt that was found authorized."""


@dataclass(frozen=True, slots=True)
class UnknownChargeJob:
    """Looks attempts up at one gateway."""

    engine: sa.Engine
    transitions: Transitions
    gateway: GatewayClient

    def run(self, attempt_id: str, nth: int) -> None:
        """Looks up once; schedules the next look if the outcome is still unknown."""
        with self.engine.begin() as tx:
            attempt = self._to_look_up(tx, attempt_id, nth)
            if attempt is None:
                return
            order, link = order_of(tx, attempt), link_store.of(tx, attempt)
        answer: gateway_answers.Answer
        if self._was_never_confirmed(attempt):
            answer = Cancelled()
        else:
            answer = self.gateway.lookup(attempt, order, cancel=self._may_cancel(attempt), link=link)
        with self.engine.begin() as tx:
            self._record(tx, attempt_id, answer, nth)

    def _to_look_up(self, tx: sa.Connection, attempt_id: str, nth: int) -> Attempt | None:
        """The attempt, if its outcome is unknown and this is the look that was scheduled last."""
        attempt = store.locked(tx, attempt_id)
        if attempt.jobs != nth:
            return None
        if attempt.state is State.CLAIMED:
            if not self._is_past(attempt, timeouts.UNDER_WAY_S):
                self.transitions.schedule(tx, attempt, RESOLVE_ATTEMPT, timeouts.LOOK_FIRST_S)
                return None
            # the move schedules the next look, at once
            self.transitions.move(tx, attempt, Event.MARK_UNKNOWN, note="claimed, and no answer in time")
            return None
        return attempt if attempt.state is State.UNKNOWN else None

    def _was_never_confirmed(self, attempt: Attempt) -> bool:
        """Whether it was to be prepared, and no reference was kept. Then it was never confirmed and no longer
        can be, so the gateway, which may repeat a fault of its own for a day, is not asked. An attempt
        without a token is a link, or its card was entered to authorize.
        """
        return (
            self.gateway.prepares
            and self.gateway.is_of(attempt)
            and attempt.token is not None
            and attempt.gateway_authorization is None
            and attempt.gateway_reference is None
        )

    def _may_cancel(self, attempt: Attempt) -> bool:
        """Whether the request can no longer be under way. A link gets longer: its page charges nothing by
        itself, and the payer was promised it.
        """
        is_link = attempt.method is Method.LINK
        return self._is_past(attempt, timeouts.OPEN_LINK_WITHIN_S if is_link else timeouts.UNDER_WAY_S)

    def _is_past(self, attempt: Attempt, within_s: float) -> bool:
        begun_at = attempt.claimed_at or attempt.unknown_since or attempt.deadline_at
        return (self.transitions.clock.now() - begun_at).total_seconds() >= within_s

    def _record(self, tx: sa.Connection, attempt_id: str, answer: gateway_answers.Answer, nth: int) -> None:
        """Records the answer; schedules the next look only if no newer one was scheduled meanwhile."""
        before = store.locked(tx, attempt_id)
        if isinstance(answer, Authorized) and before.state in _AFTER_FOUND_AUTHORIZED:
            return  # another look was faster; what was held then may be captured or voided by now
        attempt = gateway_answers.record(self.transitions, tx, before, answer, note="found by a look-up")
        if attempt.state is State.UNKNOWN and isinstance(answer, Unknown) and attempt.jobs == nth:
            self.transitions.reschedule(tx, attempt, answer.reason, log_as="attempt_still_unknown")
