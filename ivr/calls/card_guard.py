"""The guard against card testing, as a turn of a call asks it.

What stands in the way is the same to the caller whatever it is: the exit `unavailable`, with its one
sentence, and then a person.
"""

from dataclasses import dataclass

from gateways.declines import Decline
from ivr.bills import store as bills
from ivr.calls.session import Session
from ivr.calls.wait_result import Turn
from ivr.fraud.guard import Guard
from ivr.fraud.identity import PayerIdentity, by_phone
from ivr.payments.attempts.service import Attempt


@dataclass(frozen=True, slots=True)
class CardGuard:
    """Knows who a turn's caller is to the guard."""

    guard: Guard

    def refuses(self, turn: Turn, session: Session) -> bool:
        """Whether no card is taken in this turn."""
        identity = self._identity(turn, session)
        return identity is not None and self.guard.refuses(turn.tx, identity)

    def let_through(self, turn: Turn, bill_id: str, attempt: Attempt) -> None:
        self.guard.let_through(turn.tx, self._of_bill(turn, bill_id), attempt)

    def declined_at_entry(self, turn: Turn, session: Session, decline: Decline) -> None:
        identity = self._identity(turn, session)
        if identity is not None:
            self.guard.declined_at_entry(turn.tx, identity, decline)

    def _identity(self, turn: Turn, session: Session) -> PayerIdentity | None:
        """None before a bill was found: no card can be charged then."""
        found = bills.find(turn.tx, session.state.bill.reference) if session.state.bill else None
        return None if found is None else self._of_bill(turn, found.id)

    def _of_bill(self, turn: Turn, bill_id: str) -> PayerIdentity:
        return by_phone(
            turn.caller,
            turn.row.stir_verstat,
            call_id=turn.row.id,
            bill_id=bill_id,
            doubtful_weight=self.guard.limits.doubtful_weight,
        )
