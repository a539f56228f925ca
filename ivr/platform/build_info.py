"""`paybycall_build_info`: what runs, as a metric."""

import platform
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ivr.platform.release import version


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
