"""`paybycall serve web|pci|worker`: one process each, as the Procfile has them.

`ivr.platform.wsgi` serves web and PCI. The settings are read before anything is started, so that a fault is
a sentence and not a loop of restarts. On SIGTERM a process finishes the requests that it has; a second
`serve` on the same port takes over from the first.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from importlib.metadata import version
from ipaddress import ip_address
from types import FrameType
from typing import TYPE_CHECKING

import click
import structlog
from click.decorators import FC

from flows.language import PromptError
from gateways.settings import settings_of
from ivr.cli import Fault, boot, example
from ivr.platform import logs
from ivr.platform import process_memory as memory
from ivr.platform.database.migrations import can_serve
from ivr.platform.settings.reading import SettingsError
from ivr.platform.settings.shared import BY_CARRIER
from ivr.platform.settings.web_settings import Config, load_config
from ivr.platform.wsgi.handover import PortTakenError, listen
from ivr.platform.wsgi.parent import Parent
from ivr.platform.wsgi.worker import ServedApp, WorkerProcess

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from ivr.pci.settings import PciConfig


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
_workers = click.option(
    "--workers",
    envvar="WORKERS",
    default=1,
    show_default=True,
    type=click.IntRange(1, 64),
    help="How many processes serve this port.",
)
_threads = click.option(
    "--threads",
    envvar="THREADS",
    default=16,
    show_default=True,
    type=click.IntRange(1, 256),
    help="How many requests each process serves at once.",
)


def _port(default: int) -> Callable[[FC], FC]:
    return click.option(
        "--port",
        envvar="PORT",
        default=default,
        show_default=True,
        type=click.IntRange(1, 65535),
        help="The port to listen on.",
    )


def _serve(kind: str, what: ServedApp, *, host: str, port: int, workers: int, in_production: bool) -> None:
    warn_of_exposure(host, port, in_production=in_production)
    try:
        listening = listen(kind, host, port, os.environ)
    except PortTakenError as fault:
        raise Fault(str(fault)) from None
    if status := Parent(kind, listening, what, workers).run():
        raise SystemExit(status)


@command.command("web", epilog=example("serve web --port 8000 --workers 2"))
@_threads
@_workers
@_host
@_port(8000)
def web(host: str, port: int, workers: int, threads: int) -> None:
    """Answer the carrier's webhooks; serve the API and the payers' pages.

    If one is already running on this port, this one takes over from it.
    """
    read = load_config(os.environ)
    boot.refuse_one_for_both(os.environ)
    boot.require(boot.WEB_DATABASE, read.database_url, can_serve)
    logs.configure(read.log_level, "web")
    log_start(read, read.card_entry, workers=workers, threads=threads)
    app = ServedApp(_web_app, threads, WEB_BODY_BYTES_MAX)
    _serve("web", app, host=host, port=port, workers=workers, in_production=read.in_production)


@command.command("pci", epilog=example("serve pci --port 8001"))
@_threads
@_workers
@_host
@_port(8001)
def pci(host: str, port: int, workers: int, threads: int) -> None:
    """Take card numbers from the keypad, and nothing else.

    If one is already running on this port, this one takes over from it.
    """
    from ivr.pci.migrations import can_serve as can_serve_pci
    from ivr.pci.settings import load_pci_config

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
    log_start(read, "gather", workers=workers, threads=threads)
    app = ServedApp(_pci_app, threads, PCI_BODY_BYTES_MAX)
    _serve("pci", app, host=host, port=port, workers=workers, in_production=read.in_production)


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
    log_start(read, read.card_entry)
    try:
        finished = run_worker(read, stop, (host, port) if port else None)
    except NotMigratedError as fault:
        raise Fault(str(fault)) from None
    if not finished:
        os._exit(1)  # a job still runs: its thread would keep the process, and its lock, alive


log = structlog.get_logger("paybycall")


def log_start(read: "Config | PciConfig", card_entry: str, **counts: int) -> None:
    """Logs names of settings, never a value, and of the database only its kind."""
    names = (one.name for one in settings_of(type(read)))
    log.info(
        "starting",
        version=version("paybycall"),
        database=read.database_url.partition(":")[0].partition("+")[0],
        environment=read.environment,
        card_entry=card_entry,
        gateway=read.gateway,
        **counts,
        settings_set=sorted(name for name in names if os.environ.get(name, "").strip()),
    )


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


WEB_BODY_BYTES_MAX = 1_000_000
"""The longest body that a route takes: a gateway's webhook."""
PCI_BODY_BYTES_MAX = 64_000


def _web_app(_worker: WorkerProcess) -> "WSGIApplication":
    from ivr.app import web_app

    return _made(lambda: web_app(os.environ))


def _pci_app(worker: WorkerProcess) -> "WSGIApplication":
    from ivr.pci.process import app_from_environ

    return _made(lambda: app_from_environ(os.environ, worker.replace))


def _made(make: "Callable[[], WSGIApplication]") -> "WSGIApplication":
    """Calls `make`. A fault that shows only now, such as a recording that fits no prompt, is written as a
    sentence to standard error, and the process ends with status 2.
    """
    try:
        return make()
    except (SettingsError, PromptError) as fault:
        sys.stderr.write(f"{fault}\n")
        sys.stderr.flush()
        os._exit(Fault.exit_code)
