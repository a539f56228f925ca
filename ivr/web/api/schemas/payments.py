"""Payments, their links and refunds, and the problem document that every refusal is."""

from gateways.declines import Decline
from ivr.payments.attempts.states import Method
from ivr.payments.public_state import PublicState
from ivr.payments.refunds.states import RefundState
from ivr.web.api.schemas.terms import (
    AMOUNT,
    CREATED_AT,
    CURRENCY,
    MOMENT,
    REFERENCE,
    UPDATED_AT,
    Schema,
    amount_in,
    answer,
    array,
    minor,
    or_null,
    page,
    ref,
    request,
    text,
)

PAYMENT_STATE = text(
    "pending: not finished, also while a pay link is open. approved: charged. declined: refused by the "
    "issuer. not_charged: ended without a charge. unknown: sent, and the gateway is being asked; do not bill "
    "again. needs_review: the gateway could not say; a person has to decide.",
    enum=[*PublicState],
)
INTERNAL_STATE = text("The same in more detail, for operators. New values may come at any time.")
REFUND_STATUS = text(
    "pending: requested, and being sent. approved: given back. declined: refused, and nothing was given "
    "back. unknown: the gateway is being asked. needs_review: a person has to decide.",
    enum=[word for word in PublicState if word is not PublicState.NOT_CHARGED],
)
DECLINE = or_null(
    text(f"Why the issuer refused it, such as {', '.join(list(Decline)[:4])}. Others may come.")
)
METHOD = text("card: by a card that was keyed, or that is kept. link: by a pay link.", enum=[*Method])

_REFUND_EXAMPLE = {
    "id": "refund_8c1",
    "payment_id": "attempt_5c1",
    "status": "pending",
    "state": "asked",
    "currency": "EUR",
    "amount": "15.00",
    "amount_minor": 1500,
    "gateway_reference": None,
    "asked_by": "api: billing system",
    "created_at": "2026-11-23T09:00:00.000Z",
    "updated_at": "2026-11-23T09:00:00.000Z",
    "settled_at": None,
}
_PAYMENT_EXAMPLE = {
    "id": "attempt_5c1",
    "reference": "10482233",
    "state": "approved",
    "internal_state": "approved",
    "method": "card",
    "link": None,
    "currency": "EUR",
    "amount": "49.90",
    "amount_minor": 4990,
    "refunded_minor": 0,
    "bill_reference": "12345678",
    "call_id": "call_7k3",
    "gateway": "stripe",
    "gateway_reference": "pi_3Px",
    "gateway_url": "https://dashboard.stripe.com/payments/pi_3Px",
    "authorisation_code": "123456",
    "brand": "visa",
    "last_four": "4242",
    "decline": None,
    "created_at": "2026-11-22T10:00:00.000Z",
    "updated_at": "2026-11-23T09:00:00.000Z",
    "settled_at": "2026-11-22T10:01:12.000Z",
    "refunds": [_REFUND_EXAMPLE],
}
_PROBLEM_EXAMPLE = {
    "type": "about:blank",
    "title": "Bad Request",
    "status": 400,
    "code": "bad_query",
    "detail": "limit must be a whole number from 1 to 500.",
    "field": "limit",
}

SCHEMAS: dict[str, Schema] = {
    "Payment": answer(
        {
            "id": text("It never changes."),
            "reference": {**REFERENCE, "description": "Eight digits: the caller heard these."},
            "state": PAYMENT_STATE,
            "internal_state": INTERNAL_STATE,
            "method": METHOD,
            "link": or_null(ref("Link")),
            "currency": CURRENCY,
            "amount": AMOUNT,
            "amount_minor": minor("Charged, or to be charged, in minor units.", 1),
            "refunded_minor": minor("Given back for certain."),
            "bill_reference": REFERENCE,
            "call_id": or_null(text()),
            "gateway": text(),
            "gateway_reference": or_null(text("What to search for in the gateway's dashboard.")),
            "gateway_url": or_null(text("Its page in the gateway's dashboard.", format="uri")),
            "authorisation_code": or_null(text()),
            "brand": or_null(text("The card's brand.")),
            "last_four": or_null(text("The card's last four digits.", pattern="^[0-9]{4}$")),
            "decline": DECLINE,
            "created_at": CREATED_AT,
            "updated_at": {**UPDATED_AT, "description": "When it, or a refund of it, changed last."},
            "settled_at": or_null({**MOMENT, "description": "When its outcome was certain."}),
            "refunds": array(ref("Refund")),
        },
        examples=[_PAYMENT_EXAMPLE],
    ),
    "Link": answer(
        {
            "opened_at": or_null({**MOMENT, "description": "From then on it can be paid."}),
            "expires_at": {**MOMENT, "description": "From then on nobody can pay by it."},
        }
    ),
    "Payments": page("payments", "Payment"),
    "Refund": answer(
        {
            "id": text("It never changes."),
            "payment_id": text("The payment that it gives back."),
            "status": REFUND_STATUS,
            "state": text(
                "Deprecated: use `status`. asked is pending, for_a_person is needs_review.",
                enum=[*RefundState],
                deprecated=True,
            ),
            "currency": CURRENCY,
            "amount": AMOUNT,
            "amount_minor": minor("To be given back, in minor units.", 1),
            "gateway_reference": or_null(text("What to search for in the gateway's dashboard.")),
            "asked_by": or_null(text("Who requested it: a person, or an API key's name.")),
            "created_at": CREATED_AT,
            "updated_at": UPDATED_AT,
            "settled_at": or_null({**MOMENT, "description": "When its outcome was certain."}),
        },
        examples=[_REFUND_EXAMPLE],
    ),
    "NewRefund": request(
        {
            "amount": amount_in("Give amount or amount_minor; neither: all that is left."),
            "amount_minor": minor("The same in minor units.", 1),
        },
        description="What to give back. {} gives back all that is left.",
        examples=[{"amount": "15.00"}],
    ),
    "Problem": answer(
        {
            "type": text(format="uri-reference"),
            "title": text(),
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "code": text("For programs: its meaning never changes."),
            "detail": text("A sentence for the programmer."),
            "field": text("The field, parameter or header at fault."),
            "request_id": text("The name of this request in our log, as X-Request-Id."),
        },
        optional=("field", "request_id"),
        description="Why a request was refused (RFC 9457).",
        examples=[_PROBLEM_EXAMPLE],
    ),
}
