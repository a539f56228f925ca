"""The card that is kept for the caller of a turn: whether it can pay, and what they agreed to.

A caller's number is a hint and no proof: a saved card is looked for only where the state says that it may be
(`saved_cards`: the number is known and was not found forged). A card can be deleted while it is being
offered, so it is looked at again, and locked, in the turn that charges it.
"""

from dataclasses import dataclass

import structlog

from ivr.calls.session import Session
from ivr.calls.turn import Turn
from ivr.customers import customer
from ivr.payments.attempts.service import Attempt, AttemptService
from ivr.payments.saved_cards import store as card_records
from ivr.payments.saved_cards.service import Agreement, SavedCardService
from ivr.payments.saved_cards.store import Consent, SavedCard
from ivr.platform.clock import Clock

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CallerSavedCard:
    """Finds the caller's saved card, charges it, and records their consent."""

    cards: SavedCardService
    attempts: AttemptService
    gateway: str
    """The gateway's name: a card is kept at one."""
    clock: Clock

    def number(self, turn: Turn, session: Session) -> str | None:
        """The number under which this caller's cards are kept and offered. None if the number is withheld, or
        if the call may not use saved cards.
        """
        return customer.kept_under(turn.tx, turn.caller) if session.state.saved_cards else None

    def to_offer(self, turn: Turn, session: Session) -> SavedCard | None:
        """The newest one that was not declined in this call."""
        number = self.number(turn, session)
        if number is None:
            return None
        return card_records.to_offer(turn.tx, number, self.gateway, call_id=turn.row.id, now=self.clock.now())

    def may_be_kept(self, turn: Turn, session: Session) -> bool:
        """Whether the card that was keyed can be kept, and is not already."""
        number, card = self.number(turn, session), session.state.card
        month, year = session.card.expiry_month, session.card.expiry_year
        if number is None or card is None or session.card.token is None or month is None or year is None:
            return False
        return not card_records.is_kept(
            turn.tx, number, self.gateway, brand=card.brand, last_four=card.last_four, month=month, year=year
        )

    def forget(self, turn: Turn, session: Session) -> None:
        """The card that was offered is no longer offered or charged."""
        if session.card.saved_card_id is not None:
            self.cards.forget(turn.tx, session.card.saved_card_id, by=f"voice: {turn.row.id}")

    def can_pay(self, turn: Turn, session: Session) -> bool:
        """Whether the card that was offered is still kept; if so, it is locked until the turn ends."""
        if self.number(turn, session) is None or session.card.saved_card_id is None:
            return False
        return self.cards.to_charge(turn.tx, session.card.saved_card_id) is not None

    def pay(self, turn: Turn, session: Session, attempt: Attempt) -> None:
        """The saved card pays this attempt."""
        card = card_records.get(turn.tx, str(session.card.saved_card_id))
        self.attempts.attach_card(
            turn.tx,
            attempt.id,
            card.brand,
            card.last_four,
            token=None if card.token is None else card.token.reveal(),
            saved_card_id=card.id,
            gateway_customer_id=card.gateway_customer_id,
        )

    def agree(self, turn: Turn, session: Session, attempt: Attempt) -> None:
        """Records that the caller agreed, to the question as it was spoken, that this attempt's card is kept.
        Not kept if the number is withheld, or if the question was asked by an earlier release, whose words
        are not known.
        """
        number, card = self.number(turn, session), session.state.card
        month, year = session.card.expiry_month, session.card.expiry_year
        if number is None:
            log.warning("card_of_nobody_not_kept", call_id=turn.row.id)
            return
        if not session.asked.wording:
            log.warning("card_not_kept_for_words_unknown", call_id=turn.row.id)
            return
        if card is None or month is None or year is None:
            raise RuntimeError(f"step {session.step} keeps a card that may not be kept")
        consent = Consent(
            wording=session.asked.wording,
            language=session.language,
            prompt=session.asked.prompt,
            release=session.asked.release,
            at=self.clock.now(),
        )
        agreement = Agreement(number, card.brand, card.last_four, month, year, turn.row.id, consent)
        self.cards.agree(turn.tx, attempt, agreement)
