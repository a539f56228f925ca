"""Saved cards: agreed to in a call, saved once they have paid, deleted when anybody says so.

Everything is written in the caller's transaction; the jobs of `ivr.payments.saved_cards.jobs` ask the
gateway. From `forget` on a card is neither offered nor charged, whatever the gateway says.
"""

from dataclasses import dataclass

import sqlalchemy as sa
import structlog

from ivr.customers import customer
from ivr.events.payment_events import SavedCardDeleted, SavedCardFacts
from ivr.jobs.job_list import FORGET_CARD, SAVE_CARD, Job
from ivr.payments.attempts import store as attempt_store
from ivr.payments.attempts.states import FINAL, State
from ivr.payments.attempts.store import Attempt
from ivr.payments.row_transitions import RowTransitions
from ivr.payments.saved_cards import store
from ivr.payments.saved_cards.store import CardState, Consent, SavedCard
from ivr.payments.tables import saved_card

log = structlog.get_logger()
BY_LENGTH_MAX = 80


@dataclass(frozen=True, slots=True)
class Agreement:
    """A card that was keyed, and the payer's word that it be kept."""

    phone: str
    brand: str
    last_four: str
    expiry_month: int
    expiry_year: int
    call_id: str
    consent: Consent


@dataclass(frozen=True, slots=True)
class SavedCardService(RowTransitions):
    """What may be done with saved cards, without the network."""

    def agree(self, tx: sa.Connection, attempt: Attempt, agreement: Agreement) -> None:
        """The payer of this attempt agrees, before it is sent; nothing is kept unless it is approved."""
        customer_id = customer.meet(tx, agreement.phone, clock=self.clock, ids=self.ids)
        store.insert(
            tx,
            agreement.consent,
            id=self.ids.new("card"),
            customer_id=customer_id,
            attempt_id=attempt.id,
            gateway=attempt.gateway,
            brand=agreement.brand,
            last_four=agreement.last_four,
            expiry_month=agreement.expiry_month,
            expiry_year=agreement.expiry_year,
            call_id=agreement.call_id,
        )
        attempt_store.update(tx, attempt.id, keep_card=True)

    def to_charge(self, tx: sa.Connection, card_id: str) -> SavedCard | None:
        """The card, held, where it may be charged this moment."""
        try:
            card = store.locked(tx, card_id)
        except store.NoSuchCardError:
            return None
        return card if card.state is CardState.KEPT else None

    def attempt_moved(self, tx: sa.Connection, before: Attempt, attempt: Attempt) -> None:
        """Belongs to every move of an attempt: an approved one's card is kept, as agreed; no other's is."""
        if not attempt.keep_card or attempt.state not in FINAL:
            return
        card = store.of_attempt(tx, attempt.id)
        if card is None or card.state is not CardState.AGREED:
            return
        if attempt.state is not State.APPROVED or before.token is None:
            store.delete(tx, card.id)
            return
        # the attempt's own is wiped by this very move
        kept = store.update(tx, card.id, state=CardState.KEEPING, token=before.token.reveal())
        self.schedule(tx, kept, SAVE_CARD)

    def forget(self, tx: sa.Connection, card_id: str, *, by: str) -> SavedCard:
        """From now on the card is neither offered nor charged; the gateway is asked until it is certain, too.

        Raises NoSuchCardError. A second time changes nothing.
        """
        card = store.locked(tx, card_id)
        if card.state in {CardState.FORGETTING, CardState.FORGOTTEN}:
            return card
        now = self.clock.now()
        said = {"forgotten_by": by[:BY_LENGTH_MAX], "forget_asked_at": now}
        if card.state is CardState.AGREED or (card.state is CardState.KEEPING and card.sent_at is None):
            card = self.forgotten(tx, card, **said)
        else:
            card = store.update(tx, card.id, state=CardState.FORGETTING, **said)
            self.schedule(tx, card, FORGET_CARD)
        log.info("card_forgotten", card_id=card.id, by=by)
        self.events.emit(tx, SavedCardDeleted(saved_card_facts(card)))
        return store.get(tx, card.id)

    def forgotten(self, tx: sa.Connection, card: SavedCard, **values: object) -> SavedCard:
        """Nobody can charge it any more: what stood for it is wiped."""
        at = self.clock.now()
        return store.update(
            tx, card.id, **values, state=CardState.FORGOTTEN, token=None, forgotten_at=at, look_at=None
        )

    def schedule(self, tx: sa.Connection, card: SavedCard, job: Job, delay_s: float = 0.0) -> None:
        """Schedules the job under a new number."""
        self.schedule_job(tx, saved_card, card.id, job, delay_s)


def saved_card_facts(card: SavedCard) -> SavedCardFacts:
    """The card as it stands now."""
    return SavedCardFacts(
        id=card.id,
        customer_id=card.customer_id,
        call_id=card.call_id,
        payment_id=card.attempt_id,
        brand=card.brand,
        last_four=card.last_four,
        deleted_by=card.forgotten_by,
    )
