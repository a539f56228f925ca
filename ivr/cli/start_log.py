"""The first lines in a process's log: its release, its mode and the names of the settings that are set.

In production they also warn if the process runs as root, or if more than its proxy can reach its port.
"""

import os
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from ipaddress import ip_address
from typing import Any

import structlog

from gateways.settings import Setting

log = structlog.get_logger("paybycall")


def log_start(
    settings: Iterable[Setting[Any]], environ: Mapping[str, str], *, database_url: str, **mode: object
) -> None:
    """Logs names of settings, never a value, and of the database only its kind."""
    names = sorted(one.name for one in settings if environ.get(one.name, "").strip())
    kind = database_url.partition(":")[0].partition("+")[0]
    log.info("starting", version=version("paybycall"), database=kind, **mode, settings_set=names)


def warn_of_exposure(host: str, port: int, *, in_production: bool) -> None:
    """Warns in production. `host` and `port`: where the process listens. In a container it listens on every
    address, and the container's network keeps strangers out.
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
