"""What the API's JSON looks like, as JSON Schema 2020-12: the component schemas of the OpenAPI document.

A test holds every answer against these; nothing may leave that is not listed.
"""

from collections.abc import Iterable
from typing import Any

from gateways.declines import Decline
from ivr.bills.bill import AMOUNT_MAX_MINOR, Status
from ivr.bills.store import Change
from ivr.payments.card_records import CardState
from ivr.payments.public_state import PublicState
from ivr.payments.records import Method, RefundState

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: dict[str, Schema], *, optional: Iterable[str] = ()) -> Schema:
    left_out = set(optional)
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in left_out],
        "additionalProperties": False,
    }


def _text(description: str = "", **more: Any) -> Schema:
    return {"type": "string", **({"description": description} if description else {}), **more}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _array(of: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": of, **more}


def _amount_in(description: str) -> Schema:
    """What a program sends: three digits behind the point could be thousands."""
    return _text(
        f"{description} Decimal text with a point and at most two decimals; in currencies with three, give "
        "minor units.",
        pattern=r"^[0-9]+(\.[0-9]{1,2})?$",
    )


def _minor(description: str, least: int = 0) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": AMOUNT_MAX_MINOR, "description": description}


_REFERENCE = _text("Eight digits.", pattern="^[0-9]{8}$")
_CURRENCY = _text("ISO 4217.", pattern="^[A-Z]{3}$")
_AMOUNT = _text(
    "Decimal text with a point, in the decimals of the currency.", pattern=r"^[0-9]+(\.[0-9]{1,4})?$"
)
_MOMENT = _text("RFC 3339, UTC.", format="date-time")
_DAY = _text(format="date")
_WARNING = _text(
    "The bill is stored, and this says what you may not expect: callers cannot pay it, not in one payment, "
    "or not its minimum; its phone or due date could not be read and is left out; or a link for it is open "
    "and is closed first."
)

_NEW_BILL = {
    "reference": _REFERENCE,
    "currency": _text("ISO 4217."),
    "amount": _amount_in("What was billed in all. This, or amount_minor."),
    "amount_minor": _minor("What was billed in all, in minor units.", 1),
    "minimum": _amount_in("The least that may be paid at once; left out: the whole amount."),
    "minimum_minor": _minor("The same in minor units.", 1),
    "due_date": _or_null(_DAY),
    "phone": _or_null(_text("The payer's number; a caller from it is offered the bill at once.")),
    "paid_elsewhere": _amount_in("Paid by other ways than this server; left out: stays as it is."),
    "paid_elsewhere_minor": _minor("The same in minor units."),
    "status": _text(
        "Left out: stays as it is. What is said to be paid, or is withdrawn, has its open link closed within "
        "a minute; while a charge is under way it cannot become paid: 409, to be sent again later.",
        enum=[*Status],
    ),
}

SCHEMAS: dict[str, Schema] = {
    "NewBill": {
        **_object(_NEW_BILL, optional=set(_NEW_BILL) - {"reference", "currency"}),
        "oneOf": [{"required": ["amount"]}, {"required": ["amount_minor"]}],
    },
    "Bill": _object(
        {
            "reference": _REFERENCE,
            "status": _text(enum=[*Status]),
            "currency": _CURRENCY,
            "amount": _AMOUNT,
            "amount_minor": _minor("What was billed in all.", 1),
            "minimum_minor": _minor("The least that may be paid at once.", 1),
            "paid_minor": _minor("Paid through this server, less refunds."),
            "paid_elsewhere_minor": _minor("Paid by other ways."),
            "reserved_minor": _minor("Being paid this minute, or of unknown outcome."),
            "payable_minor": _minor("What may be paid now."),
            "due_date": _or_null(_DAY),
            "phone": _or_null(_text("E.164.")),
            "source": _text("Where the bill was described last: cli, import, api or lookup."),
            "created_at": _MOMENT,
            "updated_at": _MOMENT,
        }
    ),
    "StoredBill": _object(
        {"result": _text(enum=[*Change]), "bill": ref("Bill"), "warning": _WARNING}, optional=("warning",)
    ),
    "StoredBills": _object(
        {
            "results": _array(
                _object(
                    {
                        "index": {"type": "integer", "minimum": 0},
                        "result": _text(enum=[*Change, "refused"]),
                        "bill": ref("Bill"),
                        "problem": ref("Problem"),
                        "warning": _WARNING,
                    },
                    optional=("bill", "problem", "warning"),
                )
            )
        }
    ),
    "Refund": _object(
        {
            "id": _text(),
            "status": _text(
                "pending: requested, and being sent. approved: given back. declined: refused, and nothing "
                "was given back. unknown: the gateway is being asked. needs_review: a person has to decide.",
                enum=[word for word in PublicState if word is not PublicState.NOT_CHARGED],
            ),
            "state": {
                **_text("The same in internal words. Use `status`.", enum=[*RefundState]),
                "deprecated": True,
            },
            "amount": _AMOUNT,
            "amount_minor": _minor("Given back, in minor units.", 1),
            "gateway_reference": _or_null(_text()),
            "asked_by": _or_null(_text()),
            "created_at": _MOMENT,
            "settled_at": _or_null(_MOMENT),
        }
    ),
    "NewRefund": _object(
        {
            "amount": _amount_in("This, or amount_minor; neither: all that is left."),
            "amount_minor": _minor("The same in minor units.", 1),
        },
        optional=("amount", "amount_minor"),
    ),
    "Payment": _object(
        {
            "id": _text(),
            "reference": {**_REFERENCE, "description": "Eight digits: the payer was told these."},
            "state": _text(
                "pending: not finished, also while a pay link is open. approved: charged. declined: refused "
                "by the issuer. not_charged: ended without a charge. unknown: sent, and the gateway is being "
                "asked; do not bill again. needs_review: the gateway could not say; a person has to decide.",
                enum=[*PublicState],
            ),
            "internal_state": _text(
                "The same in more detail, for operators. New values may come at any time.",
                examples=["claimed"],
            ),
            "method": _text("By a card that was keyed, or by a link.", enum=[*Method]),
            "link": _or_null(ref("Link")),
            "currency": _CURRENCY,
            "amount": _AMOUNT,
            "amount_minor": _minor("Charged, or to be charged, in minor units.", 1),
            "refunded_minor": _minor("Given back for certain."),
            "bill_reference": _REFERENCE,
            "call_id": _or_null(_text()),
            "gateway": _text(),
            "gateway_reference": _or_null(_text("What to search for in the gateway's dashboard.")),
            "gateway_url": _or_null(_text("Its page in the gateway's dashboard.", format="uri")),
            "authorisation_code": _or_null(_text()),
            "brand": _or_null(_text()),
            "last_four": _or_null(_text(pattern="^[0-9]{4}$")),
            "decline": _or_null(_text(enum=[*Decline])),
            "created_at": _MOMENT,
            "settled_at": _or_null(_MOMENT),
            "refunds": _array(ref("Refund")),
        }
    ),
    "Link": _object(
        {
            "opened_at": _or_null(_MOMENT),
            "expires_at": {**_MOMENT, "description": "From then on nobody can pay by it."},
        }
    ),
    "Payments": _object(
        {
            "payments": _array(ref("Payment")),
            "cursor": _text("Keep it, and give it in the next request.", pattern="^[0-9]+$"),
            "has_more": {"type": "boolean", "description": "Ask again at once with the cursor."},
        }
    ),
    "CardSearch": _object({"phone": _text("The customer's number.")}),
    "SavedCard": _object(
        {
            "id": _text(),
            "phone": _text("E.164."),
            "state": _text(
                "It may be offered and charged while it is kept, and in no other state.", enum=[*CardState]
            ),
            "gateway": _text(),
            "brand": _text(),
            "last_four": _text(pattern="^[0-9]{4}$"),
            "expiry_month": {"type": "integer", "minimum": 1, "maximum": 12},
            "expiry_year": {"type": "integer", "minimum": 2000, "maximum": 9999},
            "consent": _object(
                {
                    "wording": _text("Word by word as the customer heard it."),
                    "language": _text("ISO 639-1."),
                    "prompt": _text("Which sentence it was: flow and prompt."),
                    "release": _text("Of this server, at that time."),
                    "at": _MOMENT,
                    "call_id": _text(),
                }
            ),
            "kept_at": _or_null(_MOMENT),
            "deleted_by": _or_null(_text("Who wanted it deleted, or why it was.")),
            "deletion_asked_at": _or_null(_MOMENT),
            "deleted_at": _or_null({**_MOMENT, "description": "When the gateway was certain."}),
        }
    ),
    "SavedCards": _object({"cards": _array(ref("SavedCard"))}),
    "HeldMessages": _object(
        {
            "messages": _array(
                _object(
                    {
                        "id": _text(),
                        "purpose": _text(enum=["receipt", "link"]),
                        "payment": _text("The payment's reference."),
                        "error_code": _or_null(_text("The carrier's.")),
                        "created_at": _MOMENT,
                        "tried_at": _or_null(_MOMENT),
                    }
                )
            )
        }
    ),
    "Resent": _object({"id": _text(), "outcome": _text(enum=["queued"])}),
    "LockOut": _object(
        {
            "id": _text(),
            "kind": _text("What was counted by.", enum=["call", "caller", "bill", "breaker", "card", "bin"]),
            "subject": _text("Masked: a number's last digits, the beginning of a card's keyed hash, an id."),
            "state": _text(enum=["locked_out", "half_open", "over"]),
            "since": _MOMENT,
            "until": _MOMENT,
            "why": _text(),
            "call_id": _or_null(_text("The call in which it began.")),
            "lifted_at": _or_null(_MOMENT),
            "lifted_by": _or_null(_text()),
        }
    ),
    "LockOuts": _object(
        {
            "lockouts": _array(ref("LockOut")),
            "complete": {"type": "boolean", "description": "False: the PCI process did not answer."},
        }
    ),
    "Problem": _object(
        {
            "type": _text(format="uri-reference"),
            "title": _text(),
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "code": _text("For programs; never changes its meaning."),
            "detail": _text("A sentence for the programmer."),
            "field": _text("The field, parameter or header at fault."),
            "request_id": _text("The name of this request in our log, as X-Request-Id."),
        },
        optional=("field", "request_id"),
    ),
}
