"""Listeners for tests of payments alone: each event is a row of the timeline, and two of them a message."""

from dataclasses import dataclass

import sqlalchemy as sa

from ivr.events.emitter import Events, on
from ivr.events.payment_events import (
    CardNotSaved,
    CardSaved,
    LeftUnheard,
    LinkOpened,
    PaymentApproved,
    PaymentDeclined,
    PaymentDisputed,
    PaymentEvent,
    PaymentNeedsReview,
    PaymentNotCharged,
    PaymentUnknown,
    RefundApproved,
    RefundDeclined,
    SavedCardDeleted,
    SavedCardEvent,
)
from ivr.platform.clock import Clock
from tests.support import schema

WORDS = {
    PaymentApproved: "approved",
    PaymentDeclined: "declined",
    PaymentNotCharged: "not_charged",
    LinkOpened: "link_opened",
    PaymentUnknown: "unknown",
    PaymentNeedsReview: "for_a_person",
    PaymentDisputed: "disputed",
    RefundApproved: "refunded",
    RefundDeclined: "refund_declined",
    CardSaved: "card_kept",
    CardNotSaved: "card_not_kept",
    SavedCardDeleted: "card_forgotten",
}


@dataclass
class RecordedEvents:
    """Writes what happens in the transaction in which it happens."""

    clock: Clock
    broken: bool = False
    """Whether a listener fails, as a bug there would."""

    @property
    def events(self) -> Events:
        return Events.of(
            on(PaymentApproved, self._payment, self._receipt),
            on(PaymentDeclined, self._payment),
            on(PaymentNotCharged, self._payment),
            on(LeftUnheard),
            on(LinkOpened, self._payment, self._link),
            on(PaymentUnknown, self._payment),
            on(PaymentNeedsReview, self._payment),
            on(PaymentDisputed, self._payment),
            on(RefundApproved, self._payment),
            on(RefundDeclined, self._payment),
            on(CardSaved, self._card),
            on(CardNotSaved, self._card),
            on(SavedCardDeleted, self._card),
        )

    def _payment(self, tx: sa.Connection, event: PaymentEvent) -> None:
        if self.broken:
            raise RuntimeError("a listener has a bug")
        word = WORDS[type(event)]
        tx.execute(
            sa.insert(schema.timeline).values(
                at=self.clock.now(),
                kind=f"{word} {event.dispute.state}" if isinstance(event, PaymentDisputed) else word,
                call_id=event.payment.call_id,
                attempt_id=event.payment.id,
                facts={},
            )
        )

    def _card(self, tx: sa.Connection, event: SavedCardEvent) -> None:
        tx.execute(
            sa.insert(schema.timeline).values(
                at=self.clock.now(),
                kind=WORDS[type(event)],
                customer_id=event.card.customer_id,
                facts={"card_id": event.card.id},
            )
        )

    def _receipt(self, tx: sa.Connection, event: PaymentApproved) -> None:
        self._message(tx, event, event.payment.id, "receipt", "paid")

    def _link(self, tx: sa.Connection, event: LinkOpened) -> None:
        self._message(tx, event, f"link_{event.payment.id}", "link", "a link")

    def _message(
        self, tx: sa.Connection, event: PaymentEvent, message_id: str, purpose: str, body: str
    ) -> None:
        tx.execute(
            sa.insert(schema.confirmation).values(
                id=message_id,
                attempt_id=event.payment.id,
                purpose=purpose,
                channel="console",
                language=event.payment.language,
                body=body,
                state="queued",
                created_at=self.clock.now(),
            )
        )
