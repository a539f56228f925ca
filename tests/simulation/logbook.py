"""Every line that the server logs in a world, before it is scrubbed; and which of them tell of a bug.

What goes wrong by the world's own doing (a database that refuses) is logged as an error, and is none; any
other exception that reaches a log is a fault of the server.
"""

import logging
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
import structlog

EXPECTED = frozenset(
    {
        "amount_not_taken",
        "attempt_for_a_person",
        "attempt_job_lost",
        "attempt_of_another_gateway",
        "card_job_lost",
        "carrier_fallback",
        "confirmation_unclear",
        "given_back_elsewhere",
        "notice_for_a_person",
        "paid_elsewhere_too",
        "paid_though_withdrawn",
        "refund_for_a_person",
        "refund_job_lost",
        "refund_notice_for_a_person",
    }
)
"""Errors that are the operator's news, and no bug."""
_CARRIERS_TROUBLE = frozenset({"internal-error", "payment-connector-error"})
"""Results of a Pay that are no fault of ours; any other that is logged as one is."""
_ERRORS = frozenset({"error", "critical", "exception"})


@dataclass
class Logbook:
    """`lines` is everything; `bugs` a sentence for each line that must not be there."""

    two_gateways: bool = False
    """A card that was keyed at one gateway may be charged at the other, which does not know it."""
    lines: list[MutableMapping[str, Any]] = field(default_factory=list)
    bugs: list[str] = field(default_factory=list)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """For the length of a block, all that is logged is kept here and goes nowhere else."""
        before = structlog.get_config()
        adapters, ear = logging.getLogger("gateways"), _Ear(self)
        adapters.addHandler(ear)
        propagates, adapters.propagate = adapters.propagate, False
        structlog.configure(
            processors=[structlog.contextvars.merge_contextvars, self._keep],
            wrapper_class=structlog.make_filtering_bound_logger(0),
            cache_logger_on_first_use=False,
        )
        try:
            yield
        finally:
            structlog.configure(**before)
            adapters.removeHandler(ear)
            adapters.propagate = propagates

    def _keep(self, _logger: Any, level: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        fault = _fault(event)
        if fault is not None:
            event["exc_info"] = "".join(traceback.format_exception(fault))
        self.lines.append(event)
        if level in _ERRORS and not _is_news(event) and not _is_expected(fault, event):
            self.bugs.append(f"the server logged {event['event']}: {_shown(event)}")
        raise structlog.DropEvent


class _Ear(logging.Handler):
    """Hears what adapters tell the operator: an error says that the gateway, or its account, is not as we
    think, and here it always is.
    """

    def __init__(self, logbook: Logbook) -> None:
        super().__init__(logging.WARNING)
        self._logbook = logbook

    def emit(self, record: logging.LogRecord) -> None:
        self._logbook.lines.append({"event": record.getMessage(), "logger": record.name})
        is_stray = self._logbook.two_gateways and "resource_missing, payment_method" in record.getMessage()
        if record.levelno >= logging.ERROR and not is_stray:
            self._logbook.bugs.append(f"the gateway's adapter logged: {record.getMessage()}")


def _fault(event: MutableMapping[str, Any]) -> BaseException | None:
    given = event.get("exc_info")
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        return given[1]  # type: ignore[no-any-return]
    return sys.exc_info()[1] if given else None


def _is_news(event: MutableMapping[str, Any]) -> bool:
    """Whether the operator has to hear of it, and nobody of ours did wrong."""
    if event["event"] == "pay_failed":
        return event["result"] in _CARRIERS_TROUBLE
    return event["event"] in EXPECTED


def _is_expected(fault: BaseException | None, event: MutableMapping[str, Any]) -> bool:
    """Whether the world itself made it go wrong."""
    if isinstance(fault, sa.exc.OperationalError):
        return "locked" not in str(fault)
    return bool({"OperationalError"} & set(event.get("error", ())))


def _shown(event: MutableMapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in event.items() if name != "event")
