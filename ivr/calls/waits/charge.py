"""The charge: an attempt is made, a worker sends it, and the caller waits, is told, or is promised.

What an attempt's state means to the caller becomes an exit here and nowhere else. The caller is never told
"declined" while it is unknown, and never left in silence while it is under way.
"""

from dataclasses import replace

from flows.language import Amount, Charge, ReceiptFacts
from gateways.declines import Decline
from ivr.calls.payment_wait import WAIT_S_MAX, exit_of, still_waiting
from ivr.calls.response import Pause
from ivr.calls.session import Session, SpokenQuestion
from ivr.calls.turn import CallInput, LeftBy, Turn, TurnEnd, WaitResult
from ivr.calls.wait_handler import WaitHandler
from ivr.customers.caller import Caller
from ivr.payments.attempts.service import Attempt
from ivr.payments.attempts.states import State
from ivr.platform.clock import Clock


class ChargeHandler(WaitHandler[Charge]):
    """Charges the card that was keyed, or the saved one."""

    __slots__ = ()

    def start(self, turn: Turn, session: Session, wait: Charge) -> WaitResult:
        """The caller confirmed: from here on a hang-up does not stop the charge."""
        attempt_id = session.payment.attempt_id
        if attempt_id is None:
            payer = self.services.payer_of(turn, session)
            if self.services.refuses_cards(turn, payer):
                return LeftBy(session.without_card(), "unavailable")
            if wait.saved_card and not self.services.saved_card.can_pay(turn, session):
                return LeftBy(session, "not_sent")  # deleted since it was offered
            if wait.saved_card:
                session = session.with_card(card_entry_id=None)
            attempt = self.services.make_attempt(turn, session, payer, wait.amount)
            if attempt is None:
                return LeftBy(session.without_card(), "no_longer_due")
            self._attach_card(turn, session, wait, attempt)
            attempt_id = attempt.id
        self.services.attempts.ask_charge(turn.tx, attempt_id)
        session = session.with_payment(attempt_id=attempt_id, charging=True, waited_s=0.0)
        return TurnEnd(replace(session.without_card(), asked=SpokenQuestion()), Pause(), say=wait.say)

    def _attach_card(self, turn: Turn, session: Session, wait: Charge, attempt: Attempt) -> None:
        if wait.saved_card:
            self.services.saved_card.pay(turn, session, attempt)
            return
        card = session.state.card
        brand, last_four = (card.brand, card.last_four) if card else (None, None)
        self.services.attempts.attach_card(turn.tx, attempt.id, brand, last_four, token=session.card.token)
        if wait.keep_card:
            self.services.saved_card.agree(turn, session, attempt)

    def resume(self, turn: Turn, session: Session, wait: Charge, given: CallInput) -> WaitResult:
        del given
        return self.look(turn, session) if session.payment.charging else self.start(turn, session, wait)

    def look(self, turn: Turn, session: Session) -> WaitResult:
        """The caller waits: is it settled, and if not, when did they last hear a word?"""
        attempt = self.services.attempts.get(turn.tx, str(session.payment.attempt_id))
        asked_at = attempt.charge_asked_at or attempt.created_at
        waited_s = (self.services.clock.now() - asked_at).total_seconds()
        over = _exit(attempt)
        if over is None and (waited_s >= WAIT_S_MAX or _is_too_late(attempt, self.services.clock)):
            attempt = self.services.attempts.withdraw(turn.tx, attempt.id)
            over = _exit(attempt) or "unknown"
        if over == "unknown":
            self.services.attempts.promise(turn.tx, attempt.id)
        if over is not None:
            done = session.with_payment(attempt_id=None, charging=False)
            facts: dict[str, object] = {"receipt": _receipt(attempt, turn.own)}
            if attempt.state is State.DECLINED:
                facts["another_card"] = not self.services.refuses_cards(
                    turn, self.services.payer_of(turn, session)
                )
            return LeftBy(done, over, facts)
        return still_waiting(session, waited_s)


def _is_too_late(attempt: Attempt, clock: Clock) -> bool:
    """Nobody claimed it by its deadline, so nobody ever will: no caller need wait for that any longer."""
    return attempt.state in {State.RESERVED, State.AUTHORIZED} and clock.now() >= attempt.deadline_at


def _exit(attempt: Attempt) -> str | None:
    """The exit of an attempt that is settled; None while the caller should wait on."""
    match attempt.state:
        case State.APPROVED:
            return "approved"
        case State.DECLINED:
            return exit_of(attempt.decline or Decline.GENERIC)
        case State.CANCELLED | State.ABANDONED | State.VOIDED:
            return "not_sent"
        case State.VOIDING if (
            attempt.claimed_at is None
        ):  # a capture that was sent may still have gone through
            return "not_sent"
        case State.NEEDS_REVIEW:
            return "unknown"
        case _:
            return None


def _receipt(attempt: Attempt, caller: Caller) -> ReceiptFacts:
    return ReceiptFacts(attempt.reference, Amount(attempt.amount_minor, attempt.currency), caller.can_text)
