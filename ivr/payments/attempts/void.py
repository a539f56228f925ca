"""The job that voids an authorization that nobody will capture, until that is certain.

A void that is not plainly approved proves nothing: a capture may have come first. So a cancelling look-up
follows: captured is approved, gone is voided, still held is voided again later. After a day a person decides,
and finds the payer's money held in the gateway's dashboard.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from gateways.contract import Approved, Unknown
from ivr.payments.attempts import gateway_answers, store
from ivr.payments.attempts.order import order_of
from ivr.payments.attempts.states import Event, State
from ivr.payments.attempts.transitions import Transitions
from ivr.payments.gateway_client import GatewayClient
from ivr.platform.database.engine import reading


@dataclass(frozen=True, slots=True)
class VoidJob:
    """Voids authorizations at one gateway. A void under the same key is harmless a second time."""

    engine: sa.Engine
    transitions: Transitions
    gateway: GatewayClient

    def run(self, attempt_id: str, nth: int) -> None:
        """Tries once; schedules the next try if the authorization may still be held."""
        with reading(self.engine) as tx:
            attempt = store.get(tx, attempt_id)
            order = order_of(tx, attempt)
        if attempt.state is not State.VOIDING or attempt.jobs != nth:
            return
        if isinstance(self.gateway.void(attempt), Approved):
            with self.engine.begin() as tx:
                attempt = store.locked(tx, attempt_id)
                if attempt.state is State.VOIDING:
                    self.transitions.move(tx, attempt, Event.VOIDED, note="voided")
            return
        found = self.gateway.lookup(attempt, order, cancel=True)
        with self.engine.begin() as tx:
            before, note = store.locked(tx, attempt_id), "found when it was to be voided"
            attempt = gateway_answers.record(self.transitions, tx, before, found, note=note)
            if attempt.state is State.VOIDING:
                reason = found.reason if isinstance(found, Unknown) else "still held"
                self.transitions.reschedule(tx, attempt, reason, log_as="authorization_still_held")
