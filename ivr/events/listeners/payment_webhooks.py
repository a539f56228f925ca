"""The merchant's webhooks about payments and refunds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ivr.bills import store as bills
from ivr.events.payment_events import PaymentDisputed, PaymentEvent, RefundEvent
from ivr.integrations import webhooks_out
from ivr.jobs.job_list import Work
from ivr.platform.clock import Clock
from ivr.platform.ids import Ids


@dataclass(frozen=True, slots=True)
class PaymentWebhooks:
    """Records a webhook for each event; a repeat of the same kind and source is dropped."""

    work: Work
    clock: Clock
    ids: Ids
    dashboard_url: Callable[[str], str | None]
    """The page of a gateway's reference in its dashboard."""
    is_on: bool
    """Whether the merchant has an address for webhooks (OUTCOME_URL)."""

    def payment(self, tx: sa.Connection, event: PaymentEvent) -> None:
        state = {"state": event.payment.state, "internal_state": event.payment.internal_state}
        self._record(tx, event, event.payment.id, state)

    def dispute(self, tx: sa.Connection, event: PaymentDisputed) -> None:
        """Each one is news: a bank may decide the same a second time."""
        state = {"state": event.payment.state, "internal_state": event.payment.internal_state}
        self._record(tx, event, self.ids.new("told"), state)

    def refund(self, tx: sa.Connection, event: RefundEvent) -> None:
        """Has the refund's state alone, so that the payment's is not taken for it."""
        self._record(tx, event, event.refund.id, {})

    def _record(self, tx: sa.Connection, event: PaymentEvent, source_id: str, state: dict[str, Any]) -> None:
        if not self.is_on:
            return
        payment = event.payment
        reference = payment.gateway_reference
        facts = {
            "reference": payment.reference,
            "bill_reference": bills.get(tx, payment.bill_id).reference,
            **state,
            "amount_minor": payment.amount_minor,
            "currency": payment.currency,
            "method": payment.method,
            "gateway": payment.gateway,
            "gateway_reference": reference,
            "gateway_url": self.dashboard_url(reference) if reference else None,
            "brand": payment.brand,
            "last_four": payment.last_four,
            "call_id": payment.call_id,
            **event.details,
        }
        webhooks_out.record(
            tx,
            kind=webhooks_out.WebhookKind(event.kind),
            source_id=source_id,
            attempt_id=payment.id,
            facts=facts,
            work=self.work,
            clock=self.clock,
            ids=self.ids,
        )
