"""Which release runs, for logs and metrics."""

import platform
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version as installed

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


@cache
def version() -> str:
    return installed("paybycall")


class BuildInfo(Collector):
    """`paybycall_build_info`: always 1; its labels say what runs."""

    def __init__(self, process: str, **labels: str) -> None:
        self._labels = {
            "process": process,
            "version": version(),
            "python": platform.python_version(),
            **labels,
        }

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily("paybycall_build_info", "What runs here.", labels=list(self._labels))
        family.add_metric(list(self._labels.values()), 1)
        yield family
