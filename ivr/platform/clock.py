"""Time, passed in: the server reads the clock here and nowhere else. Tests pass one of their own."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where a component learns what time it is."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...

    def sleep(self, duration_s: float) -> None:
        """Wait. A clock of tests moves itself instead."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, duration_s: float) -> None:
        time.sleep(duration_s)


def rfc3339(moment: datetime) -> str:
    """The moment as others read it in our JSON: `2026-11-22T10:00:00.000Z`."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
