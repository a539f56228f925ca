"""The first lines in the log of each process: which release starts, its mode, and which settings are set.

In production also that it runs as root, or listens where others than its proxy may reach it.
"""

import os
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any

import structlog

from gateways.settings import Setting
from ivr.platform.release import version

log = structlog.get_logger("paybycall")


def log_start(
    settings: Iterable[Setting[Any]], environ: Mapping[str, str], *, database_url: str, **mode: object
) -> None:
    """Names of settings alone, never a value; of the database its kind."""
    names = sorted(one.name for one in settings if environ.get(one.name, "").strip())
    kind = database_url.partition(":")[0].partition("+")[0]
    log.info("starting", version=version(), database=kind, **mode, settings_set=names)


def warn_of_exposure(host: str, port: int, *, in_production: bool) -> None:
    """`host` and `port`: where the process listens. A container listens on every address; its network then
    keeps strangers out.
    """
    if not in_production:
        return
    if os.geteuid() == 0:
        log.warning("running_as_root", sentence="This process runs as root: run it under a user of its own.")
    if not _is_loopback(host):
        said = f"Port {port} on {host} speaks plain http: let the network pass nobody but the proxy to it."
        log.warning("listens_beyond_this_machine", sentence=said)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
