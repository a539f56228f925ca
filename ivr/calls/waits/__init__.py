"""What a call does at each kind of wait: one file for each, of the same name as in `flows.language.waits`."""

import re
from importlib import import_module
from typing import Any

from flows.language import WAITS, Wait
from ivr.calls.wait_handler import WaitHandler


def _handler_of(wait: type[Wait]) -> type[WaitHandler[Any]]:
    """By name: that of `XyZ` is `XyZHandler` in `xy_z.py`."""
    file = re.sub(r"(?<!^)(?=[A-Z])", "_", wait.__name__).lower()
    handler: type[WaitHandler[Any]] = getattr(import_module(f"{__name__}.{file}"), f"{wait.__name__}Handler")
    return handler


HANDLERS = {wait: _handler_of(wait) for wait in WAITS}
