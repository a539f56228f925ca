"""The parts of `/readyz`: what a process needs to serve callers, and what it only tells the operator.

Where a part fails that is needed, the answer is 503, and the load balancer takes the process out. Where
another fails, it is 200 and "degraded": to take the process away would only end calls.
"""

import contextvars
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ivr.platform.clock import Clock

WRITES_EVERY = timedelta(seconds=5)
"""A check that writes is repeated this often at most, however many probes come."""
LOOK_S_MAX = 4.0
"""How long a probe waits. Kubernetes and compose.yaml give up earlier, Prometheus after 10 s."""
SLOW = "This did not answer in time."
ReadinessCheck = Callable[[], str | None]
"""Gives None where all is well, or a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a process, by its name in `/readyz`."""

    name: str
    check: ReadinessCheck
    is_needed: bool = True


@dataclass(slots=True)
class _Look:
    """One look at all parts."""

    until: float
    found: dict[str, str | None] = field(default_factory=dict)
    broke: BaseException | None = None
    done: threading.Event = field(default_factory=threading.Event)


class Readiness:
    """All parts of one process. `within_s`: how long a probe waits for them."""

    def __init__(self, process: str, parts: Sequence[Part], *, within_s: float = LOOK_S_MAX) -> None:
        self.process = process
        self._parts = tuple(parts)
        self._within_s = within_s
        self._lock = threading.Lock()
        self._under_way: _Look | None = None

    def look(self) -> dict[str, str | None]:
        """The fault of each part, or None.

        One look is under way at a time, on a thread of its own, and all probes that come meanwhile share it.
        So a database that hangs holds no thread that calls need, and many probes use one connection.
        """
        with self._lock:
            look = self._under_way
            if look is None:
                look = self._under_way = _Look(time.monotonic() + self._within_s)
                run = contextvars.copy_context().run
                threading.Thread(target=run, args=(self._try, look), name="readiness", daemon=True).start()
        look.done.wait(max(0.0, look.until - time.monotonic()))
        if look.broke is not None:
            raise look.broke
        found = dict(look.found)
        return {part.name: found.get(part.name, SLOW) for part in self._parts}

    def _try(self, look: _Look) -> None:
        try:
            for part in self._parts:
                look.found[part.name] = part.check()
        except BaseException as fault:  # noqa: BLE001 - raised again by each probe that waits for it
            look.broke = fault
        finally:
            with self._lock:
                self._under_way = None
            look.done.set()

    def status(self, found: Mapping[str, str | None]) -> tuple[str, int]:
        """The word of `/readyz` and its HTTP status."""
        if any(found[part.name] for part in self._parts if part.is_needed):
            return "not ready", 503
        return ("degraded" if any(found.values()) else "ok"), 200


@dataclass(frozen=True, slots=True)
class ReadinessMetric(Collector):
    """The same as a metric, for alarms."""

    readiness: Readiness

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "paybycall_ready",
            "Whether a part of the process is well, as /readyz says.",
            labels=["process", "part"],
        )
        for name, fault in self.readiness.look().items():
            family.add_metric([self.readiness.process, name], fault is None)
        yield family


@dataclass(slots=True)
class CachedCheck:
    """A check that costs much: its answer is used again for WRITES_EVERY."""

    check: ReadinessCheck
    clock: Clock
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _seen: tuple[datetime, str | None] | None = None

    def __call__(self) -> str | None:
        with self._lock:
            now = self.clock.now()
            if self._seen is None or now - self._seen[0] >= WRITES_EVERY:
                self._seen = (now, self.check())
            return self._seen[1]
