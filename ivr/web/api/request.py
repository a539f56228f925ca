"""What a program sent, read and bounded: its JSON body and its query, each refused with a sentence.

NaN, a name that stands twice and bare surrogates are refused, and a number that does not fit 64 bits comes in
as a float, which no field takes.
"""

import re
from datetime import UTC, datetime
from typing import Any

import flask

from ivr.platform import json_text
from ivr.web.api.documents.json_schema import Model
from ivr.web.api.problem import Problem

BODY_MAX_BYTES = 1_000_000
_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+ -][0-9]{2}:[0-9]{2})"
)


def json_body() -> Any:
    """The body's JSON value."""
    if not flask.request.is_json:
        raise Problem(415, "not_json", "Send the body as Content-Type: application/json.")
    try:
        return json_text.read(flask.request.get_data(cache=False))
    except json_text.NameTwiceError:
        raise Problem(
            400, "bad_json", "A name is given twice in one object: leave one of them out."
        ) from None
    except ValueError:
        raise Problem(400, "bad_json", "The body must be a JSON document in UTF-8.") from None


def json_object(model: Model) -> dict[str, Any]:
    """The body, where it is an object with no fields but the model's. The values are not checked."""
    body = json_body()
    if not isinstance(body, dict):
        raise Problem(422, "invalid", "The body must be a JSON object.")
    names = model.__annotations__
    for name in body:
        if name not in names:
            raise Problem(
                422, "invalid", f"There is no such field. The fields are: {', '.join(names)}.", field=name
            )
    return body


def query(*names: str) -> dict[str, str]:
    """The query's parameters by name; one that this path does not know is refused, so that no filter is lost
    to a typing error.
    """
    given = flask.request.args
    for name, values in given.lists():
        if name not in names:
            known = f"The parameters are: {', '.join(names)}" if names else "This path takes none"
            raise Problem(400, "bad_query", f"There is no such parameter. {known}.", field=name)
        if len(values) > 1:
            raise Problem(400, "bad_query", f"{name} is given more than once.", field=name)
    return {name: given[name] for name in names if name in given}


def whole_number(given: dict[str, str], name: str, default: int, *, most: int) -> int:
    text = given.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= most):  # noqa: PLR2004 - 32 bits
        raise Problem(400, "bad_query", f"{name} must be a whole number from 1 to {most}.", field=name)
    return int(text)


def moment(given: dict[str, str], name: str) -> datetime | None:
    """An RFC 3339 moment with its offset, in UTC. A `+` that a query turned into a space is taken for what it
    was.
    """
    text = given.get(name)
    if text is None:
        return None
    try:
        if _RFC3339.fullmatch(text):
            zone = text[-6:].replace(" ", "+")
            return datetime.fromisoformat((text[:-6] + zone).upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Problem(400, "bad_query", f"{name} must be a time like 2026-11-22T10:00:00Z.", field=name)
