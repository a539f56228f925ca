"""Lists as Stripe gives them: newest first, in pages, with cursors and a filter by the time of creation.

https://docs.stripe.com/api/pagination.
"""

import operator
from collections.abc import Callable, Iterable

from tests.support.stripe.errors import Refusal, missing_object
from tests.support.stripe.wire import Thing

MOST = 100
_COMPARED = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}


def listed(path: str, things: Iterable[Thing], params: Thing) -> Thing:
    """`things` come oldest first, as they were made."""
    found = [thing for thing in reversed(list(things)) if _created_fits(thing, params.get("created"))]
    limit = params.get("limit", 10)
    if not 1 <= limit <= MOST:
        raise Refusal(400, f"Invalid limit: must be between 1 and {MOST}", param="limit", stored=False)
    if cursor := params.get("starting_after"):
        found = found[_place(found, cursor, "starting_after") + 1 :]
    if cursor := params.get("ending_before"):
        found = found[: _place(found, cursor, "ending_before")][-limit:]
    return {"object": "list", "url": path, "has_more": len(found) > limit, "data": found[:limit]}


def matching(things: Iterable[Thing], params: Thing, *names: str) -> list[Thing]:
    """Those whose fields are as the parameters of these names say, where they are given."""
    wanted = {name: params[name] for name in names if name in params}
    return [thing for thing in things if all(thing.get(name) == value for name, value in wanted.items())]


def _created_fits(thing: Thing, created: int | dict[str, int] | None) -> bool:
    if created is None:
        return True
    if isinstance(created, int):
        return thing["created"] == created
    compared: list[tuple[Callable[[int, int], bool], int]] = [
        (_COMPARED[name], value) for name, value in created.items()
    ]
    return all(holds(thing["created"], value) for holds, value in compared)


def _place(found: list[Thing], cursor: str, param: str) -> int:
    for place, thing in enumerate(found):
        if thing["id"] == cursor:
            return place
    raise missing_object("object", cursor, param)
