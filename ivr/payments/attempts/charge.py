"""The job that charges: claim, send, record the answer. What may have been processed is never sent again.

If the gateway prepares charges, it gets the order first, its reference is committed, and only then it is
asked to charge. The claim is committed before the request. A job that finds the attempt claimed already is a
re-run after a kill: it does not send, and the attempt is looked up instead. The claim schedules that look-up
too, so a kill at any line leads to it.
"""

from dataclasses import dataclass

import sqlalchemy as sa
import structlog

from gateways.contract import Cancelled, Declined, Order, Result, Unknown
from ivr.payments import timeouts
from ivr.payments.attempts import gateway_answers, store
from ivr.payments.attempts.order import order_of
from ivr.payments.attempts.states import Event, Method, State
from ivr.payments.attempts.store import Attempt
from ivr.payments.attempts.transitions import Transitions
from ivr.payments.gateway_client import GatewayClient

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ChargeJob:
    """Charges attempts through one gateway."""

    engine: sa.Engine
    transitions: Transitions
    gateway: GatewayClient

    def run(self, attempt_id: str, _nth: int) -> None:
        """Charges the attempt, unless somebody else claimed it, it was withdrawn, or its deadline is past."""
        with self.engine.begin() as tx:
            claimed = self._claim(tx, attempt_id)
            if claimed is None:
                return
            order = order_of(tx, claimed)
        answer = self._send(claimed, order)
        if isinstance(answer, Unknown):
            facts = {"attempt_id": attempt_id, "call_id": claimed.call_id}
            log.warning("charge_unknown", **facts, reason=answer.reason)
        with self.engine.begin() as tx:
            self._record(tx, attempt_id, answer)

    def _claim(self, tx: sa.Connection, attempt_id: str) -> Attempt | None:
        """The attempt, where this job alone may send it."""
        attempt = store.locked(tx, attempt_id)
        if attempt.state is State.CLAIMED:
            note = "claimed before, and no answer recorded"
            self.transitions.move(tx, attempt, Event.MARK_UNKNOWN, note=note)
            return None
        if attempt.state not in {State.RESERVED, State.AUTHORIZED}:
            return None
        too_late = self._too_late(tx, attempt)
        if too_late is not None:
            given_up = Event.ABANDON if attempt.state is State.RESERVED else Event.VOID
            self.transitions.move(tx, attempt, given_up, note=too_late)
            return None
        if attempt.method is Method.LINK or (attempt.token is None and attempt.gateway_authorization is None):
            log.error("charge_without_card", attempt_id=attempt.id, call_id=attempt.call_id)
            return None
        if not self.gateway.is_of(attempt):
            log.error("attempt_of_another_gateway", attempt_id=attempt.id, gateway=attempt.gateway)
            return None
        return self.transitions.move(tx, attempt, Event.CLAIM)

    def _too_late(self, tx: sa.Connection, attempt: Attempt) -> str | None:
        """The reason not to send it, or None if it may be sent."""
        if self.transitions.clock.now() >= attempt.deadline_at:
            return "not claimed by its deadline"
        saved = attempt.saved_card_id
        if saved is not None and self.transitions.cards.to_charge(tx, saved) is None:
            return "its saved card was deleted"
        return None

    def _send(self, claimed: Attempt, order: Order) -> Result | Cancelled:
        """The gateway's answer. A worker that froze after its claim does not send: the look-up goes on."""
        asleep_s = self._since_claim_s(claimed)
        if asleep_s > timeouts.SEND_WITHIN_S:
            return Unknown(f"claimed {asleep_s:.0f} s ago and not sent")
        if self.gateway.prepares and claimed.gateway_authorization is None:
            return self._prepare_and_confirm(claimed, order)
        return self.gateway.charge(claimed, order)

    def _prepare_and_confirm(self, claimed: Attempt, order: Order) -> Result | Cancelled:
        """In two steps: an attempt without a reference in our books was certainly never confirmed."""
        prepared = self.gateway.prepare(claimed, order)
        match prepared:
            case Unknown(reason):
                log.warning("charge_not_prepared", attempt_id=claimed.id, reason=reason)
                return Cancelled()
            case Declined():
                return prepared
        if not self._keep_reference(claimed.id, prepared.gateway_reference):
            return Unknown("it was looked up before it was confirmed")
        asleep_s = self._since_claim_s(claimed)
        if asleep_s > timeouts.CONFIRM_WITHIN_S:
            return Unknown(f"claimed {asleep_s:.0f} s ago and not confirmed")
        return self.gateway.charge(claimed, order, reference=prepared.gateway_reference)

    def _keep_reference(self, attempt_id: str, reference: str) -> bool:
        """Before the confirmation, so that an unknown one can be cancelled; False where a look-up has taken
        the attempt over.
        """
        with self.engine.begin() as tx:
            if store.locked(tx, attempt_id).state is not State.CLAIMED:
                return False
            store.update(tx, attempt_id, gateway_reference=reference)
            return True

    def _since_claim_s(self, claimed: Attempt) -> float:
        assert claimed.claimed_at is not None  # noqa: S101 - the claim sets it
        return (self.transitions.clock.now() - claimed.claimed_at).total_seconds()

    def _record(self, tx: sa.Connection, attempt_id: str, answer: Result | Cancelled) -> None:
        """A refused capture leaves the issuer holding the amount: it is voided, unless that, or a look-up, is
        under way.
        """
        attempt = store.locked(tx, attempt_id)
        if not isinstance(answer, Declined) or attempt.gateway_authorization is None:
            gateway_answers.record(self.transitions, tx, attempt, answer, note="answer to the charge")
        elif attempt.state in {State.CLAIMED, State.AUTHORIZED}:
            note = f"the capture was refused: {answer.gateway_code}"
            self.transitions.move(tx, attempt, Event.VOID, note=note)
