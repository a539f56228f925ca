"""What is posted to OUTCOME_URL."""

from gateways.events import DisputeState
from ivr.integrations.webhooks_out import Kind
from ivr.web.api.schemas.payments import DECLINE, INTERNAL_STATE, METHOD, PAYMENT_STATE
from ivr.web.api.schemas.terms import (
    CURRENCY,
    DAY,
    MOMENT,
    REFERENCE,
    Schema,
    answer,
    minor,
    or_null,
    ref,
    text,
)

_DATA: Schema = {
    "payment_id": text("The payment's id."),
    "reference": {**REFERENCE, "description": "Eight digits: the caller heard these."},
    "bill_reference": REFERENCE,
    "amount_minor": minor("Of the payment, in minor units.", 1),
    "currency": CURRENCY,
    "method": METHOD,
    "gateway": text(),
    "gateway_reference": or_null(text()),
    "gateway_url": or_null(text(format="uri")),
    "brand": or_null(text()),
    "last_four": or_null(text(pattern="^[0-9]{4}$")),
    "call_id": or_null(text()),
}
_SOMETIMES: Schema = {
    "state": {**PAYMENT_STATE, "description": "Of the payment, in payment.* only."},
    "internal_state": INTERNAL_STATE,
    "decline": DECLINE,
    "refund_id": text("In refund.* only, as the two below."),
    "refund_minor": minor("In minor units.", 1),
    "refund_status": text(enum=["approved", "declined"]),
    "dispute": text("In payment.disputed only, as the four below: the gateway's reference."),
    "dispute_state": text(enum=[*DisputeState]),
    "dispute_minor": minor("In minor units."),
    "reason": text("As the gateway calls it."),
    "answer_by": or_null(DAY),
}

SCHEMAS: dict[str, Schema] = {
    "Webhook": answer(
        {
            "id": text("The same at each try: drop repeats by it."),
            "type": text(f"One of {', '.join(Kind)}. Ignore types that you do not know."),
            "created": MOMENT,
            "data": ref("WebhookData"),
        },
        examples=[
            {
                "id": "out_9f2",
                "type": "payment.approved",
                "created": "2026-11-22T10:01:12.345Z",
                "data": {
                    "payment_id": "attempt_5c1",
                    "reference": "10482233",
                    "bill_reference": "12345678",
                    "state": "approved",
                    "internal_state": "approved",
                    "amount_minor": 4990,
                    "currency": "EUR",
                    "method": "card",
                    "gateway": "stripe",
                    "gateway_reference": "pi_3Px",
                    "gateway_url": "https://dashboard.stripe.com/payments/pi_3Px",
                    "brand": "visa",
                    "last_four": "4242",
                    "call_id": "call_7k3",
                },
            }
        ],
    ),
    "WebhookData": answer({**_DATA, **_SOMETIMES}, optional=_SOMETIMES),
}
