"""Disputes (chargebacks), as the gateway reports them."""

from typing import Annotated, TypedDict

from gateways.events import DisputeState
from ivr.finance.disputes import DisputeShown
from ivr.platform.clock import rfc3339
from ivr.web.api.documents.fields import (
    Amount,
    Currency,
    Cursor,
    Example,
    HasMore,
    Minor,
    Moment,
    PaymentReference,
    Reference,
    UpdatedAt,
    decimal,
    moment,
)


class DisputeDocument(TypedDict):
    reference: Annotated[str, "What to search for in the gateway's dashboard.", Example("dp_1Px")]
    gateway: Annotated[str, Example("stripe")]
    state: Annotated[DisputeState, Example("open")]
    currency: Currency
    amount: Annotated[Amount, Example("49.90")]
    amount_minor: Annotated[Minor, "What the payer's bank wants back, in minor units.", Example(4990)]
    reason: Annotated[str, "As the gateway calls it.", Example("fraudulent")]
    answer_by: Annotated[
        Moment | None, "Answer in the gateway's dashboard until then.", Example("2026-12-09T23:59:59.000Z")
    ]
    payment_id: Annotated[str | None, "Null: no payment of ours.", Example("attempt_5c1")]
    payment_reference: Annotated[PaymentReference | None, "The caller heard these digits."]
    bill_reference: Reference | None
    opened_at: Annotated[Moment, Example("2026-11-30T08:00:00.000Z")]
    updated_at: Annotated[UpdatedAt, Example("2026-11-30T08:00:00.000Z")]


class DisputesDocument(TypedDict):
    disputes: list[DisputeDocument]
    cursor: Cursor
    has_more: HasMore


def dispute_document(dispute: DisputeShown) -> DisputeDocument:
    return {
        "reference": dispute.reference,
        "gateway": dispute.gateway,
        "state": dispute.state,
        "currency": dispute.currency,
        "amount": decimal(dispute.amount_minor, dispute.currency),
        "amount_minor": dispute.amount_minor,
        "reason": dispute.reason,
        "answer_by": moment(dispute.answer_by),
        "payment_id": dispute.payment_id,
        "payment_reference": dispute.payment,
        "bill_reference": dispute.bill_reference,
        "opened_at": rfc3339(dispute.opened_at),
        "updated_at": rfc3339(dispute.updated_at),
    }
