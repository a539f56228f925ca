"""The words that schemas are put together from."""

from collections.abc import Iterable
from typing import Any

from ivr.bills.bill import AMOUNT_MAX_MINOR

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def answer(properties: dict[str, Schema], *, optional: Iterable[str] = (), **more: Any) -> Schema:
    """An object that we send: a later release may add fields."""
    left_out = set(optional)
    required = [name for name in properties if name not in left_out]
    return {"type": "object", "properties": properties, "required": required, **more}


def request(properties: dict[str, Schema], *, required: Iterable[str] = (), **more: Any) -> Schema:
    """An object that we are sent: a field that we do not know is refused."""
    made = {"type": "object", "properties": properties, "additionalProperties": False, **more}
    return {**made, "required": [*required]} if required else made


def text(description: str = "", **more: Any) -> Schema:
    return {"type": "string", **({"description": description} if description else {}), **more}


def or_null(schema: Schema) -> Schema:
    """The same, or null."""
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    return {**schema, "type": [schema["type"], "null"]}


def array(of: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": of, **more}


def flag(description: str) -> Schema:
    return {"type": "boolean", "description": description}


def amount_in(description: str) -> Schema:
    """What a program sends: three digits behind the point could be thousands."""
    return text(
        f"{description} Decimal text with a point and at most two decimals. For currencies with three "
        "decimals give minor units.",
        pattern=r"^[0-9]+(\.[0-9]{1,2})?$",
    )


def minor(description: str, least: int = 0) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": AMOUNT_MAX_MINOR, "description": description}


def signed_minor(description: str) -> Schema:
    return {"type": "integer", "description": description}


REFERENCE = text("Eight digits.", pattern="^[0-9]{8}$")
CURRENCY = text("ISO 4217.", pattern="^[A-Z]{3}$")
AMOUNT = text(
    "Decimal text with a point, in the decimals of the currency.", pattern=r"^[0-9]+(\.[0-9]{1,4})?$"
)
SIGNED_AMOUNT = {**AMOUNT, "pattern": r"^-?[0-9]+(\.[0-9]{1,4})?$"}
MOMENT = text("RFC 3339, UTC.", format="date-time")
CREATED_AT = {**MOMENT, "description": "RFC 3339, UTC. It never changes."}
UPDATED_AT = {**MOMENT, "description": "When it changed last. RFC 3339, UTC."}
DAY = text(format="date")


def page(name: str, of: str) -> Schema:
    """A page of a list."""
    return answer(
        {
            name: array(ref(of)),
            "cursor": text("Keep it, and give it in the next request."),
            "has_more": flag("Ask again at once with the cursor."),
        }
    )
