"""What a program sent, read and bounded: its JSON body, its query, and the filters that every list takes.

Each fault is refused with a sentence.

NaN, a name that stands twice and bare surrogates are refused, and a number that does not fit 64 bits comes in
as a float, which no field takes.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Generic, TypedDict, TypeVar

import flask

from ivr.platform import json_text
from ivr.platform.database.change_feed import LIMIT_MAX, BadCursorError
from ivr.web.api.documents.json_schema import Model
from ivr.web.api.problem import Problem

BODY_MAX_BYTES = 1_000_000
SEARCHABLE = re.compile(r"[A-Za-z0-9_-]{1,80}")
"""How ids and references in a path look. What looks otherwise is not searched for: nothing is called so, and
some databases refuse it.
"""
LIMIT_DEFAULT = 100
_BILL_REFERENCE = re.compile(r"[0-9]{8}")
_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+ -][0-9]{2}:[0-9]{2})"
)
S = TypeVar("S")
E = TypeVar("E", bound=StrEnum)


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
            raise _refused(name, "is given more than once")
    return {name: given[name] for name in names if name in given}


def _limit(given: dict[str, str]) -> int:
    text = given.get("limit", str(LIMIT_DEFAULT))
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= LIMIT_MAX):  # noqa: PLR2004 - 32 bits
        raise _refused("limit", f"must be a whole number from 1 to {LIMIT_MAX}")
    return int(text)


def _moment(given: dict[str, str], name: str) -> datetime | None:
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
    raise _refused(name, "must be a time like 2026-11-22T10:00:00Z")


class Place(TypedDict):
    """Where a page begins and how long it is, as the packages' `changed` functions take it."""

    cursor: str
    since: datetime | None
    limit: int
    now: datetime


@dataclass(frozen=True, slots=True)
class ListQuery(Generic[S]):
    """A list as it was asked for."""

    limit: int
    cursor: str
    since: datetime | None
    """What changed from then on."""
    bill: str | None
    """The bill's reference."""
    state: S | None
    starts: datetime | None
    """`from`: the first moment of the time of its own that each list has."""
    ends: datetime | None
    """`until`: the first moment that is too late."""

    def place(self, now: datetime) -> Place:
        return {"cursor": self.cursor, "since": self.since, "limit": self.limit, "now": now}


def list_query(read_state: Callable[[str], S]) -> ListQuery[S]:
    """The query of a list. `read_state` raises ValueError with the end of a sentence that begins with the
    parameter's name. Raises Problem.
    """
    given = query("since", "cursor", "limit", "bill", "state", "from", "until")
    since, starts, ends = (_moment(given, name) for name in ("since", "from", "until"))
    if since is not None and "cursor" in given:
        raise _refused("since", "cannot be given with cursor: a cursor says by itself where to go on")
    if starts is not None and ends is not None and starts >= ends:
        raise _refused("until", "must be later than from")
    if "bill" in given and not _BILL_REFERENCE.fullmatch(given["bill"]):
        raise _refused("bill", "must be the eight digits of a bill's reference")
    return ListQuery(
        limit=_limit(given),
        cursor=given.get("cursor", ""),
        since=since,
        bill=given.get("bill"),
        state=_state(given["state"], read_state) if "state" in given else None,
        starts=starts,
        ends=ends,
    )


def one_of(states: type[E]) -> Callable[[str], E]:
    """Reads a state that has one word."""

    def read(word: str) -> E:
        try:
            return states(word)
        except ValueError:
            raise ValueError(f"must be one of {', '.join(states)}") from None

    return read


@contextmanager
def refusing_bad_cursors() -> Iterator[None]:
    """A cursor that is not the list's is the reader's fault."""
    try:
        yield
    except BadCursorError as fault:
        raise _refused("cursor", str(fault)) from None


def _state(word: str, read_state: Callable[[str], S]) -> S:
    try:
        return read_state(word)
    except ValueError as fault:
        raise _refused("state", str(fault)) from None


def _refused(name: str, why: str) -> Problem:
    return Problem(400, "bad_query", f"{name} {why}.", field=name)
