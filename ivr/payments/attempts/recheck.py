"""The job behind a notice that contradicts our books: the gateway is asked once more, and believed.

A notice says that money was taken for an attempt that is over without a charge, or waits for a person. The
answer goes the same way as every other: it resolves what waits, and a contradiction is kept, and told as
loudly as can be. Or it says that money of a payment was given back: then the question is by whom
(`ivr.payments.refunds.external_refunds`). What could go wrong is a gateway that is silent: it is asked again
for a day, and then a person has to look.
"""

from datetime import datetime

import sqlalchemy as sa
import structlog

from gateways.contract import Unknown
from ivr.payments import timeouts as patience
from ivr.payments.attempts import gateway_answers as answers
from ivr.payments.attempts import store as records
from ivr.payments.attempts.order import order_of
from ivr.payments.attempts.states import FINAL, State
from ivr.payments.attempts.store import Attempt
from ivr.payments.attempts.transitions import Moves
from ivr.payments.discrepancies import Difference
from ivr.payments.gateway_client import Asking
from ivr.payments.links import store as pay_link
from ivr.payments.refunds import external_refunds as elsewhere
from ivr.platform.database.engine import reading

log = structlog.get_logger()

VERIFIED = (FINAL | {State.FOR_A_PERSON}) - {State.APPROVED}
"""States in which a notice of money taken is looked into; in the others our own answer is on its way."""


class Verifying:
    """Asks one gateway about what it said unasked."""

    def __init__(self, engine: sa.Engine, moves: Moves, asking: Asking) -> None:
        self._engine = engine
        self._moves = moves
        self._asking = asking

    def run(self, attempt_id: str, nth: int) -> None:
        """One look; nothing is fenced. Asks for the next one where the gateway does not say."""
        with reading(self._engine) as tx:
            attempt = records.get(tx, attempt_id)
        if attempt.jobs != nth:
            return
        if elsewhere.is_asked(attempt):
            self._who_gave_back(attempt, nth)
        elif attempt.state in VERIFIED:
            self._what_was_taken(attempt, nth)

    def _what_was_taken(self, attempt: Attempt, nth: int) -> None:
        with reading(self._engine) as tx:
            order = order_of(tx, attempt)
            link = pay_link.of(tx, attempt)
        answer = self._asking.lookup(attempt, order, cancel=False, link=link)
        with self._engine.begin() as tx:
            before = records.locked(tx, attempt.id)
            after = answers.record(self._moves, tx, before, answer, note="found after a notice")
            if after.jobs != nth:
                return  # another notice asked for a look of its own meanwhile
            is_open = (
                isinstance(answer, Unknown)
                and after.state in VERIFIED
                and self._look_again(tx, after, "money was taken", answer.reason)
            )
            if not is_open:
                self._moves.verified(tx, after)

    def _who_gave_back(self, attempt: Attempt, nth: int) -> None:
        answer = self._asking.refunded_externally(attempt)
        with self._engine.begin() as tx:
            attempt = records.locked(tx, attempt.id)
            if attempt.jobs != nth:
                return
            if not isinstance(answer, Unknown):
                elsewhere.record(self._moves, tx, attempt, answer)
            elif not self._look_again(tx, attempt, "money was given back", answer.reason):
                elsewhere.give_up(self._moves, tx, attempt)

    def _look_again(self, tx: sa.Connection, attempt: Attempt, told: str, reason: str) -> bool:
        """Asks for the next look; False after a day, when a person has to look."""
        now: datetime = self._moves.clock.now()
        open_s = (now - (attempt.verify_since or now)).total_seconds()
        log.warning("notice_still_unverified", attempt_id=attempt.id, reason=reason, open_s=open_s)
        if open_s < patience.FOR_A_PERSON_AFTER_S:
            self._moves.verify(tx, attempt, patience.next_look_s(open_s))
            return True
        log.error(
            "notice_for_a_person",
            attempt_id=attempt.id,
            reference=attempt.reference,
            state=str(attempt.state),
        )
        note = f"the gateway reported that {told}, but could not confirm it: {reason}"
        self._moves.write_down(tx, attempt.id, Difference.UNVERIFIED, attempt.state, note)
        return False
