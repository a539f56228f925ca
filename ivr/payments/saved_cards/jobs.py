"""The jobs that ask the gateway to keep a card, and to forget it: as often as needed, until it is certain.

Nothing here touches a payment: a card that cannot be kept is one that the caller keys again. What could go
wrong is an answer that is lost: the gateway is asked again in the very same words under the card's id; and a
card that is to be forgotten while nobody knows whether it was kept is first asked for under that id, so that
there is something to forget.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa
import structlog

from gateways import saved_cards as wire
from gateways.contract import CardSaving, Declined, Gateway, Unknown, UnsupportedError
from gateways.declines import Decline
from ivr.events.saved_card_events import CardNotSaved, CardSaved
from ivr.jobs.job_list import FORGET_CARD, SAVE_CARD
from ivr.payments import timeouts
from ivr.payments.attempts import store as attempt_store
from ivr.payments.event_facts import saved_card_facts
from ivr.payments.saved_cards import store
from ivr.payments.saved_cards.service import SavedCardService
from ivr.payments.saved_cards.store import CardState, SavedCard
from ivr.payments.tables import saved_card
from ivr.platform.database.engine import reading
from ivr.platform.phone_numbers import is_possible

log = structlog.get_logger()
R = TypeVar("R")
KEPT_MAX = 2
"""Cards a customer, at one gateway: the newest is offered, the other where that is declined or deleted."""
AT_ONCE_MAX = 100
NOBODYS_LOOKED_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SavedCardJobs:
    """Keeps and forgets cards at one gateway."""

    engine: sa.Engine
    gateway: Gateway
    cards: SavedCardService

    # Keeping ------------------------------------------------------------------------------------------------

    def save(self, card_id: str, nth: int) -> None:
        """Asks the gateway once; asks for the next try where it does not say."""
        with self.engine.begin() as tx:
            card = self._to_save(tx, card_id, nth)
        if card is None:
            return
        answer = self._keep(card)
        with self.engine.begin() as tx:
            self._record(tx, card, answer)

    def _to_save(self, tx: sa.Connection, card_id: str, nth: int) -> SavedCard | None:
        """The card, where this is the job that was asked for last. Each try asks in the same words."""
        card = store.locked(tx, card_id)
        if card.jobs != nth or card.state is not CardState.KEEPING:
            return None
        if card.sent_at is not None:
            return card
        others = store.kept_of(tx, card.customer_id, card.gateway)
        holder = others[0].holder if others else None
        return store.update(tx, card.id, sent_at=self.cards.clock.now(), holder=holder)

    def _keep(self, card: SavedCard) -> CardSaving:
        with reading(self.engine) as tx:
            reference = attempt_store.get(tx, card.attempt_id).gateway_reference or ""
        token = card.token
        if token is None:
            raise ValueError("a card without a token is to be kept")

        def send() -> CardSaving:
            try:
                return self.gateway.save_card(
                    card.id, token, charge_reference=reference, gateway_customer_id=card.holder
                )
            except UnsupportedError as refused:
                log.error("gateway_cannot", verb="save_card", card_id=card.id, sentence=str(refused))  # noqa: TRY400 - an answer, no bug
                return Declined(Decline.CONFIG_ERROR, "unsupported")

        return self._answer("save_card", card, send)

    def _record(self, tx: sa.Connection, asked: SavedCard, answer: CardSaving) -> None:
        store.lock_customer(tx, asked.customer_id)
        card = store.locked(tx, asked.id)
        match answer:
            case wire.CardOnFile(holder, token) if card.state is CardState.KEEPING:
                self._make_room(tx, card)
                values = {"holder": holder, "token": token.reveal(), "kept_at": self.cards.clock.now()}
                kept = store.update(tx, card.id, state=CardState.KEPT, look_at=None, **values)
                self.cards.events.emit(tx, CardSaved(saved_card_facts(kept)))
            case wire.CardOnFile(holder, token) if card.state is CardState.FORGETTING:
                values = {"holder": holder, "token": token.reveal(), "kept_at": self.cards.clock.now()}
                store.update(tx, card.id, **values)
            case Declined(_, code) if card.state is CardState.KEEPING:
                log.warning("card_not_kept", card_id=card.id, code=code)
                kept_not = self.cards.forgotten(tx, card, forgotten_by=f"gateway: {code}"[:80])
                self.cards.events.emit(tx, CardNotSaved(saved_card_facts(kept_not)))
            case Unknown(reason) if card.state is CardState.KEEPING:
                self._try_again(tx, card, reason)

    def _make_room(self, tx: sa.Connection, card: SavedCard) -> None:
        """The same card again takes the place of the one before; the oldest goes where there are too many."""
        others = store.kept_of(tx, card.customer_id, card.gateway)
        for same in [one for one in others if _face(one) == _face(card)]:
            self.cards.forget(tx, same.id, by=f"replaced by {card.id}")
            others.remove(same)
        for oldest in others[KEPT_MAX - 1 :]:
            self.cards.forget(tx, oldest.id, by=f"too many with {card.id}")

    def _try_again(self, tx: sa.Connection, card: SavedCard, reason: str) -> None:
        open_s = self._since_s(card.sent_at)
        log.warning("card_not_kept_yet", card_id=card.id, reason=reason, open_s=open_s)
        delay_s = timeouts.ASK_AGAIN.next_delay_s(open_s)
        if delay_s is None:
            self.cards.forget(tx, card.id, by="the gateway did not answer for a day")
        else:
            self.cards.ask(tx, card, SAVE_CARD, delay_s)

    # Forgetting ---------------------------------------------------------------------------------------------

    def forget(self, card_id: str, nth: int) -> None:
        """Asks the gateway once; asks for the next try until it is certain."""
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

    def _forget(self, card: SavedCard) -> wire.CardDeleted | Declined | Unknown:
        """Declined: it was never kept. A card that nobody saw kept is asked for first, whether or not its
        holder is known: what is nobody's yet cannot be taken away, and a save on its way would keep it.
        """
        holder, token = card.holder, card.token
        if token is None:
            raise ValueError("a card without a token is to be forgotten")
        if card.kept_at is None or holder is None:
            found = self._keep(card)
            if not isinstance(found, wire.CardOnFile):
                return found
            holder, token = found.gateway_customer_id, found.token
        at_gateway = wire.CardOnFile(holder, token)
        return self._answer("forget_card", card, lambda: self.gateway.delete_card(at_gateway))

    def _insist(self, tx: sa.Connection, card: SavedCard, reason: str) -> None:
        open_s = self._since_s(card.forget_asked_at)
        delay_s = timeouts.ASK_AGAIN.next_delay_s(open_s)
        tell = log.error if delay_s is None else log.warning
        tell("card_not_forgotten_yet", card_id=card.id, reason=reason)
        self.cards.ask(tx, card, FORGET_CARD, delay_s or timeouts.ASK_AGAIN_LATE_S)

    # Both ---------------------------------------------------------------------------------------------------

    def sweep(self) -> int:
        """Asks again for jobs that were lost, and forgets cards that have expired, or are nobody's; how many
        there were.
        """
        now = self.cards.clock.now()
        late = now - timedelta(seconds=timeouts.LOST_AFTER_S)
        jobs = {CardState.KEEPING: SAVE_CARD, CardState.FORGETTING: FORGET_CARD}
        with reading(self.engine) as tx:
            stuck = self._ids(tx, saved_card.c.look_at < late, saved_card.c.state.in_(jobs))
            over = self._ids(tx, store.expired(now), saved_card.c.state == CardState.KEPT)
        for card_id in stuck:
            with self.engine.begin() as tx:
                card = store.locked(tx, card_id)
                if card.state in jobs:
                    log.error("card_job_lost", card_id=card_id, call_id=card.call_id, state=str(card.state))
                    self.cards.ask(tx, card, jobs[card.state])
        for card_id in over:
            with self.engine.begin() as tx:
                self.cards.forget(tx, card_id, by="expired")
        return len(stuck) + len(over) + self._forget_nobodys(now)

    def _forget_nobodys(self, now: datetime) -> int:
        """Cards that a process of an earlier release kept for a withheld caller while it was being replaced:
        what was kept before, the migration gave up.
        """
        query = store.kept_since(now - NOBODYS_LOOKED_FOR)
        with reading(self.engine) as tx:
            found = [row.id for row in tx.execute(query) if not is_possible(row.phone, "")]
        for card_id in found:
            with self.engine.begin() as tx:
                self.cards.forget(tx, card_id, by="nobody's number: a withheld caller")
        return len(found)

    def _ids(self, tx: sa.Connection, *which: sa.ColumnElement[bool]) -> list[str]:
        query = sa.select(saved_card.c.id).where(*which).order_by(saved_card.c.id).limit(AT_ONCE_MAX)
        return list(tx.execute(query).scalars())

    def _since_s(self, moment: datetime | None) -> float:
        return 0.0 if moment is None else (self.cards.clock.now() - moment).total_seconds()

    def _answer(self, verb: str, card: SavedCard, ask: Callable[[], R]) -> R | Unknown:
        """As for money: an exception out of an adapter is a bug and no answer."""
        if card.gateway != self.gateway.name:
            return Unknown(
                f"it is saved at {card.gateway}, but this worker is connected to {self.gateway.name}"
            )
        try:
            return ask()
        except Exception:
            log.exception("gateway_adapter_failed", verb=verb, card_id=card.id)
            return Unknown("the adapter failed")


def _face(card: SavedCard) -> tuple[str, str, int, int]:
    """What makes two cards of one customer the same to us, who know no number."""
    return card.brand, card.last_four, card.expiry_month, card.expiry_year
