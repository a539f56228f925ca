"""What happens to a payment, to its refunds, and to a saved card."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from gateways.declines import Decline
from gateways.events import DisputeUpdated
from ivr.events.emitter import DomainEvent


@dataclass(frozen=True, slots=True)
class PaymentFacts:
    """The payment as it stands after what happened, as far as listeners need it."""

    id: str
    reference: str
    """The eight digits that its payer was told."""
    bill_id: str
    call_id: str | None
    made_for: str
    """The turn, or the payment, that it was made for."""
    card_entry_id: str | None
    """The card entry at the PCI process, if there was one."""
    payer_phone: str | None = field(repr=False)
    language: str
    amount_minor: int
    currency: str
    method: str
    gateway: str
    gateway_reference: str | None
    brand: str | None
    last_four: str | None
    decline: Decline | None
    state: str
    """The public state: pending, approved, declined, not_charged, unknown or needs_review."""
    internal_state: str
    text_promised: bool
    """The caller left before they could hear the outcome, and is to be texted."""
    may_be_pending: bool
    """An amount was held, and the payer's bank may show it for a while."""


@dataclass(frozen=True, slots=True)
class PaymentEvent(DomainEvent):
    """Something happened to this payment."""

    payment: PaymentFacts

    @property
    def details(self) -> dict[str, Any]:
        """What is told of the event besides the payment, in webhooks and in the timeline."""
        return {}


@dataclass(frozen=True, slots=True)
class PaymentApproved(PaymentEvent):
    """The payer was charged. The ledger entry is written already."""

    kind: ClassVar[str] = "payment.approved"


@dataclass(frozen=True, slots=True)
class PaymentDeclined(PaymentEvent):
    """The issuer refused it; `payment.decline` says why."""

    kind: ClassVar[str] = "payment.declined"

    @property
    def details(self) -> dict[str, Any]:
        return {"decline": self.payment.decline}


@dataclass(frozen=True, slots=True)
class PaymentNotCharged(PaymentEvent):
    """It ended without a charge and without a decline: cancelled, abandoned or voided."""

    kind: ClassVar[str] = "payment.not_charged"

    @property
    def details(self) -> dict[str, Any]:
        return {"internal_state": self.payment.internal_state}


@dataclass(frozen=True, slots=True)
class LeftUnheard(PaymentEvent):
    """It had ended without a charge, and the caller hung up before they could hear so."""

    kind: ClassVar[str] = "payment.left_unheard"


@dataclass(frozen=True, slots=True)
class LinkOpened(PaymentEvent):
    """The payer can pay by a link from now on, and is to get it."""

    kind: ClassVar[str] = "link.opened"


@dataclass(frozen=True, slots=True)
class PaymentUnknown(PaymentEvent):
    """Its answer was lost, for the first time. One of the events above follows."""

    kind: ClassVar[str] = "payment.unknown"


@dataclass(frozen=True, slots=True)
class PaymentNeedsReview(PaymentEvent):
    """The gateway could not say for a day what became of it: a person looks and decides."""

    kind: ClassVar[str] = "payment.needs_review"


@dataclass(frozen=True, slots=True)
class PaymentDisputed(PaymentEvent):
    """The payer's bank wants the money back, or has decided about it."""

    kind: ClassVar[str] = "payment.disputed"
    dispute: DisputeUpdated

    @property
    def details(self) -> dict[str, Any]:
        answer_by = self.dispute.answer_by
        return {
            "dispute": self.dispute.reference,
            "dispute_state": self.dispute.state,
            "dispute_minor": self.dispute.amount_minor,
            "reason": self.dispute.reason,
            "answer_by": None if answer_by is None else answer_by.date().isoformat(),
        }


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


@dataclass(frozen=True, slots=True)
class SavedCardFacts:
    """The card as it stands after what happened."""

    id: str
    customer_id: str
    call_id: str
    payment_id: str
    """The payment for which it was keyed."""
    brand: str
    last_four: str
    deleted_by: str | None


@dataclass(frozen=True, slots=True)
class SavedCardEvent(DomainEvent):
    """Something happened to this card. The stored words say "kept" and "forgotten"."""

    card: SavedCardFacts


@dataclass(frozen=True, slots=True)
class CardSaved(SavedCardEvent):
    """The gateway keeps the card for its payer's next payment."""

    kind: ClassVar[str] = "card.kept"


@dataclass(frozen=True, slots=True)
class CardNotSaved(SavedCardEvent):
    """The payer had agreed, and the gateway will not keep it."""

    kind: ClassVar[str] = "card.not_kept"


@dataclass(frozen=True, slots=True)
class SavedCardDeleted(SavedCardEvent):
    """Somebody wants it gone (`card.deleted_by`): it is neither offered nor charged from now on."""

    kind: ClassVar[str] = "card.forgotten"
