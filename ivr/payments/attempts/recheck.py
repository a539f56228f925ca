"""The job after a webhook that contradicts our books: it looks the payment up again until the gateway has
answered, for a day at most. After that a person has to look.

The webhook says that money was taken for an attempt that ended without a charge, or needs review. The answer
is recorded like every other: it resolves what needs review; a contradiction is only recorded and logged. Or
the webhook says that money of a payment was refunded: then the gateway is asked how much of it this server
did not refund (`ivr.payments.refunds.external_refunds`).
"""

from dataclasses import dataclass

import sqlalchemy as sa
import structlog

from gateways.contract import Unknown
from ivr.payments import timeouts
from ivr.payments.attempts import gateway_answers, store
from ivr.payments.attempts.order import order_of
from ivr.payments.attempts.states import FINAL, State
from ivr.payments.attempts.store import Attempt
from ivr.payments.attempts.transitions import Transitions
from ivr.payments.gateway_client import GatewayClient
from ivr.payments.history import Difference
from ivr.payments.links import store as link_store
from ivr.payments.refunds import external_refunds
from ivr.platform.database.engine import reading

log = structlog.get_logger()

RECHECKED = (FINAL | {State.NEEDS_REVIEW}) - {State.APPROVED}
"""States in which a report of money taken is rechecked. `APPROVED` agrees with it already; in every other
state a job of the attempt is still to run.
"""


@dataclass(frozen=True, slots=True)
class RecheckJob:
    """Asks one gateway about what its webhooks said."""

    engine: sa.Engine
    transitions: Transitions
    gateway: GatewayClient

    def run(self, attempt_id: str, nth: int) -> None:
        """Looks the payment up once, and cancels nothing. Schedules the next look if there is no answer."""
        with reading(self.engine) as tx:
            attempt = store.get(tx, attempt_id)
        if attempt.jobs != nth:
            return
        if external_refunds.is_asked(attempt):
            self._who_refunded(attempt, nth)
        elif attempt.state in RECHECKED:
            self._what_was_taken(attempt, nth)

    def _what_was_taken(self, attempt: Attempt, nth: int) -> None:
        with reading(self.engine) as tx:
            order, link = order_of(tx, attempt), link_store.of(tx, attempt)
        answer = self.gateway.lookup(attempt, order, cancel=False, link=link)
        with self.engine.begin() as tx:
            before = store.locked(tx, attempt.id)
            after = gateway_answers.record(self.transitions, tx, before, answer, note="found after a notice")
            if after.jobs != nth:
                return  # another webhook scheduled a newer look meanwhile
            is_open = (
                isinstance(answer, Unknown)
                and after.state in RECHECKED
                and self._look_again(tx, after, "money was taken", answer.reason)
            )
            if not is_open:
                self.transitions.end_recheck(tx, after)

    def _who_refunded(self, attempt: Attempt, nth: int) -> None:
        answer = self.gateway.refunded_externally(attempt)
        with self.engine.begin() as tx:
            attempt = store.locked(tx, attempt.id)
            if attempt.jobs != nth:
                return
            if not isinstance(answer, Unknown):
                external_refunds.record(self.transitions, tx, attempt, answer)
            elif not self._look_again(tx, attempt, "money was given back", answer.reason):
                external_refunds.give_up(self.transitions, tx, attempt)

    def _look_again(self, tx: sa.Connection, attempt: Attempt, reported: str, reason: str) -> bool:
        """Schedules the next look; False after a day, when a person has to look."""
        now = self.transitions.clock.now()
        open_s = (now - (attempt.verify_since or now)).total_seconds()
        log.warning("notice_still_unverified", attempt_id=attempt.id, reason=reason, open_s=open_s)
        delay_s = timeouts.ASK_AGAIN.delay_after_s(open_s)
        if delay_s is not None:
            self.transitions.recheck(tx, attempt, delay_s)
            return True
        facts = {"attempt_id": attempt.id, "reference": attempt.reference, "state": str(attempt.state)}
        log.error("notice_for_a_person", **facts)
        note = f"the gateway reported that {reported}, but could not confirm it: {reason}"
        self.transitions.add_history(tx, attempt, Difference.UNVERIFIED, note)
        return False
