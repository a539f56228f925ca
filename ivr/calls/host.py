"""The host: fulfils what a flow waits for, in the turn's own transaction, or names the errand that must be
run first.

May import `ivr.payments`, `ivr.bills`, `ivr.customers` and the rest of `ivr.calls`. Every function gives the
exit that the flow leaves by, an ending (the caller waits, is sent on, is rung through), or an errand. What a
gateway says becomes an exit here and nowhere else: the caller is never told "declined" while an attempt is
unknown.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
import structlog

from flows.language import (
    Amount,
    BillFacts,
    CardFacts,
    Charge,
    CollectCard,
    FindBill,
    ReceiptFacts,
    Say,
    Transfer,
)
from flows.language.waits import FindCallersBill
from gateways.contract import CardEntry
from gateways.declines import Decline, Remedy, remedy
from ivr.bills import store as bills
from ivr.bills.bill import Bill
from ivr.bills.lookup import MerchantBill, NotFound, Unreachable
from ivr.calls.answer import Ending, Pause, Ring, SendTo, turn_url
from ivr.calls.errands import Answer, AskMerchant, CollectEntry, EntryOpened, Errand, OpenEntry, PciSilent
from ivr.calls.session import Session
from ivr.calls.store import CallRow
from ivr.clock import Clock
from ivr.customers.caller import Caller
from ivr.customers.guesses import Guesses
from ivr.ids import Ids
from ivr.payments.attempt import Attempt, Attempts, NewAttempt
from ivr.payments.states import Event, State
from ivr.pci_client import CardEntryResult, Outcome

log = structlog.get_logger()
WAIT_S_MAX = 60
"""How long a caller waits for a charge before it is promised."""
REASSURE_EVERY_S = 9
REASSURANCES = ("host.wait.1", "host.wait.2", "host.wait.3")


@dataclass(frozen=True, slots=True)
class Left:
    """The wait is over: the flow leaves by this exit, with these facts."""

    session: Session
    exit: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Waiting:
    """The turn ends here; the wait goes on."""

    session: Session
    ending: Ending
    host_prompt: str | None = None
    say: Say | None = None
    """A prompt of the flow, spoken before the ending."""


@dataclass(frozen=True, slots=True)
class MustRun:
    """The turn cannot end before this errand is run."""

    session: Session
    errand: Errand


Fulfilment = Left | Waiting | MustRun


@dataclass(frozen=True, slots=True)
class Turn:
    """The turn under way: its transaction, its call, its number."""

    tx: sa.Connection
    row: CallRow
    number: int
    caller: Caller

    @property
    def name(self) -> str:
        """The name that everything made in this turn derives from: a repeat makes nothing twice."""
        return f"{self.row.id}.{self.number}"

    @property
    def next_url(self) -> str:
        return turn_url(self.row.id, self.number + 1)


class Host:
    """Fulfils the waits of every flow."""

    def __init__(
        self,
        *,
        attempts: Attempts,
        guesses: Guesses,
        card_entry: CardEntry,
        asks_merchant: bool,
        person_number: str,
        merchant_name: str,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._attempts = attempts
        self._guesses = guesses
        self._card_entry = card_entry
        self._asks_merchant = asks_merchant
        self._person_number = person_number
        self._merchant_name = merchant_name
        self._clock = clock
        self._ids = ids

    def fulfil(
        self, turn: Turn, session: Session, wait: FindBill | FindCallersBill | CollectCard | Charge | Transfer
    ) -> Fulfilment:
        """What a step waits for, as far as it goes without the network."""
        match wait:
            case FindBill(reference):
                return self._find_bill(turn, session, reference)
            case FindCallersBill():
                return self._find_callers_bill(turn, session)
            case CollectCard():
                return self._open_entry(turn, session, wait)
            case Charge():
                return self._charge(turn, session, wait)
            case Transfer(say):
                if not self._person_number:
                    return Left(session, "nobody")
                return Waiting(session, Ring(self._person_number, turn.row.to_number or None), say=say)

    def resume(self, turn: Turn, session: Session, wait: object, dialled: str | None) -> Fulfilment:
        """A wait that the caller comes back to."""
        match wait:
            case CollectCard() if session.entry_id is not None:
                return MustRun(session, CollectEntry(session.entry_id, turn.name))
            case Charge() if session.attempt_id is not None and session.charging:
                return self._await_charge(turn, session, session.attempt_id)
            case Transfer() if dialled is not None:
                return Left(session, "answered" if dialled in {"completed", "answered"} else "unanswered")
            case FindBill() | FindCallersBill() | CollectCard() | Charge() | Transfer():
                return self.fulfil(turn, session, wait)
            case _:
                raise TypeError(f"nothing to resume at step {session.step}")

    def settle(
        self, turn: Turn, session: Session, wait: object, errand: Errand, answer: Answer
    ) -> Fulfilment:
        """What an errand's answer means for the wait that needed it."""
        match errand, answer:
            case AskMerchant(), MerchantBill(new):
                bills.upsert(turn.tx, new, source="lookup", clock=self._clock, ids=self._ids)
                return self._found(turn, session, bills.find(turn.tx, new.reference))
            case AskMerchant(), NotFound():
                return self._found(turn, session, None)
            case AskMerchant(), Unreachable():
                return Left(session, "unavailable")
            case OpenEntry(), EntryOpened(url) if isinstance(wait, CollectCard):
                return Waiting(session, SendTo(url), say=wait.say)
            case OpenEntry(), PciSilent():
                return Left(self._withdraw(turn, session), "unavailable")
            case CollectEntry(), CardEntryResult() as result:
                return self._card(turn, session, result)
            case CollectEntry(), PciSilent():
                return Left(self._withdraw(turn, session), "unavailable")
            case _:
                raise TypeError(f"{type(answer).__name__} answers no {type(errand).__name__}")

    # Bills ------------------------------------------------------------------------------------------------

    def _find_callers_bill(self, turn: Turn, session: Session) -> Fulfilment:
        if turn.caller.phone is None:
            return Left(session, "none")
        found = [bill for bill in bills.open_for_phone(turn.tx, turn.caller.phone) if _is_payable(bill)]
        if len(found) != 1:
            return Left(session, "none")
        return Left(session, "one", {"bill": _bill_facts(found[0])})

    def _find_bill(self, turn: Turn, session: Session, reference: str) -> Fulfilment:
        if self._guesses.too_many(turn.tx, turn.caller, self._clock.now()):
            return Left(session, "too_many_guesses")
        bill = bills.find(turn.tx, reference)
        if self._asks_merchant and (bill is None or bill.source == "lookup"):
            return MustRun(session, AskMerchant(reference, turn.name))
        return self._found(turn, session, bill)

    def _found(self, turn: Turn, session: Session, bill: Bill | None) -> Fulfilment:
        if bill is None or bill.withdrawn:
            self._guesses.add(turn.tx, turn.caller, self._clock.now())
            return Left(session, "not_found")
        if bill.is_paid:
            return Left(session, "already_paid")
        if not _is_payable(bill):
            return Left(session, "being_paid")
        return Left(session, "payable", {"bill": _bill_facts(bill)})

    # Cards ------------------------------------------------------------------------------------------------

    def _open_entry(self, turn: Turn, session: Session, wait: CollectCard) -> Fulfilment:
        opening = OpenEntry(f"entry.{turn.name}", session.language, turn.next_url)
        if self._card_entry is CardEntry.AUTHORIZE:
            if wait.amount is None:
                raise TypeError(f"step {session.step} must name the amount: the gateway authorizes at once")
            attempt = self._make_attempt(turn, session, wait.amount)
            if attempt is None:
                return Left(session, "no_longer_due")
            self._attempts.advance(turn.tx, attempt.id, Event.CARD_WANTED)
            session = replace(session, attempt_id=attempt.id)
            opening = replace(
                opening,
                key=attempt.id,
                amount_minor=attempt.amount_minor,
                currency=attempt.currency,
                description=self._merchant_name,
            )
        session = replace(session, entry_id=opening.entry_id, charging=False, token=None)
        return MustRun(session, opening)

    def _card(self, turn: Turn, session: Session, result: CardEntryResult) -> Fulfilment:
        """What became of a card entry. Where PCI authorized, the attempt moves with it."""
        session = replace(session, entry_id=None)
        facts: dict[str, Any] = {}
        if result.brand and result.last_four:
            facts["card"] = CardFacts(result.brand, result.last_four)
        match result.outcome:
            case Outcome.COLLECTED:
                return Left(self._keep_card(turn, session, result), "collected", facts)
            case Outcome.AUTHORIZATION_UNKNOWN if session.attempt_id is not None:
                self._attempts.attach_card(turn.tx, session.attempt_id, result.brand, result.last_four)
                self._attempts.advance(turn.tx, session.attempt_id, Event.LOSE_SIGHT)
                return Left(session, "collected", facts)
            case Outcome.DECLINED:
                decline = result.decline or Decline.GENERIC
                if session.attempt_id is not None:
                    self._attempts.advance(turn.tx, session.attempt_id, Event.DECLINE, decline=decline)
                return Left(replace(session, attempt_id=None), _exit_of(decline), facts)
            case Outcome.GAVE_UP | Outcome.LEFT:
                return Left(self._withdraw(turn, session), str(result.outcome))
            case Outcome.OPEN:
                return Waiting(replace(session, entry_id=result.entry_id), SendTo(result.url))
            case _:
                return Left(self._withdraw(turn, session), "unavailable")

    def _keep_card(self, turn: Turn, session: Session, result: CardEntryResult) -> Session:
        if session.attempt_id is None:
            return replace(session, token=result.token.reveal() if result.token else None)
        self._attempts.attach_card(
            turn.tx, session.attempt_id, result.brand, result.last_four, authorization=result.authorization
        )
        self._attempts.advance(turn.tx, session.attempt_id, Event.AUTHORIZED)
        return session

    def _withdraw(self, turn: Turn, session: Session) -> Session:
        """No card came: an attempt that waited for one is asked after, fenced and released by the worker."""
        if session.attempt_id is not None:
            self._attempts.withdraw(turn.tx, session.attempt_id)
        return replace(session, entry_id=None, attempt_id=None)

    # Charges ----------------------------------------------------------------------------------------------

    def _charge(self, turn: Turn, session: Session, wait: Charge) -> Fulfilment:
        attempt_id = session.attempt_id
        if attempt_id is None:
            attempt = self._make_attempt(turn, session, wait.amount)
            if attempt is None:
                return Left(replace(session, token=None), "no_longer_due")
            card = session.state.card
            self._attempts.attach_card(
                turn.tx,
                attempt.id,
                card.brand if card else None,
                card.last_four if card else None,
                token=session.token,
            )
            attempt_id = attempt.id
        self._attempts.ask_charge(turn.tx, attempt_id)
        session = replace(session, attempt_id=attempt_id, charging=True, token=None, waited_s=0.0)
        return Waiting(session, Pause(), say=wait.say)

    def _await_charge(self, turn: Turn, session: Session, attempt_id: str) -> Fulfilment:
        now = self._clock.now()
        attempt = self._attempts.get(turn.tx, attempt_id)
        asked_at = attempt.charge_asked_at or attempt.created_at
        waited_s = (now - asked_at).total_seconds()
        if attempt.state is State.RESERVED and now >= attempt.deadline_at:
            self._attempts.advance(turn.tx, attempt_id, Event.ABANDON)
            return Left(_done(session), "not_sent")
        over = self._outcome(attempt)
        if over is None and waited_s >= WAIT_S_MAX:
            over = "unknown"
        if over is not None:
            return Left(_done(session), over, {"receipt": _receipt(attempt, turn.caller)})
        reassurances_before = int(session.waited_s // REASSURE_EVERY_S)
        reassurances_now = int(waited_s // REASSURE_EVERY_S)
        prompt = None
        if reassurances_now > reassurances_before:
            prompt = REASSURANCES[(reassurances_now - 1) % len(REASSURANCES)]
        return Waiting(replace(session, waited_s=waited_s), Pause(), host_prompt=prompt)

    def _outcome(self, attempt: Attempt) -> str | None:
        """The exit of an attempt that is settled; None while the caller should wait on."""
        match attempt.state:
            case State.APPROVED:
                return "approved"
            case State.DECLINED:
                return _exit_of(attempt.decline or Decline.GENERIC)
            case State.FENCED | State.ABANDONED | State.VOIDED:
                return "not_sent"
            case State.FOR_A_PERSON:
                return "unknown"
            case _:
                return None

    def _make_attempt(self, turn: Turn, session: Session, amount: Amount) -> Attempt | None:
        bill = session.state.bill
        if bill is None:
            raise TypeError(f"step {session.step} charges before a bill was found")
        row = bills.find(turn.tx, bill.reference)
        if row is None:
            return None
        return self._attempts.make(
            turn.tx,
            NewAttempt(
                made_for=turn.name,
                bill_id=row.id,
                call_id=turn.row.id,
                payer_phone=turn.caller.phone if turn.caller.can_text else None,
                language=session.language,
                amount_minor=amount.minor,
                currency=amount.currency,
            ),
        )


def _done(session: Session) -> Session:
    return replace(session, attempt_id=None, charging=False, token=None)


def _is_payable(bill: Bill) -> bool:
    return not bill.is_paid and not bill.is_being_paid and bill.payable_minor > 0


def _bill_facts(bill: Bill) -> BillFacts:
    return BillFacts(
        reference=bill.reference,
        due=Amount(bill.payable_minor, bill.currency),
        minimum=Amount(bill.minimum_payable_minor, bill.currency),
        due_date=bill.due_date,
    )


def _receipt(attempt: Attempt, caller: Caller) -> ReceiptFacts:
    return ReceiptFacts(attempt.reference, Amount(attempt.amount_minor, attempt.currency), caller.can_text)


def _exit_of(decline: Decline) -> str:
    match remedy(decline):
        case Remedy.TRY_ANOTHER_CARD:
            return "try_another_card"
        case Remedy.AUTHENTICATE:
            return "needs_authentication"
        case Remedy.REFUSED:
            return "refused"
