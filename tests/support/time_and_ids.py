"""Time that a test moves by hand, and ids that count from one."""

from datetime import UTC, datetime, timedelta

from ivr.platform.ids import REFERENCE_LENGTH


class ManualClock:
    """A clock that stands still until someone moves it."""

    def __init__(self, start: datetime = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def sleep(self, duration_s: float) -> None:
        self.advance(duration_s)

    def advance(self, duration_s: float) -> None:
        self._now += timedelta(seconds=duration_s)


class SequentialIds:
    """Ids that count from one: `call_1`, `call_2`."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def _next(self, kind: str) -> int:
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return self._counts[kind]

    def new(self, prefix: str) -> str:
        return f"{prefix}_{self._next(prefix)}"

    def reference(self) -> str:
        return str(10 ** (REFERENCE_LENGTH - 1) + self._next("reference"))

    def secret(self) -> str:
        return f"secret-{self._next('secret')}"

    def link_token(self) -> str:
        return f"linktoken{self._next('link'):017}"
