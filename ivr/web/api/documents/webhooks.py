"""What is posted to OUTCOME_URL. `ivr.integrations.webhooks_out` and the events' listeners write it."""

from typing import Annotated, Literal, TypedDict

from gateways.events import DisputeState
from ivr.integrations.webhooks_out import WebhookKind
from ivr.web.api.documents.fields import (
    Currency,
    Day,
    Example,
    Keywords,
    LastFour,
    Minor,
    Moment,
    PaymentReference,
    PositiveMinor,
    Reference,
)
from ivr.web.api.documents.payments import DeclineWord, InternalStateWord, PaidBy, PaymentStateWord


class _PaymentFacts(TypedDict):
    """What every webhook says of its payment."""

    payment_id: Annotated[str, "The payment's id.", Example("attempt_5c1")]
    reference: PaymentReference
    bill_reference: Reference
    amount_minor: Annotated[PositiveMinor, "Of the payment, in minor units.", Example(4990)]
    currency: Currency
    method: PaidBy
    gateway: Annotated[str, Example("stripe")]
    gateway_reference: Annotated[str | None, Example("pi_3Px")]
    gateway_url: Annotated[
        str | None, Keywords(format="uri"), Example("https://dashboard.stripe.com/payments/pi_3Px")
    ]
    brand: Annotated[str | None, Example("visa")]
    last_four: Annotated[LastFour | None, Example("4242")]
    call_id: Annotated[str | None, Example("call_7k3")]


class WebhookDataDocument(_PaymentFacts, total=False):
    state: Annotated[PaymentStateWord, "Of the payment, in payment.* only."]
    internal_state: InternalStateWord
    decline: DeclineWord
    refund_id: Annotated[str, "In refund.* only, as the two below."]
    refund_minor: Annotated[PositiveMinor, "In minor units."]
    refund_status: Literal["approved", "declined"]
    dispute: Annotated[str, "In payment.disputed only, as the four below: the gateway's reference."]
    dispute_state: DisputeState
    dispute_minor: Annotated[Minor, "In minor units."]
    reason: Annotated[str, "As the gateway calls it."]
    answer_by: Day | None


class WebhookDocument(TypedDict):
    id: Annotated[str, "The same at each try: drop repeats by it.", Example("out_9f2")]
    type: Annotated[
        str,
        f"One of {', '.join(WebhookKind)}. Ignore types that you do not know.",
        Example("payment.approved"),
    ]
    created: Annotated[Moment, Example("2026-11-22T10:01:12.345Z")]
    data: WebhookDataDocument
