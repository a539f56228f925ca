"""Bills: what a program sends, and what it reads."""

from ivr.bills.bill import Status
from ivr.bills.store import Change
from ivr.web.api.schemas.terms import (
    AMOUNT,
    CREATED_AT,
    CURRENCY,
    DAY,
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

BATCH_MAX = 500

_WARNING = text(
    "The bill is stored, and this says what you may not expect: callers cannot pay it, not in one payment, "
    "or not its minimum; its phone or due date could not be read and is left out; or a link for it is open "
    "and is closed first."
)

_NEW_BILL: Schema = {
    "reference": {**REFERENCE, "description": "Eight digits: the caller keys them."},
    "currency": text("ISO 4217.", pattern="^[A-Za-z]{3}$"),
    "amount": amount_in("The whole amount billed. Give amount or amount_minor, not both."),
    "amount_minor": minor("The whole amount billed, in minor units: 4990 is 49.90 EUR.", 1),
    "minimum": amount_in("The least that may be paid at once. Left out: the whole amount."),
    "minimum_minor": minor("The same in minor units.", 1),
    "due_date": or_null(DAY),
    "phone": or_null(text("The payer's number. A caller from it is offered the bill at once.")),
    "paid_elsewhere": amount_in("Paid by other ways than this server. Left out: it stays as it is."),
    "paid_elsewhere_minor": minor("The same in minor units."),
    "status": text(
        "Left out: it stays as it is. When a bill becomes paid or withdrawn, its open link is closed within "
        "a minute. While a charge is under way it cannot become paid: 409, send it again later.",
        enum=[*Status],
    ),
}

_NEW_EXAMPLE = {
    "reference": "12345678",
    "amount": "49.90",
    "currency": "EUR",
    "due_date": "2026-12-24",
    "phone": "+34600123456",
}
_EXAMPLE = {
    "reference": "12345678",
    "status": "open",
    "currency": "EUR",
    "amount": "49.90",
    "amount_minor": 4990,
    "minimum_minor": 4990,
    "paid_minor": 0,
    "paid_elsewhere_minor": 0,
    "reserved_minor": 0,
    "payable_minor": 4990,
    "due_date": "2026-12-24",
    "phone": "+34600123456",
    "source": "api",
    "created_at": "2026-11-22T10:00:00.000Z",
    "updated_at": "2026-11-22T10:00:00.000Z",
}

SCHEMAS: dict[str, Schema] = {
    "NewBill": request(
        _NEW_BILL,
        required=("reference", "currency"),
        description="A bill as your system describes it. Give amount or amount_minor, one of the two.",
        examples=[_NEW_EXAMPLE],
    ),
    "NewBills": request(
        {"bills": array(ref("NewBill"), maxItems=BATCH_MAX)},
        required=("bills",),
        examples=[{"bills": [_NEW_EXAMPLE]}],
    ),
    "Bill": answer(
        {
            "reference": REFERENCE,
            "status": text(enum=[*Status]),
            "currency": CURRENCY,
            "amount": AMOUNT,
            "amount_minor": minor("The whole amount billed.", 1),
            "minimum_minor": minor("The least that may be paid at once.", 1),
            "paid_minor": minor("Paid through this server, less refunds."),
            "paid_elsewhere_minor": minor("Paid by other ways."),
            "reserved_minor": minor("Held by payments that are pending, unknown or need review."),
            "payable_minor": minor("What may be paid now."),
            "due_date": or_null(DAY),
            "phone": or_null(text("E.164.")),
            "source": text("Where the bill was described last: cli, import, api or lookup."),
            "created_at": CREATED_AT,
            "updated_at": {**UPDATED_AT, "description": "When it changed last; a payment changes it too."},
        },
        examples=[_EXAMPLE],
    ),
    "StoredBill": answer(
        {"result": text(enum=[*Change]), "bill": ref("Bill"), "warning": _WARNING},
        optional=("warning",),
        examples=[{"result": "added", "bill": _EXAMPLE}],
    ),
    "StoredBills": answer({"results": array(ref("BillResult"))}),
    "BillResult": answer(
        {
            "index": {"type": "integer", "minimum": 0, "description": "Which bill of the request, from 0."},
            "result": text(enum=[*Change, "refused"]),
            "bill": ref("Bill"),
            "problem": ref("Problem"),
            "warning": _WARNING,
        },
        optional=("bill", "problem", "warning"),
    ),
    "Bills": page("bills", "Bill"),
}
