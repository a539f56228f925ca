"""What every list takes: filters by bill, state and time, a cursor and a limit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypedDict, TypeVar

from ivr.platform.database.change_feed import LIMIT_MAX, BadCursorError
from ivr.web.api.patterns import BILL_REFERENCE
from ivr.web.api.problem import Problem
from ivr.web.api.request import moment, query, whole_number

LIMIT_DEFAULT = 100
S = TypeVar("S")
E = TypeVar("E", bound=StrEnum)


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
    since, starts, ends = (moment(given, name) for name in ("since", "from", "until"))
    if since is not None and "cursor" in given:
        raise _refused("since", "cannot be given with cursor: a cursor says by itself where to go on")
    if starts is not None and ends is not None and starts >= ends:
        raise _refused("until", "must be later than from")
    if "bill" in given and not BILL_REFERENCE.fullmatch(given["bill"]):
        raise _refused("bill", "must be the eight digits of a bill's reference")
    return ListQuery(
        limit=whole_number(given, "limit", LIMIT_DEFAULT, most=LIMIT_MAX),
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
