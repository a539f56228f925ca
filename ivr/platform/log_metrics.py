"""`paybycall_log_lines_total`: how many lines a process logged from warning up, by event; for alarms."""

from prometheus_client import CollectorRegistry, Counter

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
