"""What a log line says of a card entry: its id, and the call that is part of it."""

import re

_ENTRY = re.compile(r"entry\.([A-Za-z0-9_-]{1,80})\.[0-9]{1,9}")


def of_entry(entry_id: str) -> dict[str, str]:
    """The entry's id, and the call's where the web process named the entry by it."""
    found = _ENTRY.fullmatch(entry_id)
    return {"entry_id": entry_id} | ({"call_id": found[1]} if found else {})
