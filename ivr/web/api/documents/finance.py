"""Payouts with their lines, and disputes (chargebacks), as the gateway reports them."""

from typing import Annotated, TypedDict

from gateways.events import DisputeState
from ivr.finance.disputes import DisputeShown
from ivr.finance.payout_queries import LineShown, PayoutShown, PayoutState
from ivr.platform.clock import rfc3339
from ivr.platform.money import decimal
from ivr.web.api.documents.fields import (
    Currency,
    Cursor,
    Day,
    DecimalText,
    Example,
    HasMore,
    Minor,
    Moment,
    PaymentReference,
    Reference,
    SignedAmount,
    UpdatedAt,
    moment,
)


class PayoutDocument(TypedDict):
    id: Annotated[str, "It never changes.", Example("payout_3f0")]
    reference: Annotated[str, "What to search for in the gateway's dashboard.", Example("po_1Px")]
    gateway: Annotated[str, Example("stripe")]
    state: Annotated[PayoutState, "failed: the merchant's bank did not take it.", Example("paid")]
    currency: Currency
    amount: Annotated[SignedAmount, Example("48.41")]
    amount_minor: Annotated[
        int, "In minor units; below zero where the gateway collects money.", Example(4841)
    ]
    arrives_on: Annotated[
        Day, "The day on which the money is in the merchant's account.", Example("2026-11-25")
    ]
    failure_code: Annotated[str | None, "Why it failed, as the gateway calls it.", Example(None)]
    has_lines: Annotated[
        bool, "False: the gateway was not yet asked what the payout consists of.", Example(value=True)
    ]
    created_at: Annotated[
        Moment, "When the gateway told us of it. RFC 3339, UTC.", Example("2026-11-24T06:00:00.000Z")
    ]
    updated_at: Annotated[UpdatedAt, Example("2026-11-24T06:00:05.000Z")]


class PayoutsDocument(TypedDict):
    payouts: list[PayoutDocument]
    cursor: Cursor
    has_more: HasMore


class PayoutLineDocument(TypedDict):
    kind: Annotated[str, "charge, refund, dispute, fee or other.", Example("charge")]
    currency: Currency
    gross_minor: Annotated[int, "As it moves the merchant's balance.", Example(4990)]
    fee_minor: Annotated[int, "The gateway's fee.", Example(149)]
    net_minor: Annotated[int, "gross_minor less fee_minor.", Example(4841)]
    payment_reference: Annotated[PaymentReference | None, "Null: no payment of ours."]
    refund_id: Annotated[str | None, "Null: no refund of ours.", Example(None)]
    charge_reference: Annotated[str | None, "Of the charge, at the gateway.", Example("pi_3Px")]
    source_reference: Annotated[
        str | None, "Of the charge, refund or dispute itself, at the gateway.", Example("ch_3Px")
    ]
    occurred_at: Annotated[Moment, Example("2026-11-22T10:01:12.000Z")]


class PayoutWithLinesDocument(PayoutDocument):
    lines: list[PayoutLineDocument]


def payout_document(payout: PayoutShown) -> PayoutDocument:
    return {
        "id": payout.id,
        "reference": payout.reference,
        "gateway": payout.gateway,
        "state": payout.state,
        "currency": payout.currency,
        "amount": decimal(payout.amount_minor, payout.currency),
        "amount_minor": payout.amount_minor,
        "arrives_on": payout.arrives.date().isoformat(),
        "failure_code": payout.failure_code,
        "has_lines": payout.read_at is not None,
        "created_at": rfc3339(payout.told_at),
        "updated_at": rfc3339(payout.updated_at),
    }


def payout_line_document(line: LineShown) -> PayoutLineDocument:
    return {
        "kind": line.kind,
        "currency": line.currency,
        "gross_minor": line.gross_minor,
        "fee_minor": line.fee_minor,
        "net_minor": line.net_minor,
        "payment_reference": line.payment,
        "refund_id": line.refund_id,
        "charge_reference": line.charge_reference,
        "source_reference": line.source_reference,
        "occurred_at": rfc3339(line.occurred_at),
    }


class DisputeDocument(TypedDict):
    reference: Annotated[str, "What to search for in the gateway's dashboard.", Example("dp_1Px")]
    gateway: Annotated[str, Example("stripe")]
    state: Annotated[DisputeState, Example("open")]
    currency: Currency
    amount: Annotated[DecimalText, Example("49.90")]
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
