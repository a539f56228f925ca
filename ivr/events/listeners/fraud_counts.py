"""Fraud counts: how each card that was tried ended."""

from dataclasses import dataclass

import sqlalchemy as sa

from ivr.events.payment_events import PaymentApproved, PaymentDeclined, PaymentNotCharged
from ivr.fraud.guard import Guard


@dataclass(frozen=True, slots=True)
class FraudCounts:
    """Counts for velocity limits, lockouts and the breaker."""

    guard: Guard

    def approved(self, tx: sa.Connection, event: PaymentApproved) -> None:
        self.guard.approved(tx, event.payment)

    def declined(self, tx: sa.Connection, event: PaymentDeclined) -> None:
        self.guard.declined(tx, event.payment)

    def not_charged(self, tx: sa.Connection, event: PaymentNotCharged) -> None:
        self.guard.not_charged(tx, event.payment)
