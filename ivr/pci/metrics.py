"""What `/metrics` of this process counts: entries, mistakes and the gateway's time. Never anything of a
card.

Each application has its own registry, so the counters of two applications in one test do not meet.
"""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.registry import Collector

from ivr.platform.metrics import LogLines


class PciMetrics:
    """The counters of one PCI process."""

    def __init__(self, also: Sequence[Collector] = ()) -> None:
        """`also`: what is shown beside the counters."""
        self._also = also
        self.registry = CollectorRegistry()
        self.log_lines = LogLines(self.registry)
        self._entries = Counter(
            "pci_card_entries", "Card entries that ended.", ["outcome"], registry=self.registry
        )
        self._mistakes = Counter(
            "pci_field_mistakes", "Mistakes and silences.", ["field", "kind"], registry=self.registry
        )
        self._repeats = Counter(
            "pci_repeated_webhooks", "Webhooks that came twice or late.", registry=self.registry
        )
        self._takeovers = Counter(
            "pci_takeovers", "Cards sent again for a process that died.", registry=self.registry
        )
        self._not_sent = Counter(
            "pci_cards_not_sent", "Cards not sent: they are locked out.", ["kind"], registry=self.registry
        )
        self._locked_out = Counter("pci_lock_outs", "Lockouts begun.", ["kind"], registry=self.registry)
        self._seconds = Histogram(
            "pci_gateway_seconds",
            "Time of a request to the gateway.",
            buckets=(0.1, 0.25, 0.5, 1, 2, 4, 8, 16),
            registry=self.registry,
        )

    def entry_ended(self, outcome: str) -> None:
        self._entries.labels(outcome=outcome).inc()

    def mistaken(self, field: str, kind: str) -> None:
        self._mistakes.labels(field=field, kind=kind).inc()

    def repeated(self) -> None:
        self._repeats.inc()

    def taken_over(self) -> None:
        self._takeovers.inc()

    def not_sent(self, kind: str) -> None:
        self._not_sent.labels(kind=kind).inc()

    def locked_out(self, kind: str) -> None:
        self._locked_out.labels(kind=kind).inc()

    def gateway_took(self, duration_s: float) -> None:
        self._seconds.observe(duration_s)

    def exposition(self) -> bytes:
        """The text that Prometheus reads."""
        return b"".join(generate_latest(one) for one in (self.registry, *self._also))
