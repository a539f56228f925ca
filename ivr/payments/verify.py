"""The job behind a notice that contradicts our books: the gateway is asked once more, and believed.

May import the rest of `ivr.payments`. A notice says that money was taken for an attempt that is over without
a charge, or waits for a person. The answer goes the same way as every other: it resolves what waits, and a
contradiction is kept, and told as loudly as can be. What could go wrong is a gateway that is silent: it is
asked again for a day, and then a person has to look.
"""

from datetime import datetime

import sqlalchemy as sa
import structlog

from gateways.contract import Unknown
from ivr.payments import answers, patience, pay_link, records
from ivr.payments.asking import Asking
from ivr.payments.differences import Difference
from ivr.payments.moves import Moves
from ivr.payments.order import order_of
from ivr.payments.records import Attempt
from ivr.payments.states import FINAL, State
from ivr.storage.engine import reading

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
            order = order_of(tx, attempt)
            link = pay_link.of(tx, attempt)
        if attempt.state not in VERIFIED or attempt.jobs != nth:
            return
        answer = self._asking.lookup(attempt, order, fence=False, link=link)
        with self._engine.begin() as tx:
            before = records.locked(tx, attempt_id)
            after = answers.record(self._moves, tx, before, answer, note="found after a notice")
            if after.jobs != nth:
                return  # another notice asked for a look of its own meanwhile
            if isinstance(answer, Unknown) and after.state in VERIFIED:
                self._look_again(tx, after, answer.reason)
            else:
                self._moves.verified(tx, after)

    def _look_again(self, tx: sa.Connection, attempt: Attempt, reason: str) -> None:
        now: datetime = self._moves.clock.now()
        open_s = (now - (attempt.verify_since or now)).total_seconds()
        log.warning("notice_still_unverified", attempt_id=attempt.id, reason=reason, open_s=open_s)
        if open_s < patience.FOR_A_PERSON_AFTER_S:
            self._moves.verify(tx, attempt, patience.next_look_s(open_s))
            return
        log.error(
            "notice_for_a_person",
            attempt_id=attempt.id,
            reference=attempt.reference,
            state=str(attempt.state),
        )
        note = f"a notice says that money was taken, and nobody could confirm it: {reason}"
        self._moves.write_down(tx, attempt.id, Difference.UNVERIFIED, attempt.state, note)
        self._moves.verified(tx, attempt)
