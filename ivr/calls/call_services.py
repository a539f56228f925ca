"""What the handlers of waits are built from, made once when the web process starts; and what several of them
do for a turn's caller: ask the guard against card testing, and make the attempt.
"""

from dataclasses import dataclass

from flows.language import Amount
from gateways.capability import Capabilities
from ivr.bills import store as bills
from ivr.calls.caller_saved_card import CallerSavedCard
from ivr.calls.session import Session
from ivr.calls.turn import Turn
from ivr.customers.reference_guesses import ReferenceGuesses
from ivr.fraud.guard import Guard
from ivr.fraud.identity import PayerIdentity, by_phone
from ivr.payments.attempts.service import Attempt, AttemptService, NewAttempt
from ivr.payments.attempts.states import Method
from ivr.platform.clock import Clock
from ivr.platform.ids import Ids


@dataclass(frozen=True, slots=True)
class CallServices:
    """Everything that the waits of a call use."""

    attempts: AttemptService
    guard: Guard
    saved_card: CallerSavedCard
    guesses: ReferenceGuesses
    gateway: Capabilities
    asks_merchant: bool
    """Bills are also looked up in the merchant's own system."""
    carrier_takes_cards: bool
    """CARD_ENTRY=pay."""
    person_number: str
    """Whom a transfer rings; empty: nobody."""
    clock: Clock
    ids: Ids

    def payer_of(self, turn: Turn, session: Session) -> PayerIdentity | None:
        """Who pays which bill in this turn; None before a bill was found: no card can be charged then."""
        bill = bills.find(turn.tx, session.state.bill.reference) if session.state.bill else None
        if bill is None:
            return None
        return by_phone(
            turn.caller,
            turn.row.stir_verstat,
            call_id=turn.row.id,
            bill_id=bill.id,
            doubtful_weight=self.guard.limits.doubtful_weight,
        )

    def refuses_cards(self, turn: Turn, payer: PayerIdentity | None) -> bool:
        """Whether no card is taken in this turn. Why is the same to the caller whatever it is: the exit
        `unavailable`, with its one sentence, and then a person.
        """
        return payer is not None and self.guard.refuses(turn.tx, payer)

    def make_attempt(
        self,
        turn: Turn,
        session: Session,
        payer: PayerIdentity | None,
        amount: Amount,
        method: Method = Method.CARD,
    ) -> Attempt | None:
        """The attempt of this turn, for the bill that the caller has found; a repeat of the turn makes none.
        None where that much of the bill is no longer due. The guard has let the card through.
        """
        if session.state.bill is None:
            raise TypeError(f"step {session.step} charges before a bill was found")
        if payer is None:
            return None
        caller = turn.own
        new = NewAttempt(
            made_for=turn.name,
            bill_id=payer.bill_id,
            call_id=turn.row.id,
            payer_phone=caller.dial if caller.can_text else None,
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
            self.guard.let_through(turn.tx, payer, attempt)
        return attempt
