"""The job that lets go of an authorization that nobody will capture, until it is certain.

A void that is not plainly approved proves nothing: a capture may have come first. So a fencing look-up
follows, and it has the last word: captured is approved, gone is voided, still held is voided again later.
After a day a person decides, and finds the payer's money held in the gateway's dashboard.
"""

import sqlalchemy as sa
import structlog

from gateways.contract import Approved, Unknown
from ivr.jobs.job_list import RELEASE_ATTEMPT
from ivr.payments import timeouts as patience
from ivr.payments.attempts import gateway_answers as answers
from ivr.payments.attempts import store as records
from ivr.payments.attempts.order import order_of
from ivr.payments.attempts.states import Event, State
from ivr.payments.attempts.store import Attempt
from ivr.payments.attempts.transitions import Moves
from ivr.payments.gateway_client import Asking
from ivr.platform.database.engine import reading

log = structlog.get_logger()


class Releasing:
    """Voids authorizations at one gateway. A void under the same key is harmless a second time."""

    def __init__(self, engine: sa.Engine, moves: Moves, asking: Asking) -> None:
        self._engine = engine
        self._moves = moves
        self._asking = asking

    def run(self, attempt_id: str, nth: int) -> None:
        """One try; asks for the next one where the authorization may still be held."""
        with reading(self._engine) as tx:
            attempt = records.get(tx, attempt_id)
            order = order_of(tx, attempt)
        if attempt.state is not State.VOIDING or attempt.jobs != nth:
            return
        if isinstance(self._asking.void(attempt), Approved):
            with self._engine.begin() as tx:
                attempt = records.locked(tx, attempt_id)
                if attempt.state is State.VOIDING:
                    self._moves.move(tx, attempt, Event.RELEASED, note="voided")
            return
        found = self._asking.lookup(attempt, order, cancel=True)
        with self._engine.begin() as tx:
            self._record(tx, attempt_id, found)

    def _record(self, tx: sa.Connection, attempt_id: str, found: answers.Answer) -> None:
        attempt = answers.record(
            self._moves, tx, records.locked(tx, attempt_id), found, note="found when it was to be voided"
        )
        if attempt.state is State.VOIDING:
            self._try_again(tx, attempt, found.reason if isinstance(found, Unknown) else "still held")

    def _try_again(self, tx: sa.Connection, attempt: Attempt, reason: str) -> None:
        open_s = (self._moves.clock.now() - records.state_since(tx, attempt)).total_seconds()
        log.warning("authorization_still_held", attempt_id=attempt.id, reason=reason, open_s=open_s)
        if open_s >= patience.FOR_A_PERSON_AFTER_S:
            self._moves.move(tx, attempt, Event.GIVE_TO_A_PERSON, note=reason)
        else:
            self._moves.ask(tx, attempt, RELEASE_ATTEMPT, patience.next_look_s(open_s))
