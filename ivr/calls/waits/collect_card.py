"""A card: the caller is sent to the PCI process and comes back with a token, an authorization, or neither.

Where the gateway authorizes at once, the attempt is made before the card is keyed, so that whatever the
issuer holds has a name here; it moves with the entry's outcome. Where the carrier takes the card
(CARD_ENTRY=pay), it does so in the very turn, no other process is asked, and its answer is read as the PCI
process's would be.
"""

from dataclasses import replace
from typing import Any

import structlog

from flows.language import CardFacts, CollectCard
from gateways.capability import CardEntry
from gateways.declines import Decline
from ivr.calls.payment_wait import exit_of
from ivr.calls.remote_calls import CollectEntry, EntryOpened, OpenEntry, PciSilent, RemoteCall, RemoteResponse
from ivr.calls.response import PayCard, SendTo
from ivr.calls.session import Session
from ivr.calls.turn import CallInput, LeftBy, NeedsRemoteCall, Turn, TurnEnd, WaitResult, pay_status_url
from ivr.calls.wait_handler import WaitHandler
from ivr.fraud.identity import PayerIdentity
from ivr.integrations.pci_client import CardEntryResult
from ivr.payments.attempts.order import order_of
from ivr.payments.attempts.states import Event
from ivr.platform.card_entry_outcome import CardEntryOutcome

log = structlog.get_logger()

BY_CARRIER = "pay."
"""What the name of an entry begins with that the carrier takes; the PCI process's begin with `entry.`."""


class CollectCardHandler(WaitHandler[CollectCard]):
    """Sends the caller to key their card, and takes what comes back."""

    __slots__ = ()

    def start(self, turn: Turn, session: Session, wait: CollectCard) -> WaitResult:
        """A new entry, at the PCI process or the carrier, named after call and turn. Nobody keys a card for
        what the gateway would refuse whatever the card.
        """
        if self._is_not_taken(wait):
            log.error("amount_not_taken", call_id=turn.row.id, amount=str(wait.amount))
            return LeftBy(session, "refused")
        payer = self.services.payer_of(turn, session)
        if self.services.refuses_cards(turn, payer):
            return LeftBy(
                session.without_card().with_card(entry_id=None).with_payment(attempt_id=None),
                "unavailable",
            )
        if self.services.carrier_takes_cards:
            return replace(self._ask_carrier(turn, session), say=wait.say)
        entry_id = f"entry.{turn.name}"
        opening = OpenEntry(entry_id, session.language, turn.next_url, slow=session.slow)
        session = (
            session.without_card().with_card(entry_id=entry_id).with_payment(attempt_id=None, charging=False)
        )
        if self.services.gateway.card_entry is CardEntry.TOKENIZE:
            return NeedsRemoteCall(session, opening)
        if wait.amount is None:
            raise TypeError(f"step {session.step} must name the amount: the gateway authorizes at once")
        attempt = self.services.make_attempt(turn, session, payer, wait.amount)
        if attempt is None:
            return LeftBy(session, "no_longer_due")
        self.services.attempts.advance(turn.tx, attempt.id, Event.CARD_WANTED)
        opening = replace(opening, authorize=replace(order_of(turn.tx, attempt), placed_at=None))
        return NeedsRemoteCall(session.with_payment(attempt_id=attempt.id), opening)

    def _is_not_taken(self, wait: CollectCard) -> bool:
        return wait.amount is not None and not self.services.gateway.accepts(
            wait.amount.minor, wait.amount.currency
        )

    def resume(self, turn: Turn, session: Session, wait: CollectCard, given: CallInput) -> WaitResult:
        """The caller is back from the PCI process, or the carrier comes with the card that it took.

        The entry's name tells which of the two, however this process is set by now. A carrier that comes
        without a card had some trouble: it is asked again.
        """
        if session.card.entry_id is None:
            return self.start(turn, session, wait)
        if session.card.entry_id.startswith(BY_CARRIER):
            card = given.card
            return self._ask_carrier(turn, session) if card is None else self._collected(turn, session, card)
        return NeedsRemoteCall(session, CollectEntry(session.card.entry_id, turn.name))

    def _ask_carrier(self, turn: Turn, session: Session) -> TurnEnd:
        entry_id = f"{BY_CARRIER}{turn.name}"
        session = (
            session.without_card().with_card(entry_id=entry_id).with_payment(attempt_id=None, charging=False)
        )
        status_url = pay_status_url(turn.row.id, turn.number)
        return TurnEnd(session, PayCard(session.language, status_url, slow=session.slow))

    def answered(
        self, turn: Turn, session: Session, wait: CollectCard, call: RemoteCall, response: RemoteResponse
    ) -> WaitResult:
        match call, response:
            case OpenEntry() | CollectEntry(), PciSilent():
                # The entry may be open all the same: the fallback leads there.
                return self._lost(turn, session)
            case OpenEntry(), EntryOpened(url):
                return TurnEnd(session, SendTo(url), say=wait.say)
            case CollectEntry(), CardEntryResult():
                return self._collected(turn, session, response)
            case _:
                return super().answered(turn, session, wait, call, response)

    def _collected(  # noqa: PLR0911 - one line an outcome
        self, turn: Turn, session: Session, answer: CardEntryResult
    ) -> WaitResult:
        """What became of the entry."""
        facts: dict[str, Any] = {}
        if answer.brand and answer.last_four:
            facts["card"] = CardFacts(answer.brand, answer.last_four)
        match answer.outcome:
            case CardEntryOutcome.COLLECTED:
                return LeftBy(self._keep(turn, session, answer), "collected", facts)
            case CardEntryOutcome.AUTHORIZATION_UNKNOWN:
                return LeftBy(self._mark_unknown(turn, session, answer), "collected", facts)
            case CardEntryOutcome.DECLINED:
                decline, payer = answer.decline or Decline.GENERIC, self.services.payer_of(turn, session)
                after = self._declined(turn, session, answer, decline, payer)
                facts["another_card"] = not self.services.refuses_cards(turn, payer)
                return LeftBy(after, exit_of(decline), facts)
            case CardEntryOutcome.GAVE_UP:
                return LeftBy(self._withdraw(turn, session, never_asked=True), "gave_up")
            case CardEntryOutcome.LEFT:
                return LeftBy(self._withdraw(turn, session, never_asked=True), "left")
            case CardEntryOutcome.OPEN if answer.url is not None:
                return TurnEnd(session, SendTo(answer.url), same_turn=True)  # strayed: the entry waits
            case _:
                return self._lost(turn, session)

    def _keep(self, turn: Turn, session: Session, answer: CardEntryResult) -> Session:
        entry_id = session.card.entry_id if _is_of_pci(session.card.entry_id) else None
        session = session.with_card(entry_id=None)
        if session.payment.attempt_id is None:
            return session.with_card(
                token=answer.token.reveal() if answer.token else None,
                expiry_month=answer.expiry_month,
                expiry_year=answer.expiry_year,
                card_entry_id=entry_id,
            )
        self.services.attempts.attach_card(
            turn.tx,
            session.payment.attempt_id,
            answer.brand,
            answer.last_four,
            authorization=answer.authorization,
        )
        self.services.attempts.advance(turn.tx, session.payment.attempt_id, Event.AUTHORIZED)
        return session

    def _mark_unknown(self, turn: Turn, session: Session, answer: CardEntryResult) -> Session:
        """The issuer may hold the amount: the flow goes on to the charge, and the worker finds out."""
        if session.payment.attempt_id is None:
            raise RuntimeError("an authorization is unknown, but no attempt was made for it")
        self.services.attempts.attach_card(
            turn.tx, session.payment.attempt_id, answer.brand, answer.last_four
        )
        self.services.attempts.advance(turn.tx, session.payment.attempt_id, Event.MARK_UNKNOWN)
        return session.with_card(entry_id=None)

    def _declined(
        self,
        turn: Turn,
        session: Session,
        answer: CardEntryResult,
        decline: Decline,
        payer: PayerIdentity | None,
    ) -> Session:
        if session.payment.attempt_id is not None:
            self.services.attempts.attach_card(
                turn.tx, session.payment.attempt_id, answer.brand, answer.last_four
            )
            self.services.attempts.advance(
                turn.tx, session.payment.attempt_id, Event.DECLINE, decline=decline
            )
        elif payer is not None:
            self.services.guard.declined_at_entry(turn.tx, payer, decline)
        return session.with_card(entry_id=None).with_payment(attempt_id=None)

    def _lost(self, turn: Turn, session: Session) -> LeftBy:
        """What became of the card is not known. Nobody takes what the issuer may hold for it by now."""
        may_be_pending = session.payment.attempt_id is not None
        return LeftBy(self._withdraw(turn, session), "unavailable", {"may_be_pending": may_be_pending})

    def _withdraw(self, turn: Turn, session: Session, *, never_asked: bool = False) -> Session:
        """No card came. An attempt that waited for one is released, by way of the gateway where it may
        have been asked.
        """
        if session.payment.attempt_id is not None:
            self.services.attempts.withdraw(turn.tx, session.payment.attempt_id, never_asked=never_asked)
        return session.with_card(entry_id=None).with_payment(attempt_id=None)


def _is_of_pci(entry_id: str | None) -> bool:
    """Whether the PCI process knows of it, and hears how it went."""
    return entry_id is not None and not entry_id.startswith(BY_CARRIER)
