"""The jobs that ask the gateway to save a card, and to delete it: until the answer is certain.

Nothing here touches a payment: where a card cannot be saved, the caller keys it again next time. After a lost
answer the same request is sent again, under the card's id. A card that is to be deleted before it is known
whether it was saved is first saved again under that id, so that there is something to delete.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from gateways.contract import CardDeleted, CardOnFile, Declined, SaveCardResult, Unknown
from ivr.events.payment_events import CardNotSaved, CardSaved
from ivr.jobs.job_list import FORGET_CARD, SAVE_CARD
from ivr.payments import timeouts
from ivr.payments.attempts import store as attempt_store
from ivr.payments.gateway_client import GatewayClient
from ivr.payments.saved_cards import store
from ivr.payments.saved_cards.service import SavedCardService, saved_card_facts
from ivr.payments.saved_cards.store import CardState, SavedCard
from ivr.platform.database.engine import reading
from ivr.platform.phone_numbers import is_possible

log = structlog.get_logger()
KEPT_MAX = 2
"""Cards a customer, at one gateway: the newest is offered, the other where that is declined or deleted."""
AT_ONCE_MAX = 100
_NOBODYS_LOOKED_FOR = timedelta(days=1)
_SWEPT = {CardState.KEEPING: SAVE_CARD, CardState.FORGETTING: FORGET_CARD}


@dataclass(frozen=True, slots=True)
class SavedCardJobs:
    """Saves and deletes cards at one gateway."""

    engine: sa.Engine
    gateway: GatewayClient
    cards: SavedCardService

    # Saving -------------------------------------------------------------------------------------------------

    def save(self, card_id: str, nth: int) -> None:
        """Asks the gateway once; schedules the next try if the answer is unknown."""
        with self.engine.begin() as tx:
            card = self._to_save(tx, card_id, nth)
        if card is None:
            return
        answer = self._save(card)
        with self.engine.begin() as tx:
            self._record(tx, card, answer)

    def _to_save(self, tx: sa.Connection, card_id: str, nth: int) -> SavedCard | None:
        """The card, if this is the job that was scheduled last. Each try sends the same request."""
        card = store.locked(tx, card_id)
        if card.jobs != nth or card.state is not CardState.KEEPING:
            return None
        if card.sent_at is not None:
            return card
        others = store.kept_of(tx, card.customer_id, card.gateway)
        customer = others[0].gateway_customer_id if others else None
        return store.update(tx, card.id, sent_at=self.cards.clock.now(), gateway_customer_id=customer)

    def _save(self, card: SavedCard) -> SaveCardResult:
        with reading(self.engine) as tx:
            charge_reference = attempt_store.get(tx, card.attempt_id).gateway_reference or ""
        return self.gateway.save_card(card, charge_reference)

    def _record(self, tx: sa.Connection, asked: SavedCard, answer: SaveCardResult) -> None:
        store.lock_customer(tx, asked.customer_id)
        card = store.locked(tx, asked.id)
        match answer:
            case CardOnFile() if card.state is CardState.KEEPING:
                self._make_room(tx, card)
                kept = self._keep(tx, card, answer, state=CardState.KEPT, look_at=None)
                self.cards.events.emit(tx, CardSaved(saved_card_facts(kept)))
            case CardOnFile() if card.state is CardState.FORGETTING:
                self._keep(tx, card, answer)
            case Declined(_, code) if card.state is CardState.KEEPING:
                log.warning("card_not_kept", card_id=card.id, code=code)
                not_kept = self.cards.forgotten(tx, card, forgotten_by=f"gateway: {code}"[:80])
                self.cards.events.emit(tx, CardNotSaved(saved_card_facts(not_kept)))
            case Unknown(reason) if card.state is CardState.KEEPING:
                self._try_again(tx, card, reason)

    def _keep(self, tx: sa.Connection, card: SavedCard, on_file: CardOnFile, **values: object) -> SavedCard:
        return store.update(
            tx,
            card.id,
            gateway_customer_id=on_file.gateway_customer_id,
            token=on_file.token.reveal(),
            kept_at=self.cards.clock.now(),
            **values,
        )

    def _make_room(self, tx: sa.Connection, card: SavedCard) -> None:
        """Deletes an older record of the same card, and the oldest cards if there are too many."""
        others = store.kept_of(tx, card.customer_id, card.gateway)
        for same in [one for one in others if _face(one) == _face(card)]:
            self.cards.forget(tx, same.id, by=f"replaced by {card.id}")
            others.remove(same)
        for oldest in others[KEPT_MAX - 1 :]:
            self.cards.forget(tx, oldest.id, by=f"too many with {card.id}")

    def _try_again(self, tx: sa.Connection, card: SavedCard, reason: str) -> None:
        open_s = self._since_s(card.sent_at)
        log.warning("card_not_kept_yet", card_id=card.id, reason=reason, open_s=open_s)
        delay_s = timeouts.ASK_AGAIN.delay_after_s(open_s)
        if delay_s is None:
            self.cards.forget(tx, card.id, by="the gateway did not answer for a day")
        else:
            self.cards.schedule(tx, card, SAVE_CARD, delay_s)

    # Deleting -----------------------------------------------------------------------------------------------

    def forget(self, card_id: str, nth: int) -> None:
        """Asks the gateway once; schedules the next try until the answer is certain."""
        with self.engine.begin() as tx:
            card = store.locked(tx, card_id)
        if card.jobs != nth or card.state is not CardState.FORGETTING:
            return
        answer = self._forget(card)
        with self.engine.begin() as tx:
            card = store.locked(tx, card_id)
            if card.state is not CardState.FORGETTING:
                return
            if isinstance(answer, Unknown):
                self._insist(tx, card, answer.reason)
            else:
                self.cards.forgotten(tx, card)

    def _forget(self, card: SavedCard) -> CardDeleted | Declined | Unknown:
        """Declined: it was never saved. A card that is not known to be saved is saved first, even if its
        customer is known: otherwise a save that is still under way would keep it.
        """
        if card.kept_at is not None and card.gateway_customer_id is not None and card.token is not None:
            return self.gateway.delete_card(card, CardOnFile(card.gateway_customer_id, card.token))
        saved = self._save(card)
        return self.gateway.delete_card(card, saved) if isinstance(saved, CardOnFile) else saved

    def _insist(self, tx: sa.Connection, card: SavedCard, reason: str) -> None:
        delay_s = timeouts.ASK_AGAIN.delay_after_s(self._since_s(card.forget_asked_at))
        write_log = log.error if delay_s is None else log.warning
        write_log("card_not_forgotten_yet", card_id=card.id, reason=reason)
        self.cards.schedule(tx, card, FORGET_CARD, delay_s or timeouts.ASK_AGAIN_LATE_S)

    # Both ---------------------------------------------------------------------------------------------------

    def sweep(self) -> int:
        """Schedules lost jobs again, and deletes cards that have expired, or that belong to a withheld
        number; returns how many.
        """
        now = self.cards.clock.now()
        late = now - timedelta(seconds=timeouts.LOST_AFTER_S)
        with reading(self.engine) as tx:
            stuck = store.overdue(tx, late, _SWEPT, AT_ONCE_MAX)
            expired = store.expired_ids(tx, now, AT_ONCE_MAX)
            # an earlier release, while it was being replaced, may have saved cards for withheld numbers
            saved = store.saved_since(tx, now - _NOBODYS_LOOKED_FOR)
            nobodys = [card_id for card_id, phone in saved if not is_possible(phone, "")]
        for card_id in stuck:
            with self.engine.begin() as tx:
                card = store.locked(tx, card_id)
                if card.state in _SWEPT:
                    log.error("card_job_lost", card_id=card_id, call_id=card.call_id, state=str(card.state))
                    self.cards.schedule(tx, card, _SWEPT[card.state])
        reasons = dict.fromkeys(expired, "expired") | dict.fromkeys(
            nobodys, "nobody's number: a withheld caller"
        )
        for card_id, reason in reasons.items():
            with self.engine.begin() as tx:
                self.cards.forget(tx, card_id, by=reason)
        return len(stuck) + len(reasons)

    def _since_s(self, moment: datetime | None) -> float:
        return 0.0 if moment is None else (self.cards.clock.now() - moment).total_seconds()


def _face(card: SavedCard) -> tuple[str, str, int, int]:
    """Two cards of one customer that agree in this count as the same: their numbers are not known."""
    return card.brand, card.last_four, card.expiry_month, card.expiry_year
