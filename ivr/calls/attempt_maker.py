"""The attempt of a turn: made for the bill that the caller has found, once, however often the turn is
repeated.
"""

from dataclasses import dataclass

from flows.language import Amount
from ivr.bills import store as bills
from ivr.calls.card_guard import CardGuard
from ivr.calls.session import Session
from ivr.calls.wait_result import Turn
from ivr.payments.attempts.service import Attempt, AttemptService, NewAttempt
from ivr.payments.attempts.states import Method


@dataclass(frozen=True, slots=True)
class AttemptMaker:
    """Makes the attempt of a turn; a repeat of the turn makes none."""

    attempts: AttemptService
    guard: CardGuard

    def make(
        self, turn: Turn, session: Session, amount: Amount, *, method: Method = Method.CARD
    ) -> Attempt | None:
        """None where that much of the bill is no longer due. The guard has let the card through."""
        if session.state.bill is None:
            raise TypeError(f"step {session.step} charges before a bill was found")
        bill = bills.find(turn.tx, session.state.bill.reference)
        if bill is None:
            return None
        new = NewAttempt(
            made_for=turn.name,
            bill_id=bill.id,
            call_id=turn.row.id,
            payer_phone=turn.own.dial if turn.own.can_text else None,
            language=session.language,
            amount_minor=amount.minor,
            currency=amount.currency,
            method=method,
            card_entry_id=None
            if method is Method.LINK
            else session.card.entry_id or session.card.card_entry_id,
        )
        attempt = self.attempts.make(turn.tx, new)
        if attempt is not None and method is Method.CARD:
            self.guard.let_through(turn, bill.id, attempt)
        return attempt
