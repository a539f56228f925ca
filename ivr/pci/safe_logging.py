"""What this process logs: an entry by its id, an exception by its type and place, never by its message.

A message can hold what was keyed (`KeyError: '123'` names an expiry), and so can the local variables of its
frames; three or four digits pass every mask. Types and places are enough to find a fault.
"""

import re
import traceback

import structlog

_ENTRY = re.compile(r"entry\.([A-Za-z0-9_-]{1,80})\.[0-9]{1,9}")


def describe(error: BaseException) -> dict[str, object]:
    """For a log line: the chain of exception types, and the frames as file:line in function."""
    kinds: list[str] = []
    at: BaseException | None = error
    while at is not None and len(kinds) < 10:  # noqa: PLR2004 - a chain that long is a circle
        kinds.append(type(at).__name__)
        at = at.__cause__ or at.__context__
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "error": kinds,
        "where": [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames],
    }


def tell(event: str, error: BaseException, **facts: str) -> None:
    """Logs the failure under this name."""
    structlog.get_logger().error(event, **facts, **describe(error))


def of_entry(entry_id: str) -> dict[str, str]:
    """The entry's id, and the call's where the web process named the entry by it."""
    found = _ENTRY.fullmatch(entry_id)
    return {"entry_id": entry_id} | ({"call_id": found[1]} if found else {})
