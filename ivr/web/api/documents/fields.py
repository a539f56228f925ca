"""The types that the models' fields are made of, what a field can say of itself, and the model of a refusal.

Beside its type a field says: a text, which describes it; an `Example`; and `Keywords` of JSON Schema. What is
said later replaces what was said before:

    due: Annotated[Moment, "When it has to be paid.", Example("2026-11-22T10:00:00.000Z")]
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, NotRequired, TypedDict

from ivr.bills.bill import AMOUNT_MAX_MINOR
from ivr.platform.clock import rfc3339


class Keywords:
    """Keywords of JSON Schema, such as `pattern`, for the value of a field."""

    def __init__(self, **schema: Any) -> None:
        self.schema = schema


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """The field's value in the example of its model."""

    value: Any


Reference = Annotated[str, "Eight digits.", Keywords(pattern="^[0-9]{8}$"), Example("12345678")]
"""A bill's reference."""
PaymentReference = Annotated[Reference, "Eight digits: the caller heard these.", Example("10482233")]
Currency = Annotated[str, "ISO 4217.", Keywords(pattern="^[A-Z]{3}$"), Example("EUR")]
DecimalText = Annotated[
    str,
    "Decimal text with a point, in the decimals of the currency.",
    Keywords(pattern=r"^[0-9]+(\.[0-9]{1,4})?$"),
]
SignedAmount = Annotated[DecimalText, Keywords(pattern=r"^-?[0-9]+(\.[0-9]{1,4})?$")]
Minor = Annotated[int, Keywords(minimum=0, maximum=AMOUNT_MAX_MINOR)]
PositiveMinor = Annotated[Minor, Keywords(minimum=1)]
Moment = Annotated[str, "RFC 3339, UTC.", Keywords(format="date-time")]
CreatedAt = Annotated[Moment, "RFC 3339, UTC. It never changes."]
UpdatedAt = Annotated[Moment, "When it changed last. RFC 3339, UTC."]
Day = Annotated[str, Keywords(format="date")]
LastFour = Annotated[str, Keywords(pattern="^[0-9]{4}$")]
HasMore = Annotated[bool, "Ask again at once with the cursor."]
Cursor = Annotated[str, "Keep it, and give it in the next request."]


def moment(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)


class ProblemDocument(TypedDict):
    """Why a request was refused (RFC 9457)."""

    type: Annotated[str, Keywords(format="uri-reference"), Example("about:blank")]
    title: Annotated[str, Example("Bad Request")]
    status: Annotated[int, Keywords(minimum=400, maximum=599), Example(400)]
    code: Annotated[str, "For programs: its meaning never changes.", Example("bad_query")]
    detail: Annotated[
        str, "A sentence for the programmer.", Example("limit must be a whole number from 1 to 500.")
    ]
    field: NotRequired[Annotated[str, "The field, parameter or header at fault.", Example("limit")]]
    request_id: NotRequired[Annotated[str, "The name of this request in our log, as X-Request-Id."]]
