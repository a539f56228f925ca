"""The parts of `/readyz`: what a process needs to serve callers, and what it only tells the operator.

A part that is needed and fails takes the process out of the load balancer (503). One that is not needed is
told as degraded (200), because taking the process away would only end calls.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ivr.clock import Clock

WRITES_EVERY = timedelta(seconds=5)
"""A check that writes is repeated this often at most, however many probes come."""
Check = Callable[[], str | None]
"""Gives None where all is well, or a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a process, by its name in `/readyz`."""

    name: str
    check: Check
    is_needed: bool = True


class Readiness:
    """All parts of one process."""

    def __init__(self, process: str, parts: Sequence[Part]) -> None:
        self.process = process
        self._parts = tuple(parts)

    def look(self) -> dict[str, str | None]:
        """The fault of each part, or None."""
        return {part.name: part.check() for part in self._parts}

    def status(self, found: Mapping[str, str | None]) -> tuple[str, int]:
        """The word of `/readyz` and its HTTP status."""
        if any(found[part.name] for part in self._parts if part.is_needed):
            return "not ready", 503
        return ("degraded" if any(found.values()) else "ok"), 200


class ReadinessMetric(Collector):
    """The same as a metric, for alarms."""

    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "paybycall_ready",
            "Whether a part of the process is well, as /readyz says.",
            labels=["process", "part"],
        )
        for name, fault in self._readiness.look().items():
            family.add_metric([self._readiness.process, name], fault is None)
        yield family


class Spaced:
    """A check that is dear: its answer serves for a while. `every`: how long."""

    def __init__(self, check: Check, clock: Clock, every: timedelta = WRITES_EVERY) -> None:
        self._check = check
        self._clock = clock
        self._every = every
        self._lock = threading.Lock()
        self._seen: tuple[datetime, str | None] | None = None

    def __call__(self) -> str | None:
        with self._lock:
            now = self._clock.now()
            if self._seen is None or now - self._seen[0] >= self._every:
                self._seen = (now, self._check())
            return self._seen[1]
