"""The metrics that every process has, what runs and what it logged from warning up; and who may read them."""

import hmac
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, HTTPException, Unauthorized

from gateways.secret import Secret
from ivr.platform import logs

ALARMS = (
    ("warning", "bill_lookup_field_left_out"),
    ("error", "card_not_forgotten_yet"),
    ("error", "carrier_fallback"),
    ("warning", "carrier_signature_mismatch"),
    ("error", "charge_of_two_payments"),
    ("error", "confirmation_held"),
    ("critical", "gateway_contradicts_itself"),
    ("error", "given_back_elsewhere"),
    ("critical", "job_given_up"),
    ("warning", "link_still_unclear"),
    ("error", "lockout_began"),
    ("error", "notice_for_a_person"),
    ("error", "one_charge_of_two_payments"),
    ("error", "paid_elsewhere_too"),
    ("error", "paid_though_withdrawn"),
    ("error", "pay_failed"),
    ("error", "payout_failed"),
    ("error", "refund_came_back"),
    ("error", "refund_came_back_to_a_bill_that_is_being_paid"),
    ("error", "refund_notice_for_a_person"),
    ("error", "refund_was_given_back_after_all"),
)
"""Lines that the alert rules count (deploy/prometheus/alerts.yml), by level and event."""


@dataclass(frozen=True, slots=True)
class MetricsAccess:
    """Whoever has the token may read `/metrics`; without one, everybody in development and nobody in
    production. `token`: METRICS_TOKEN, may be empty.
    """

    token: Secret
    in_production: bool

    def check(self, authorization: str) -> None:
        """Refuses with 403 or 401; `authorization` is the request's header."""
        if not self.token:
            if self.in_production:
                raise Forbidden("Metrics are not open: set METRICS_TOKEN, and send it as a bearer token.")
            return
        expected = f"Bearer {self.token.reveal()}"
        if not hmac.compare_digest(authorization.encode(), expected.encode()):
            raise Unauthorized(
                "Send METRICS_TOKEN as a bearer token.", www_authenticate=WWWAuthenticate("bearer")
            )


def challenge(refusal: HTTPException) -> dict[str, str]:
    """The `WWW-Authenticate` header of a 401."""
    return {name: value for name, value in refusal.get_headers() if name == "WWW-Authenticate"}


class BuildInfo(Collector):
    """`paybycall_build_info`: always 1; its labels say what runs."""

    def __init__(self, process: str, **labels: str) -> None:
        self._labels = {
            "process": process,
            "version": version("paybycall"),
            "python": platform.python_version(),
            **labels,
        }

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily("paybycall_build_info", "What runs here.", labels=list(self._labels))
        family.add_metric(list(self._labels.values()), 1)
        yield family


class LogLines:
    """Counts in `registry`. What is worth an alarm is there from the start with 0, so that the first line is
    seen as a rise.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lines = Counter(
            "paybycall_log_lines",
            "Lines logged from warning up, by level and event; of a library, the event is its name.",
            ["level", "event"],
            registry=registry,
        )
        for level, event in ALARMS:
            self._lines.labels(level=level, event=event)

    def watch(self) -> None:
        """Counts what this process logs from now on."""
        logs.count_with(self.logged)

    def logged(self, level: str, event: str) -> None:
        self._lines.labels(level=level, event=event).inc()
