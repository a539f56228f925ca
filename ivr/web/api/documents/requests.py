"""What programs send. A field that is not listed here is refused."""

from typing import Annotated, Required, TypedDict

from ivr.bills.bill import Status
from ivr.web.api.documents.fields import Day, Example, Keywords, Minor, PositiveMinor, Reference

BATCH_MAX = 500

_AMOUNT_FORM = (
    "Decimal text with a point and at most two decimals. For currencies with three decimals give minor units."
)
"""Three digits behind the point could be thousands."""
_AMOUNT_PATTERN = Keywords(pattern=r"^[0-9]+(\.[0-9]{1,2})?$")


class NewBillDocument(TypedDict, total=False):
    """A bill as your system describes it. Give amount or amount_minor, one of the two."""

    reference: Required[Annotated[Reference, "Eight digits: the caller keys them."]]
    currency: Required[Annotated[str, "ISO 4217.", Keywords(pattern="^[A-Za-z]{3}$"), Example("EUR")]]
    amount: Annotated[
        str,
        f"The whole amount billed. Give amount or amount_minor, not both. {_AMOUNT_FORM}",
        _AMOUNT_PATTERN,
        Example("49.90"),
    ]
    amount_minor: Annotated[PositiveMinor, "The whole amount billed, in minor units: 4990 is 49.90 EUR."]
    minimum: Annotated[
        str,
        f"The least that may be paid at once. Left out: the whole amount. {_AMOUNT_FORM}",
        _AMOUNT_PATTERN,
    ]
    minimum_minor: Annotated[PositiveMinor, "The same in minor units."]
    due_date: Annotated[Day | None, Example("2026-12-24")]
    phone: Annotated[
        str | None,
        "The payer's number. A caller from it is offered the bill at once.",
        Example("+34600123456"),
    ]
    paid_elsewhere: Annotated[
        str,
        f"Paid by other ways than this server. Left out: it stays as it is. {_AMOUNT_FORM}",
        _AMOUNT_PATTERN,
    ]
    paid_elsewhere_minor: Annotated[Minor, "The same in minor units."]
    status: Annotated[
        Status,
        "Left out: it stays as it is. When a bill becomes paid or withdrawn, its open link is closed within "
        "a minute. While a charge is under way it cannot become paid: 409, send it again later.",
    ]


class NewBillsDocument(TypedDict):
    bills: Annotated[list[NewBillDocument], Keywords(maxItems=BATCH_MAX)]


class NewRefundDocument(TypedDict, total=False):
    """What to give back. {} gives back all that is left."""

    amount: Annotated[
        str,
        f"Give amount or amount_minor; neither: all that is left. {_AMOUNT_FORM}",
        _AMOUNT_PATTERN,
        Example("15.00"),
    ]
    amount_minor: Annotated[PositiveMinor, "The same in minor units."]


class CardSearchDocument(TypedDict):
    phone: Annotated[str, "The customer's number.", Example("+34600123456")]
