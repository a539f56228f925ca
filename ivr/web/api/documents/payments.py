"""Payments, their links and their refunds."""

from typing import Annotated, TypedDict

from gateways.declines import Decline
from ivr.payments.attempts.states import Method, PublicState
from ivr.payments.queries.feed import LinkShown, Payment, RefundShown
from ivr.payments.refunds.store import RefundState
from ivr.platform.clock import rfc3339
from ivr.platform.money import decimal
from ivr.web.api.documents.fields import (
    CreatedAt,
    Currency,
    Cursor,
    DecimalText,
    Example,
    HasMore,
    Keywords,
    LastFour,
    Minor,
    Moment,
    PaymentReference,
    PositiveMinor,
    Reference,
    UpdatedAt,
    moment,
)

PaymentStateWord = Annotated[
    PublicState,
    "pending: not finished, also while a pay link is open. approved: charged. declined: refused by the "
    "issuer. not_charged: ended without a charge. unknown: sent, and the gateway is being asked; do not bill "
    "again. needs_review: the gateway could not say; a person has to decide.",
    Example("approved"),
]
InternalStateWord = Annotated[
    str, "The same in more detail, for operators. New values may come at any time.", Example("approved")
]
RefundStateWord = Annotated[
    PublicState,
    "pending: requested, and being sent. approved: given back. declined: refused, and nothing was given "
    "back. unknown: the gateway is being asked. needs_review: a person has to decide.",
    Keywords(enum=[str(word) for word in PublicState if word is not PublicState.NOT_CHARGED]),
]
DeclineWord = Annotated[
    str | None, f"Why the issuer refused it, such as {', '.join(list(Decline)[:4])}. Others may come."
]
PaidBy = Annotated[
    Method, "card: by a card that was keyed, or that is kept. link: by a pay link.", Example("card")
]
_SettledAt = Annotated[Moment | None, "When its outcome was certain."]


class LinkDocument(TypedDict):
    opened_at: Annotated[Moment | None, "From then on it can be paid."]
    expires_at: Annotated[Moment, "From then on nobody can pay by it."]


class RefundDocument(TypedDict):
    id: Annotated[str, "It never changes.", Example("refund_8c1")]
    payment_id: Annotated[str, "The payment that it gives back.", Example("attempt_5c1")]
    status: Annotated[RefundStateWord, Example("pending")]
    state: Annotated[
        RefundState,
        "Deprecated: use `status`. asked is pending, for_a_person is needs_review.",
        Keywords(deprecated=True),
        Example("asked"),
    ]
    currency: Currency
    amount: Annotated[DecimalText, Example("15.00")]
    amount_minor: Annotated[PositiveMinor, "To be given back, in minor units.", Example(1500)]
    gateway_reference: Annotated[str | None, "What to search for in the gateway's dashboard.", Example(None)]
    asked_by: Annotated[
        str | None, "Who requested it: a person, or an API key's name.", Example("api: billing system")
    ]
    created_at: Annotated[CreatedAt, Example("2026-11-23T09:00:00.000Z")]
    updated_at: Annotated[UpdatedAt, Example("2026-11-23T09:00:00.000Z")]
    settled_at: Annotated[_SettledAt, Example(None)]


class PaymentDocument(TypedDict):
    id: Annotated[str, "It never changes.", Example("attempt_5c1")]
    reference: PaymentReference
    state: PaymentStateWord
    internal_state: InternalStateWord
    method: PaidBy
    link: Annotated[LinkDocument | None, Example(None)]
    currency: Currency
    amount: Annotated[DecimalText, Example("49.90")]
    amount_minor: Annotated[PositiveMinor, "Charged, or to be charged, in minor units.", Example(4990)]
    refunded_minor: Annotated[Minor, "Given back for certain.", Example(0)]
    bill_reference: Reference
    call_id: Annotated[str | None, Example("call_7k3")]
    gateway: Annotated[str, Example("stripe")]
    gateway_reference: Annotated[
        str | None, "What to search for in the gateway's dashboard.", Example("pi_3Px")
    ]
    gateway_url: Annotated[
        str | None,
        "Its page in the gateway's dashboard.",
        Keywords(format="uri"),
        Example("https://dashboard.stripe.com/payments/pi_3Px"),
    ]
    authorisation_code: Annotated[str | None, Example("123456")]
    brand: Annotated[str | None, "The card's brand.", Example("visa")]
    last_four: Annotated[LastFour | None, "The card's last four digits.", Example("4242")]
    decline: Annotated[DeclineWord, Example(None)]
    created_at: Annotated[CreatedAt, Example("2026-11-22T10:00:00.000Z")]
    updated_at: Annotated[
        UpdatedAt, "When it, or a refund of it, changed last.", Example("2026-11-23T09:00:00.000Z")
    ]
    settled_at: Annotated[_SettledAt, Example("2026-11-22T10:01:12.000Z")]
    refunds: list[RefundDocument]


class PaymentsDocument(TypedDict):
    payments: list[PaymentDocument]
    cursor: Cursor
    has_more: HasMore


def payment_document(payment: Payment, gateway_url: str | None) -> PaymentDocument:
    """`gateway_url` is the payment's page in the gateway's dashboard."""
    return {
        "id": payment.id,
        "reference": payment.reference,
        "state": payment.state.public,
        "internal_state": payment.state,
        "method": payment.method,
        "link": None if payment.link is None else link_document(payment.link),
        "currency": payment.currency,
        "amount": decimal(payment.amount_minor, payment.currency),
        "amount_minor": payment.amount_minor,
        "refunded_minor": payment.refunded_minor,
        "bill_reference": payment.bill_reference,
        "call_id": payment.call_id,
        "gateway": payment.gateway,
        "gateway_reference": payment.gateway_reference,
        "gateway_url": gateway_url,
        "authorisation_code": payment.authorisation_code,
        "brand": payment.brand,
        "last_four": payment.last_four,
        "decline": payment.decline,
        "created_at": rfc3339(payment.created_at),
        "updated_at": rfc3339(payment.updated_at),
        "settled_at": moment(payment.settled_at),
        "refunds": [refund_document(refund, payment.currency) for refund in payment.refunds],
    }


def link_document(link: LinkShown) -> LinkDocument:
    return {
        "opened_at": moment(link.opened_at),
        "expires_at": rfc3339(link.expires_at),
    }


def refund_document(refund: RefundShown, currency: str) -> RefundDocument:
    return {
        "id": refund.id,
        "payment_id": refund.attempt_id,
        "status": refund.state.public,
        "state": refund.state,
        "currency": currency,
        "amount": decimal(refund.amount_minor, currency),
        "amount_minor": refund.amount_minor,
        "gateway_reference": refund.gateway_reference,
        "asked_by": refund.asked_by,
        "created_at": rfc3339(refund.created_at),
        "updated_at": rfc3339(refund.updated_at),
        "settled_at": moment(refund.settled_at),
    }
