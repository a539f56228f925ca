"""How an operation of the OpenAPI document is put together: its parameters, its body, its answers."""

from enum import StrEnum

from ivr.platform.database.change_feed import LIMIT_MAX
from ivr.web.api.documents.fields import ProblemDocument
from ivr.web.api.documents.json_schema import Model, Schema, ref

_ANYWHERE = (400, 401, 500, 503)
"""Refusals that any request may meet; an operation adds its own."""
_REFUSALS = {
    400: "The request cannot be read, or a parameter is wrong.",
    401: "There is no key, or it is not valid.",
    404: "There is no such thing.",
    409: "It cannot be done at present, or not so; `detail` says why.",
    413: "The body is larger than a megabyte.",
    415: "The body is not sent as application/json.",
    422: "A field is wrong; `field` names it.",
    500: "A fault of ours. The request may be repeated.",
    503: "The database, or the PCI process, does not answer. Send the request again after `Retry-After`.",
}


def operation(
    operation_id: str,
    tag: str,
    summary: str,
    good: dict[int, Schema],
    *refusals: int,
    description: str,
    parameters: list[Schema] | None = None,
    body: Model | None = None,
) -> Schema:
    """`good` is each good status with its answer, `body` the model of the request."""
    made: Schema = {"operationId": operation_id, "tags": [tag], "summary": summary}
    made["description"] = description
    if parameters:
        made["parameters"] = parameters
    if body is not None:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": ref(body)}}}
        refusals = (*refusals, 413, 415, 422)
    refused = {
        str(status): answer(_REFUSALS[status], ProblemDocument, "application/problem+json")
        for status in sorted({*_ANYWHERE, *refusals})
    }
    refused["503"]["headers"]["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    made["responses"] = {**{str(status): one for status, one in good.items()}, **refused}
    return made


def by_path(operations: Schema) -> Schema:
    """The operations, which are named "GET /bills", as the document has them: path -> method -> operation."""
    paths: Schema = {}
    for name, one in operations.items():
        method, _, path = name.partition(" ")
        paths.setdefault(path, {})[method.lower()] = one
    return paths


def answer(description: str, model: Model, media_type: str = "application/json") -> Schema:
    """An answer that is this model."""
    return {
        "description": description,
        "headers": {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
        "content": {media_type: {"schema": ref(model)}},
    }


def in_path(name: str, description: str) -> Schema:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "schema": {"type": "string"},
        "description": description,
    }


def in_query(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "schema": schema, "description": description}


HEADERS: Schema = {
    "X-Request-Id": {"schema": {"type": "string"}, "description": "The name of this request in our log."},
    "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait before a repeat."},
}

IDEMPOTENCY_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "pattern": "^[!-~]{1,80}$", "examples": ["refund-2026-0017"]},
    "description": "Your own name for this request, 1 to 80 visible ASCII characters. The same key for the "
    "same payment is the same refund, however often it is sent. The same key with another amount is refused.",
}


def words(states: type[StrEnum]) -> Schema:
    return {"type": "string", "enum": [*map(str, states)]}


def list_operation(tag: str, page: Model, description: str, *, states: Schema, own_time: str) -> Schema:
    """A list of what `tag` names. `own_time` is what `from` and `until` are about."""
    moment = {"type": "string", "format": "date-time"}
    bill = {"type": "string", "pattern": "^[0-9]{8}$", "description": "Eight digits."}
    limit = {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": 100}
    return operation(
        f"list{tag.title()}",
        tag,
        f"List {tag}",
        {200: answer("A page.", page)},
        description=f"In the order of their last change, the earliest first. {description}",
        parameters=[
            in_query("cursor", {"type": "string"}, "The cursor of the last page; not with since."),
            in_query("since", moment, "Only what changed from this time on; not with cursor."),
            in_query("bill", bill, "Only those of this bill."),
            in_query("state", states, "Only those in this state."),
            in_query("from", moment, f"Only those {own_time} at this time or later."),
            in_query("until", moment, f"Only those {own_time} before this time."),
            in_query("limit", limit, "How many at most."),
        ],
    )
