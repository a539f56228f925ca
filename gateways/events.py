"""What a gateway tells us by webhook, in one vocabulary. A webhook is a hint, never a proof.

After a webhook about a payment, a refund or a link, the gateway is asked, and its answer counts. So a webhook
that is late, repeated, out of order or lost changes nothing. A dispute and a payout are stored as they are
told.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class InvalidWebhookError(Exception):
    """Not signed by the gateway, too old, or not readable; the message never repeats the body."""


@dataclass(frozen=True, slots=True)
class PaymentUpdated:
    """Something happened to the order of this key: a charge, an authorization or a link."""

    key: str
    taken: bool = True
    """Whether the gateway says that money was taken or is held, as far as its webhook says."""


@dataclass(frozen=True, slots=True)
class RefundedExternally:
    """Some money of the charge of this key was given back, by us or by others: `refunded_externally` says how
    much by others.
    """

    key: str


@dataclass(frozen=True, slots=True)
class ExternalRefundFailed:
    """A refund of this charge that others made, under no key of ours, has failed after all."""

    charge_reference: str


@dataclass(frozen=True, slots=True)
class RefundUpdated:
    """Something happened to the refund of this key."""

    key: str


class DisputeState(StrEnum):
    """Where a dispute stands."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class DisputeUpdated:
    """The payer's bank wants money back."""

    reference: str
    """The dispute's own, in the gateway's dashboard."""
    charge_reference: str
    """The `gateway_reference` of the charge."""
    amount_minor: int
    currency: str
    reason: str
    """As the gateway calls it."""
    state: DisputeState
    answer_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class PayoutSettled:
    """A payout is on its way to the merchant's account, and its lines can be asked for."""

    reference: str
    amount_minor: int
    currency: str
    arrives: datetime


@dataclass(frozen=True, slots=True)
class PayoutFailed:
    """The merchant's bank returned a payout, perhaps days after it was reported as paid: the gateway has the
    money again.
    """

    reference: str
    amount_minor: int
    currency: str
    arrives: datetime
    """When it should have."""
    gateway_code: str
    """Why, as the gateway calls it."""


EventData = (
    PaymentUpdated
    | RefundedExternally
    | ExternalRefundFailed
    | RefundUpdated
    | DisputeUpdated
    | PayoutSettled
    | PayoutFailed
)


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """One webhook. `data` is None where it is about nothing of ours."""

    event_id: str
    """The same for every repeat."""
    kind: str
    """As the gateway calls it."""
    data: EventData | None
    happened_at: datetime | None = None
    """By the gateway's clock."""
