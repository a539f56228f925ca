"""Logs of every process: JSON lines with the call's id, and nothing in them that must not be read.

Each event, ours or a library's, passes `scrub` last: a run of digits that holds a card number is masked
wherever it stands, and so is the value of every key that names a secret, and what a database tells of a row.
What cannot be logged is told by its kind alone, never by Python's own fallbacks, which print it unmasked.
Exceptions are logged without local variables. The chatty libraries stay at WARNING, whatever level is asked:
they log whole requests.
"""

import logging
import re
import sys
import threading
import traceback
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from types import TracebackType
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from ivr.platform.card_mask import MASK, mask_cards

PINNED = ("twilio", "urllib3", "requests", "alembic")
"""Libraries that log requests, answers or their own insides below WARNING. A gateway quiets its own."""
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
_SID = re.compile(r"[A-Z]{2}[0-9a-f]{32}")
_MOMENT = re.compile(
    r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
    r"[T ](?:[01]\d|2[0-3]):[0-5]\d:[0-6]\d(?:\.\d{1,6})?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)?"
)
_DURATION_S_MAX = 10**9
_INTEGER_BITS = 63
"""What JSON's readers, and its writer here, take as a number."""
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
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _naming(process_name),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            _for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _with_trace],
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
    logging.setLogRecordFactory(_masked_record)
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    sys.unraisablehook = _log_unraisable
    threading.excepthook = _log_uncaught_in_thread


def scrub(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The event without card numbers and without the values of secret keys, however deep they lie: text,
    numbers of 64 bits, lists and mappings, which JSON can always write.
    """
    return {scrub_text(_text(key)): _scrubbed(_text(key), value, 0) for key, value in event.items()}


def scrub_text(text: str) -> str:
    """The text with every card number in it masked, and with no row that the database refused."""
    return mask_cards(_DETAIL.sub(rf"\1:  {MASK}", text))


def _scrubbed(key: str, value: Any, depth: int) -> Any:
    if key.lower() in SECRET_KEYS or depth > _DEPTH_MAX:
        return MASK
    if isinstance(value, Mapping):
        return {scrub_text(_text(k)): _scrubbed(_text(k), v, depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return _scrubbed_items(value, depth)
    text = _text(value)
    clean = text if _is_ours(key, value, text) else scrub_text(text)
    plain = value is None or type(value) in {bool, float} or _is_small(value)
    return value if plain and clean == text else clean


def _scrubbed_items(items: Collection[Any], depth: int) -> Any:
    """A number that was split into the items of a list is one all the same."""
    if all(isinstance(item, str | int | bytes) for item in items):
        texts = [_text(item) for item in items]
        if mask_cards(",".join(texts)) != ",".join(map(mask_cards, texts)):
            return MASK
    return [_scrubbed("", item, depth + 1) for item in items]


def _is_small(value: Any) -> bool:
    return type(value) is int and value.bit_length() <= _INTEGER_BITS


def _is_ours(key: str, value: Any, text: str) -> bool:
    """Whether this is one of our own typed fields, by its name and its form: no card number can be in it."""
    if type(value) in {date, datetime, timedelta}:
        return True
    if key.endswith("_s") and type(value) in {int, float}:
        return bool(abs(value) < _DURATION_S_MAX)
    if key == "timestamp" or key.endswith("_at"):
        return _MOMENT.fullmatch(text) is not None
    return key.endswith("_sid") and _SID.fullmatch(text) is not None


def _text(value: Any) -> str:
    """The value as text that can be written in UTF-8; its kind alone, where it cannot be told."""
    try:
        text = value.decode("utf-8", "replace") if isinstance(value, bytes | bytearray) else str(value)
    except Exception:  # noqa: BLE001 - whatever an object's __str__ raises
        return f"<{type(value).__name__}>"
    return text.encode("utf-8", "backslashreplace").decode()


def _naming(process_name: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["process"] = process_name
        return event

    return add


def _render(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return orjson.dumps(event).decode()


# What fails while it is logged ------------------------------------------------------------------------------


class _Event(dict[str, Any]):
    """An event of ours on its way to the formatter, which masks it."""


def _for_formatter(
    logger: WrappedLogger, name: str, event: EventDict
) -> tuple[tuple[_Event], dict[str, dict[str, Any]]]:
    return (_Event(event),), {"extra": {"_logger": logger, "_name": name}}


def _with_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """What `_masked_record` made of a library's exception."""
    if event["_record"].exc_text:
        event["exception"] = event["_record"].exc_text
    return event


def _masked_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    """Every record of the standard library's logging, masked as it is made: whichever handler a library, or
    Python's last resort, prints it with.
    """
    record = logging.LogRecord(*args, **kwargs)
    if isinstance(record.msg, _Event):  # `scrub` masks it
        return record
    try:
        said = record.getMessage()
    except Exception:  # noqa: BLE001 - arguments that do not fit, or cannot be told
        said = _text(record.msg)
    record.msg, record.args = scrub_text(_text(said)), None
    if record.exc_info and record.exc_info[1] is not None:
        record.exc_text, record.exc_info = _trace(record.exc_info[1]), None
    return record


_count: Callable[[str, str], None] | None = None


def count_with(count: Callable[[str, str], None]) -> None:
    """`count` hears the level and the event of each line from warning up; of a library, its name."""
    global _count  # noqa: PLW0603 - the process's log is one
    _count = count


class _Handler(logging.StreamHandler[TextIO]):
    """Writes one line for each event; one that cannot be written is told by its kind alone."""

    def emit(self, record: logging.LogRecord) -> None:
        if _count is not None and record.levelno >= logging.WARNING:
            said: Any = record.msg
            event = str(said.get("event")) if isinstance(said, _Event) else record.name.partition(".")[0]
            with suppress(OSError, ValueError):  # the counters' folder is full: the line itself matters more
                _count(record.levelname.lower(), event)
        super().emit(record)

    def format(self, record: logging.LogRecord) -> str:
        try:
            return super().format(record)
        except Exception as fault:  # noqa: BLE001 - Python's own way out prints the event unmasked
            return _broken(fault)

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        _say_on_stderr(_broken(sys.exception()))


def _broken(fault: BaseException | None) -> str:
    told = {"event": "log_line_failed", "level": "error", "error": type(fault).__name__}
    return orjson.dumps(told).decode()


def _say_on_stderr(line: str) -> None:
    with suppress(OSError, ValueError):
        sys.stderr.write(f"{line}\n")


def _trace(error: BaseException) -> str:
    try:
        return scrub_text(_text("".join(traceback.format_exception(error))))
    except Exception:  # noqa: BLE001 - an exception that cannot be told
        return type(error).__name__


def _log_uncaught(kind: type[BaseException], error: BaseException, _trace_of: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        _say_on_stderr(_trace(error))
        return
    _log_fault(logging.CRITICAL, "process_failed", error)


def _log_uncaught_in_thread(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_type is SystemExit or failed.exc_value is None:
        return
    _log_fault(logging.ERROR, "thread_failed", failed.exc_value)


def _log_unraisable(failed: "sys.UnraisableHookArgs") -> None:
    """Of a destructor, or at the end of the process: Python would print the object and the message."""
    _log_fault(logging.ERROR, "not_raised", failed.exc_value)


def _log_fault(level: int, event: str, fault: BaseException | None) -> None:
    try:
        structlog.get_logger("paybycall").log(level, event, exc_info=fault)
    except Exception as second:  # noqa: BLE001 - Python would print both, unmasked
        _say_on_stderr(_broken(second))
