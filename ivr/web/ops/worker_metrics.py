"""What `/metrics` of a worker shows: how its runs went, and what its process uses."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ivr.platform.metrics import LogLines


class CountedRuns(Protocol):
    """As much of `ivr.jobs.runs.Runs` as is shown."""

    @property
    def counts(self) -> Mapping[tuple[str, str], int]:
        """(job, done | raised | given_up) -> how many."""
        ...

    def under_way(self) -> frozenset[str]: ...


class RunsMetric(Collector):
    """The runs of one worker, as soon as it has any."""

    def __init__(self, runs: "CountedRuns") -> None:
        self._runs = runs

    def collect(self) -> Iterator[Metric]:
        ended = CounterMetricFamily(
            "paybycall_worker_runs", "Runs of jobs that ended, by outcome.", labels=["job_name", "outcome"]
        )
        for (job, outcome), count in sorted(dict(self._runs.counts).items()):
            ended.add_metric([job, outcome], count)
        yield ended
        yield GaugeMetricFamily(
            "paybycall_worker_runs_under_way", "Runs under way.", value=len(self._runs.under_way())
        )


class WorkerMetrics:
    """The exposition of one worker. `also`: what is shown beside its own counters."""

    def __init__(self, also: Sequence[Collector]) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.log_lines = LogLines(self._registry)
        self._also = also

    def exposition(self) -> bytes:
        return b"".join(generate_latest(one) for one in (self._registry, *self._also))
