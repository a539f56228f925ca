"""The charge: an attempt is made, a worker sends it, and the caller waits, is told, or is promised.

What an attempt's state means to the caller becomes an exit here and nowhere else. The caller is never told
"declined" while it is unknown, and never left in silence while it is under way.
"""

from dataclasses import replace

from flows.language import Amount, Charge, ReceiptFacts
from gateways.declines import Decline, Remedy, remedy
from ivr.bills import store as bills
from ivr.calls.card_guard import CardGuard
from ivr.calls.response import Pause
from ivr.calls.session import Asked, Session
from ivr.calls.wait_result import Fulfilment, Left, Turn, Waiting
from ivr.calls.waits.saved_card import SavedCardWaits
from ivr.customers.caller import Caller
from ivr.payments.attempts.service import Attempt, AttemptService, NewAttempt
from ivr.payments.attempts.states import Method, State
from ivr.platform.clock import Clock

WAIT_S_MAX = 60
"""How long a caller waits for a charge before it is promised."""
REASSURE_EVERY_S = 9
FIRST_REASSURANCE = "host.wait.1"
REASSURANCES = ("host.wait.2", "host.wait.3")
"""Those that follow, by turns: after half a minute "one moment" would be a joke."""


def exit_of(decline: Decline) -> str:
    """The exit of a decline: what the caller can do about it."""
    match remedy(decline):
        case Remedy.TRY_ANOTHER_CARD:
            return "try_another_card"
        case Remedy.AUTHENTICATE:
            return "needs_authentication"
        case Remedy.REFUSED:
            return "refused"


class AttemptMaker:
    """Makes the attempt of a turn; a repeat of the turn makes none."""

    def __init__(self, attempts: AttemptService, guard: CardGuard) -> None:
        self._attempts = attempts
        self._guard = guard

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
            card_entry_id=None if method is Method.LINK else session.entry_id or session.card_entry_id,
        )
        attempt = self._attempts.make(turn.tx, new)
        if attempt is not None and method is Method.CARD:
            self._guard.let_through(turn, bill.id, attempt)
        return attempt


class AttemptWaits:
    """Fulfils Charge."""

    def __init__(
        self,
        *,
        attempts: AttemptService,
        maker: AttemptMaker,
        guard: CardGuard,
        saved_cards: SavedCardWaits,
        clock: Clock,
    ) -> None:
        self._attempts = attempts
        self._maker = maker
        self._guard = guard
        self._saved_cards = saved_cards
        self._clock = clock

    def ask(self, turn: Turn, session: Session, wait: Charge) -> Fulfilment:
        """The caller confirmed: from here on a hang-up does not stop the charge."""
        if session.attempt_id is None:
            if self._guard.refuses(turn, session):
                return Left(session.without_card(), "unavailable")
            if wait.saved_card and not self._saved_cards.can_pay(turn, session):
                return Left(session, "not_sent")  # deleted since it was offered
            if wait.saved_card:
                session = replace(session, card_entry_id=None)
            attempt = self._maker.make(turn, session, wait.amount)
            if attempt is None:
                return Left(session.without_card(), "no_longer_due")
            self._attach_card(turn, session, wait, attempt)
            session = replace(session, attempt_id=attempt.id)
        self._attempts.ask_charge(turn.tx, str(session.attempt_id))
        session = replace(session.without_card(), asked=Asked(), charging=True, waited_s=0.0)
        return Waiting(session, Pause(), say=wait.say)

    def _attach_card(self, turn: Turn, session: Session, wait: Charge, attempt: Attempt) -> None:
        if wait.saved_card:
            self._saved_cards.pay(turn, session, attempt)
            return
        card = session.state.card
        brand, last_four = (card.brand, card.last_four) if card else (None, None)
        self._attempts.attach_card(turn.tx, attempt.id, brand, last_four, token=session.token)
        if wait.keep_card:
            self._saved_cards.agree(turn, session, attempt)

    def look(self, turn: Turn, session: Session) -> Fulfilment:
        """The caller waits: is it settled, and if not, when did they last hear a word?"""
        attempt = self._attempts.get(turn.tx, str(session.attempt_id))
        asked_at = attempt.charge_asked_at or attempt.created_at
        waited_s = (self._clock.now() - asked_at).total_seconds()
        over = _exit(attempt)
        if over is None and (waited_s >= WAIT_S_MAX or _is_too_late(attempt, self._clock)):
            attempt = self._attempts.withdraw(turn.tx, attempt.id)
            over = _exit(attempt) or "unknown"
        if over == "unknown":
            self._attempts.promise(turn.tx, attempt.id)
        if over is not None:
            done = replace(session, attempt_id=None, charging=False)
            facts: dict[str, object] = {"receipt": _receipt(attempt, turn.own)}
            if attempt.state is State.DECLINED:
                facts["another_card"] = not self._guard.refuses(turn, session)
            return Left(done, over, facts)
        return still_waiting(session, waited_s)


def _is_too_late(attempt: Attempt, clock: Clock) -> bool:
    """Nobody claimed it by its deadline, so nobody ever will: no caller need wait for that any longer."""
    return attempt.state in {State.RESERVED, State.AUTHORIZED} and clock.now() >= attempt.deadline_at


def still_waiting(session: Session, waited_s: float) -> Waiting:
    """The caller waits on, `waited_s` in all, and hears a word at least every nine seconds."""
    words_before, words_now = (int(s // REASSURE_EVERY_S) for s in (session.waited_s, waited_s))
    prompt = reassurance(words_now) if words_now > words_before else None
    return Waiting(replace(session, waited_s=waited_s), Pause(), host_prompt=prompt)


def reassurance(count: int) -> str:
    """The host's prompt that is the `count`-th word to somebody who waits."""
    return FIRST_REASSURANCE if count == 1 else REASSURANCES[count % len(REASSURANCES)]


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
