"""What stands in the memory of a running process, read as a debugger would."""

import os
import re
from collections.abc import Collection
from pathlib import Path

_PAGES = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw.*?^Rss: +(\d+)", re.MULTILINE | re.DOTALL)


def found_in_memory(pid: int, needles: Collection[bytes]) -> list[bytes]:
    """Those of `needles` that stand in memory that the process wrote. Raises PermissionError where nobody of
    this user may read it.
    """
    found: set[bytes] = set()
    mappings = _PAGES.findall(Path(f"/proc/{pid}/smaps").read_text())
    with Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for start, end, resident_kb in mappings:
            if int(resident_kb):
                content = _read(memory.fileno(), int(start, 16), int(end, 16))
                found |= {needle for needle in needles if needle in content}
    return sorted(found)


def _read(memory: int, start: int, end: int) -> bytes:
    """A mapping that is gone, or belongs to the kernel, holds nothing."""
    parts = []
    at = start
    while at < end:
        try:
            part = os.pread(memory, end - at, at)
        except OSError:
            part = b""
        parts.append(part)
        at += len(part) or end - at
    return b"".join(parts)
