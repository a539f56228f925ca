"""Logs as a process writes them, caught in memory; everything is set back afterwards."""

import io
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from ivr.platform.logs import PINNED, configure


@contextmanager
def captured_logs(level: str = "info", process_name: str = "test") -> Iterator[io.StringIO]:
    """The stream that `ivr.platform.logs.configure` writes to within the block."""
    root = logging.getLogger()
    handlers, root_level = root.handlers, root.level
    levels = {name: logging.getLogger(name).level for name in PINNED}
    hooks = (sys.excepthook, threading.excepthook, sys.unraisablehook)
    record_factory = logging.getLogRecordFactory()
    stream = io.StringIO()
    configure(level, process_name, stream)
    try:
        yield stream
    finally:
        root.handlers, root.level = handlers, root_level
        for name, before in levels.items():
            logging.getLogger(name).setLevel(before)
        sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
        logging.setLogRecordFactory(record_factory)
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
