"""The timeline's entries about payments and saved cards."""

from dataclasses import dataclass

import sqlalchemy as sa

from ivr.customers import timeline
from ivr.events.payment_events import PaymentEvent, SavedCardEvent
from ivr.platform.clock import Clock


@dataclass(frozen=True, slots=True)
class TimelineEntries:
    """Adds an entry for each event."""

    clock: Clock

    def payment(self, tx: sa.Connection, event: PaymentEvent) -> None:
        """Without amounts: a long one can look like a card, and the timeline refuses that."""
        facts = {name: value for name, value in event.details.items() if not name.endswith("_minor")}
        payment = event.payment
        timeline.add(
            tx,
            event.kind,
            at=self.clock.now(),
            call_id=payment.call_id,
            attempt_id=payment.id,
            facts=facts,
        )

    def saved_card(self, tx: sa.Connection, event: SavedCardEvent) -> None:
        card = event.card
        facts = {
            "card_id": card.id,
            "brand": card.brand,
            "last_four": card.last_four,
            "by": card.deleted_by,
        }
        timeline.add(
            tx,
            event.kind,
            at=self.clock.now(),
            customer_id=card.customer_id,
            call_id=card.call_id,
            attempt_id=card.payment_id,
            facts={name: value for name, value in facts.items() if value is not None},
        )
