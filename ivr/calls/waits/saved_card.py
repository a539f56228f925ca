"""A card that is kept for the caller's next payment: looked for, offered, agreed to, deleted.

A caller's number is a hint and no proof: a saved card is looked for only where the state says that it may be
(`saved_cards`: the number is known and was not found forged), and nothing of it is told but brand and last
four. What could go wrong is a card that is deleted while it is being offered: it is looked at again, and
held, in the turn that charges it.
"""

from collections.abc import Callable
from dataclasses import replace

import structlog

from flows.language import Amount, CardFacts, FindSavedCard, ForgetCard, MayKeepCard
from ivr.calls.card_guard import CardGuard
from ivr.calls.session import Session
from ivr.calls.wait_result import Left, Turn
from ivr.customers import customer
from ivr.payments.attempts.service import Attempt, AttemptService
from ivr.payments.saved_cards import store as card_records
from ivr.payments.saved_cards.service import Agreement, SavedCardService
from ivr.payments.saved_cards.store import Consent
from ivr.platform.clock import Clock

log = structlog.get_logger()


class SavedCardWaits:
    """Fulfils FindSavedCard, MayKeepCard and ForgetCard, and those parts of Charge that are about them."""

    def __init__(
        self,
        *,
        cards: SavedCardService,
        attempts: AttemptService,
        guard: CardGuard,
        gateway: str,
        takes: Callable[[int, str], bool],
        clock: Clock,
    ) -> None:
        """`takes`: whether the gateway takes an amount, in minor units, of a currency."""
        self._cards = cards
        self._takes = takes
        self._attempts = attempts
        self._guard = guard
        self._gateway = gateway
        self._clock = clock

    def fulfil(self, turn: Turn, session: Session, wait: FindSavedCard | ForgetCard | MayKeepCard) -> Left:
        """None of these waits for anybody."""
        match wait:
            case FindSavedCard(amount):
                return self.find(turn, session, amount)
            case ForgetCard():
                return self.forget(turn, session)
            case MayKeepCard():
                return self.may_keep(turn, session)

    def find(self, turn: Turn, session: Session, amount: Amount | None) -> Left:
        """The newest card that may be offered now: not one that was declined in this call, and none where no
        card would be charged.
        """
        number = self._number(turn, session)
        found = None
        is_taken = amount is None or self._takes(amount.minor, amount.currency)
        if number is not None and is_taken and not self._guard.refuses(turn, session):
            found = card_records.to_offer(
                turn.tx, number, self._gateway, call_id=turn.row.id, now=self._clock.now()
            )
        if found is None:
            return Left(replace(session, saved_card_id=None), "none", {"saved_card": None})
        facts = {"saved_card": CardFacts(found.brand, found.last_four)}
        return Left(replace(session, saved_card_id=found.id), "found", facts)

    def forget(self, turn: Turn, session: Session) -> Left:
        """The caller's word is enough: whatever the gateway answers, it is over with this card."""
        if session.saved_card_id is not None:
            self._cards.forget(turn.tx, session.saved_card_id, by=f"voice: {turn.row.id}")
        return Left(replace(session, saved_card_id=None), "then", {"saved_card": None})

    def may_keep(self, turn: Turn, session: Session) -> Left:
        number, card = self._number(turn, session), session.state.card
        month, year = session.expiry_month, session.expiry_year
        if number is None or card is None or session.token is None or month is None or year is None:
            return Left(session, "may_not")
        kept = card_records.is_kept(
            turn.tx, number, self._gateway, brand=card.brand, last_four=card.last_four, month=month, year=year
        )
        return Left(session, "may_not" if kept else "may")

    def can_pay(self, turn: Turn, session: Session) -> bool:
        """Whether the card that was offered is still kept; held, if so, until the turn ends."""
        if self._number(turn, session) is None or session.saved_card_id is None:
            return False
        return self._cards.to_charge(turn.tx, session.saved_card_id) is not None

    def pay(self, turn: Turn, session: Session, attempt: Attempt) -> None:
        """The saved card pays this attempt."""
        card = card_records.get(turn.tx, str(session.saved_card_id))
        self._attempts.attach_card(
            turn.tx,
            attempt.id,
            card.brand,
            card.last_four,
            token=None if card.token is None else card.token.reveal(),
            saved_card_id=card.id,
            gateway_customer_id=card.gateway_customer_id,
        )

    def agree(self, turn: Turn, session: Session, attempt: Attempt) -> None:
        """The caller agreed to the question as it was spoken that the card of this attempt be kept. Nobody's
        is: a call of an earlier release may have asked a caller whose number is withheld, as we now know. Nor
        is one whose question an earlier release asked: the words that it spoke are not known here.
        """
        number, card = self._number(turn, session), session.state.card
        month, year = session.expiry_month, session.expiry_year
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
            at=self._clock.now(),
        )
        agreement = Agreement(number, card.brand, card.last_four, month, year, turn.row.id, consent)
        self._cards.agree(turn.tx, attempt, agreement)

    def _number(self, turn: Turn, session: Session) -> str | None:
        """Under whose number cards are kept and offered; None: of nobody."""
        return customer.kept_under(turn.tx, turn.caller) if session.state.saved_cards else None
