"""Lists in the order of the last change, read page by page: a reader who keeps the cursor misses nothing.

A transaction can commit after a later one was read. So the cursor at a list's end stays OVERLAP_S behind the
newest rows, and what changed in the last seconds may be listed twice. Between two pages of one walk the
cursor goes on at once, and remembers from where the end has to be read again.
"""

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, NamedTuple, TypeVar

import sqlalchemy as sa

from ivr.platform.database.engine import Instant

OVERLAP_S = 10
LIMIT_MAX = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR_MAX_LENGTH = 300
P = TypeVar("P")
T = TypeVar("T")


class BadCursorError(ValueError):
    """The cursor is not one of this list's."""

    def __init__(self) -> None:
        super().__init__("is not a cursor of this list: give the one that came with the last page, or none")


class Position(NamedTuple):
    """Behind which row a page begins."""

    at: datetime
    key: str


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Records, the earliest change first. The next page begins at `cursor`; `has_more`: there is one."""

    records: Sequence[T]
    cursor: str
    has_more: bool


def advance(
    start: P, settled: P | None, rows: Iterable[tuple[P, datetime]], *, settled_by: datetime
) -> tuple[P, P | None]:
    """The position behind the rows, and the one behind the last row before which nothing can be missing; None
    where they are the same.
    """
    position = start
    for row, at in rows:
        if settled is None and at > settled_by:
            settled = position
        position = row
    return position, settled


def page(
    tx: sa.Connection,
    query: sa.Select[Any],
    record: Callable[[sa.Row[Any]], T],
    *,
    name: str,
    at: sa.ColumnElement[datetime],
    key: sa.ColumnElement[str],
    cursor: str,
    since: datetime | None,
    limit: int,
    now: datetime,
) -> Page[T]:
    """Records of the rows of `query` that changed after the cursor, or from `since` on, the earliest first.

    `at` is when a row changed last, `key` tells rows of one moment apart; both must be selected, as
    `feed_at` and `feed_key`. `name` is the list's. Raises BadCursorError.
    """
    settled_by = now - timedelta(seconds=OVERLAP_S)
    start, settled = _read(name, cursor)
    if since is not None:
        start = Position(min(since, settled_by), "")
    behind = sa.or_(at > start.at, sa.and_(at == start.at, key > start.key))
    limit = min(max(limit, 1), LIMIT_MAX)
    found = tx.execute(query.where(at >= start.at, behind).order_by(at, key).limit(limit + 1)).all()
    rows, has_more = found[:limit], len(found) > limit
    stood = ((Position(row.feed_at, row.feed_key), row.feed_at) for row in rows)
    position, settled = advance(start, settled, stood, settled_by=settled_by)
    if not has_more:
        position, settled = settled or position, None
    return Page([record(row) for row in rows], _write(name, position, settled), has_more)


def latest_of(*moments: sa.ColumnElement[Any]) -> sa.ColumnElement[datetime]:
    """The latest of these columns; the first is never null."""
    latest = moments[0]
    for moment in moments[1:]:
        latest = sa.case((sa.and_(moment.is_not(None), moment > latest), moment), else_=latest)
    return sa.type_coerce(latest, Instant())


def _write(name: str, position: Position, settled: Position | None) -> str:
    parts = [name, *_written(position), *(_written(settled) if settled else ())]
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode().rstrip("=")


def _written(position: Position) -> tuple[int, str]:
    return (position.at - _EPOCH) // timedelta(microseconds=1), position.key


def _read(name: str, cursor: str) -> tuple[Position, Position | None]:
    if not cursor:
        return Position(_EPOCH, ""), None
    try:
        if len(cursor) > _CURSOR_MAX_LENGTH or not cursor.isascii():
            raise BadCursorError
        parts = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
        match parts:
            case [str(listed), int(at), str(key)] if listed == name:
                return _position(at, key), None
            case [str(listed), int(at), str(key), int(settled_at), str(settled_key)] if listed == name:
                return _position(at, key), _position(settled_at, settled_key)
            case _:
                raise BadCursorError
    except (ValueError, OverflowError, RecursionError):
        raise BadCursorError from None


def _position(at_us: int, key: str) -> Position:
    if "\x00" in key or not key.isprintable():
        raise BadCursorError
    return Position(_EPOCH + timedelta(microseconds=at_us), key)
