"""Which release runs."""

from functools import cache
from importlib.metadata import version as installed


@cache
def version() -> str:
    return installed("paybycall")
