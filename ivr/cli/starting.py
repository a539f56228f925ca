"""The first line in the log of each process: which release starts, its mode, and which settings are set."""

from collections.abc import Iterable, Mapping
from typing import Any

import structlog

from ivr.release import version
from ivr.settings import Setting

log = structlog.get_logger("paybycall")


def log_start(
    settings: Iterable[Setting[Any]], environ: Mapping[str, str], *, database_url: str, **mode: object
) -> None:
    """Names of settings alone, never a value; of the database its kind."""
    names = sorted(one.name for one in settings if environ.get(one.name, "").strip())
    kind = database_url.partition(":")[0].partition("+")[0]
    log.info("starting", version=version(), database=kind, **mode, settings_set=names)
