"""Logs of every process: JSON lines with the call's id, and nothing in them that must not be read.

May import nothing of ours. Each event, ours or a library's, passes `scrub` last: a run of digits that holds
a card number is masked wherever it stands, and so is the value of every key that names a secret, and what a
database tells of a row. Exceptions are logged without local variables. The chatty libraries stay at WARNING,
whatever level is asked: they log whole requests.
"""

import logging
import re
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

MASK = "***"
PINNED = ("twilio", "stripe", "urllib3", "requests")
"""Libraries that log requests and answers below WARNING."""
SECRET_KEYS = frozenset(
    {
        "account_number",
        "auth_token",
        "authorization",
        "card",
        "card_number",
        "code",
        "cvc",
        "cvv",
        "digits",
        "expiry",
        "expiry_month",
        "expiry_year",
        "number",
        "pan",
        "password",
        "postal_code",
        "secret",
        "security_code",
        "token",
        "x-twilio-signature",
    }
)
_GAP = r"(?:[ .+_\u00a0-]|%20)"
_DIGIT_RUN = re.compile(rf"(?<!\d)\d(?:{_GAP}?\d){{11,}}")
_CARD_LENGTHS = range(12, 20)
_USUAL_LENGTHS = (14, 15, 16)
_CODE_DIGITS_MIN = 3
_READABLE_MAX = 40
"""A run with more digits than this says nothing to a reader, so it is masked unexamined."""
_DETAIL = re.compile(
    r"^([^\W\d_]+ ?):  .*?(?=\n\[|\n\n(?:The above|During)|\n[^\W\d_]+ ?:  |\Z)",
    re.DOTALL | re.MULTILINE,
)
"""How PostgreSQL tells the values of a row that it refused, in whatever language it speaks: behind a label of
one word and two blanks. They may be anybody's data."""
_DEPTH_MAX = 8


def configure(level: str, process_name: str, stream: TextIO | None = None) -> None:
    """Sets structlog and the standard library's logging: `level` is debug, info, warning or error."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _naming(process_name),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.StackInfoRenderer(),
                structlog.processors.format_exc_info,
                scrub,
                _render,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in PINNED:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def scrub(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The event without card numbers and without the values of secret keys, however deep they lie."""
    return {str(key): _scrubbed(str(key), value, 0) for key, value in event.items()}


def scrub_text(text: str) -> str:
    """The text with every card number in it masked, and with no row that the database refused."""
    without_rows = _DETAIL.sub(rf"\1:  {MASK}", text)
    return _DIGIT_RUN.sub(lambda found: MASK if _could_hold_a_card(found[0]) else found[0], without_rows)


def _scrubbed(key: str, value: Any, depth: int) -> Any:
    if key.lower() in SECRET_KEYS or depth > _DEPTH_MAX:
        return MASK
    if isinstance(value, Mapping):
        return {scrub_text(str(k)): _scrubbed(str(k), v, depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_scrubbed("", item, depth + 1) for item in value]
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    clean = scrub_text(text)
    plain = value is None or isinstance(value, bool | int | float)
    return value if plain and clean == text else clean


def _could_hold_a_card(run: str) -> bool:
    """Whether groups of the run are a card number, or it begins with one: expiry and code come behind it."""
    groups = re.split(_GAP, run)
    everything = "".join(groups)
    if len(everything) > _READABLE_MAX:
        return True
    for first in range(len(groups)):
        digits = ""
        for group in groups[first:]:
            digits += group
            if len(digits) >= _CARD_LENGTHS.stop:
                break
            if len(digits) in _CARD_LENGTHS and _passes_luhn(digits):
                return True
    behind_it = len(everything) - _CODE_DIGITS_MIN
    return any(length <= behind_it and _passes_luhn(everything[:length]) for length in _USUAL_LENGTHS)


def _passes_luhn(run: str) -> bool:
    digits = [int(digit) for digit in reversed(run)]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + doubled) % 10 == 0


def _naming(process_name: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["process"] = process_name
        return event

    return add


def _render(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return orjson.dumps(event, default=str).decode()


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    structlog.get_logger("paybycall").critical("process_failed", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_type is SystemExit or failed.exc_value is None:
        return
    structlog.get_logger("paybycall").error(
        "thread_failed", exc_info=(failed.exc_type, failed.exc_value, failed.exc_traceback)
    )
