"""What happens to a refund."""

from dataclasses import dataclass
from typing import Any, ClassVar

from ivr.events.payment_events import PaymentEvent


@dataclass(frozen=True, slots=True)
class RefundFacts:
    """The refund as it stands after what happened."""

    id: str
    amount_minor: int
    state: str
    """The public state, as of a payment."""


@dataclass(frozen=True, slots=True)
class RefundEvent(PaymentEvent):
    """Something happened to this refund of the payment."""

    refund: RefundFacts

    @property
    def details(self) -> dict[str, Any]:
        return {
            "refund_id": self.refund.id,
            "refund_minor": self.refund.amount_minor,
            "refund_status": self.refund.state,
        }


@dataclass(frozen=True, slots=True)
class RefundApproved(RefundEvent):
    """The money went back to the payer. The ledger entry is written already."""

    kind: ClassVar[str] = "refund.approved"


@dataclass(frozen=True, slots=True)
class RefundDeclined(RefundEvent):
    """The money did not go back, and will not under this refund."""

    kind: ClassVar[str] = "refund.declined"
