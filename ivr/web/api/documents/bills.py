"""Bills as programs read them."""

from typing import Annotated, Literal, NotRequired, TypedDict

from ivr.bills.bill import Bill, Status
from ivr.bills.store import Change
from ivr.platform.clock import rfc3339
from ivr.platform.money import decimal
from ivr.web.api.documents.fields import (
    CreatedAt,
    Currency,
    Cursor,
    Day,
    DecimalText,
    Example,
    HasMore,
    Keywords,
    Minor,
    PositiveMinor,
    ProblemDocument,
    Reference,
    UpdatedAt,
)

_Warning = Annotated[
    str,
    "The bill is stored, and this says what you may not expect: callers cannot pay it, not in one payment, "
    "or not its minimum; its phone or due date could not be read and is left out; or a link for it is open "
    "and is closed first.",
]


class BillDocument(TypedDict):
    reference: Reference
    status: Annotated[Status, Example("open")]
    currency: Currency
    amount: Annotated[DecimalText, Example("49.90")]
    amount_minor: Annotated[PositiveMinor, "The whole amount billed.", Example(4990)]
    minimum_minor: Annotated[PositiveMinor, "The least that may be paid at once.", Example(4990)]
    paid_minor: Annotated[Minor, "Paid through this server, less refunds.", Example(0)]
    paid_elsewhere_minor: Annotated[Minor, "Paid by other ways.", Example(0)]
    reserved_minor: Annotated[Minor, "Held by payments that are pending, unknown or need review.", Example(0)]
    payable_minor: Annotated[Minor, "What may be paid now.", Example(4990)]
    due_date: Annotated[Day | None, Example("2026-12-24")]
    phone: Annotated[str | None, "E.164.", Example("+34600123456")]
    source: Annotated[str, "Where the bill was described last: cli, import, api or lookup.", Example("api")]
    created_at: Annotated[CreatedAt, Example("2026-11-22T10:00:00.000Z")]
    updated_at: Annotated[
        UpdatedAt, "When it changed last; a payment changes it too.", Example("2026-11-22T10:00:00.000Z")
    ]


class BillsDocument(TypedDict):
    bills: list[BillDocument]
    cursor: Cursor
    has_more: HasMore


class StoredBillDocument(TypedDict):
    result: Annotated[Change, Example("added")]
    bill: BillDocument
    warning: NotRequired[_Warning]


class BillResultDocument(TypedDict):
    index: Annotated[int, "Which bill of the request, from 0.", Keywords(minimum=0)]
    result: Change | Literal["refused"]
    bill: NotRequired[BillDocument]
    problem: NotRequired[ProblemDocument]
    warning: NotRequired[_Warning]


class StoredBillsDocument(TypedDict):
    results: list[BillResultDocument]


def bill_document(bill: Bill) -> BillDocument:
    return {
        "reference": bill.reference,
        "status": bill.status,
        "currency": bill.currency,
        "amount": decimal(bill.billed_minor, bill.currency),
        "amount_minor": bill.billed_minor,
        "minimum_minor": bill.minimum_minor,
        "paid_minor": bill.paid_minor,
        "paid_elsewhere_minor": bill.elsewhere_minor,
        "reserved_minor": bill.reserved_minor,
        "payable_minor": bill.payable_minor,
        "due_date": None if bill.due_date is None else bill.due_date.isoformat(),
        "phone": bill.payer_phone,
        "source": bill.source,
        "created_at": rfc3339(bill.created_at),
        "updated_at": rfc3339(bill.updated_at),
    }
