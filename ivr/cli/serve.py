"""`paybycall serve web|pci|worker`: one process each, as the Procfile has them.

`ivr.platform.wsgi` serves web and PCI. The settings are read before anything is started, so that a fault is
a sentence and not a loop of restarts. On SIGTERM a process finishes the requests that it has; a second
`serve` on the same port takes over from the first.
"""

import os
import signal
import threading
from types import FrameType
from typing import Any

import click

from gateways.settings import settings_of
from ivr.cli import Fault, boot, example
from ivr.cli import wsgi_apps as serving
from ivr.cli.start_log import log_start, warn_of_exposure
from ivr.platform import logs
from ivr.platform import process_memory as memory
from ivr.platform.database.migrations import can_serve
from ivr.platform.settings.config import Config, load_config
from ivr.platform.settings.shared import BY_CARRIER
from ivr.platform.wsgi.handover import PortTakenError, listen
from ivr.platform.wsgi.parent import Parent
from ivr.platform.wsgi.worker import Serving

_SHARED_METRICS = "PROMETHEUS_MULTIPROC_DIR"
"""Where web processes add up their counters. prometheus_client reads it when it is imported: the other
processes have counters of their own, so it is taken out of their environment.
"""


@click.group("serve", epilog=example("serve web"))
def command() -> None:
    """Start one of the server's processes."""


_host = click.option(
    "--host", envvar="HOST", default="127.0.0.1", show_default=True, help="The address to listen on."
)


def _listening(function: click.decorators.FC) -> click.decorators.FC:
    function = _host(function)
    function = click.option(
        "--workers",
        envvar="WORKERS",
        default=1,
        show_default=True,
        type=click.IntRange(1, 64),
        help="How many processes serve this port.",
    )(function)
    return click.option(
        "--threads",
        envvar="THREADS",
        default=16,
        show_default=True,
        type=click.IntRange(1, 256),
        help="How many requests each process serves at once.",
    )(function)


def _port(default: int) -> click.Option:
    return click.Option(
        ["--port"],
        envvar="PORT",
        default=default,
        show_default=True,
        type=click.IntRange(1, 65535),
        help="The port to listen on.",
    )


def _serve(kind: str, what: Serving, *, host: str, port: int, workers: int) -> None:
    try:
        listening = listen(kind, host, port, os.environ)
    except PortTakenError as fault:
        raise Fault(str(fault)) from None
    if status := Parent(kind, listening, what, workers).run():
        raise SystemExit(status)


@command.command("web", epilog=example("serve web --port 8000 --workers 2"))
@_listening
def web(host: str, port: int, workers: int, threads: int) -> None:
    """Answer the carrier's webhooks; serve the API and the payers' pages.

    If one is already running on this port, this one takes over from it.
    """
    read = load_config(os.environ)
    boot.refuse_one_for_both(os.environ)
    boot.require(boot.WEB_DATABASE, read.database_url, can_serve)
    logs.configure(read.log_level, "web")
    log_start(settings_of(Config), os.environ, **_mode(read), workers=workers, threads=threads)
    warn_of_exposure(host, port, in_production=read.in_production)
    of_web = Serving(serving.web, threads, serving.WEB_BODY_BYTES_MAX)
    _serve("web", of_web, host=host, port=port, workers=workers)


@command.command("pci", epilog=example("serve pci --port 8001"))
@_listening
def pci(host: str, port: int, workers: int, threads: int) -> None:
    """Take card numbers from the keypad, and nothing else.

    If one is already running on this port, this one takes over from it.
    """
    from ivr.pci.migrations import can_serve as can_serve_pci
    from ivr.pci.settings import PciConfig, load_pci_config

    name, value = BY_CARRIER
    if os.environ.get(name, "").strip() == value:
        raise Fault(
            f"There is no PCI process with {name}={value}: the carrier takes the card numbers. Do not start "
            f"one (with a Procfile runner: pci=0), or set {name} to gather."
        )
    read = load_pci_config(os.environ)
    os.environ.pop(_SHARED_METRICS, None)
    boot.refuse_one_for_both(os.environ)
    boot.require(boot.PCI_DATABASE, read.database_url, can_serve_pci)
    memory.overwrite_what_is_freed()
    logs.configure(read.log_level, "pci")
    log_start(
        settings_of(PciConfig),
        os.environ,
        database_url=read.database_url,
        environment=read.environment,
        card_entry="gather",
        gateway=read.gateway,
        workers=workers,
        threads=threads,
    )
    warn_of_exposure(host, port, in_production=read.in_production)
    of_pci = Serving(serving.pci, threads, serving.PCI_BODY_BYTES_MAX)
    _serve("pci", of_pci, host=host, port=port, workers=workers)


web.params.append(_port(8000))
pci.params.append(_port(8001))


def _mode(read: Config) -> dict[str, Any]:
    return {
        "database_url": read.database_url,
        "environment": read.environment,
        "card_entry": read.card_entry,
        "gateway": read.gateway,
    }


@command.command("worker", epilog=example("serve worker", "serve worker --port 8002"))
@_host
@click.option(
    "--port",
    envvar=["WORKER_PORT", "PORT"],
    default=8002,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="For /healthz, /readyz and /metrics; 0: none. WORKER_PORT in the environment, or else PORT.",
)
def worker(host: str, port: int) -> None:
    """Charge cards, send texts and webhooks, retry what failed."""
    os.environ.pop(_SHARED_METRICS, None)
    from ivr.jobs.store import NotMigratedError
    from ivr.worker import run_worker

    read = load_config(os.environ)
    boot.refuse_one_for_both(os.environ)
    boot.require(boot.WEB_DATABASE, read.database_url, can_serve)
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    logs.configure(read.log_level, "worker")
    log_start(settings_of(Config), os.environ, **_mode(read))
    try:
        finished = run_worker(read, stop, (host, port) if port else None)
    except NotMigratedError as fault:
        raise Fault(str(fault)) from None
    if not finished:
        os._exit(1)  # a job still runs: its thread would keep the process, and its lock, alive
