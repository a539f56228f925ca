"""`paybycall serve web|pci|worker`: one process each, as the Procfile has them.

Web and PCI run on granian, threaded; a worker that dies is started anew. The settings are read once before
anything is started, so a fault is a sentence and not a loop of restarts. SIGTERM finishes what is under way.
"""

import os
import signal
import socket
import threading
from types import FrameType

import click

from ivr import config
from ivr.cli.faults import Fault, sentences

STOP_S_MAX = 30
"""How long work under way may take to finish after SIGTERM."""


@click.group("serve")
def command() -> None:
    """Start one of the server's processes."""


def _listening(function: click.decorators.FC) -> click.decorators.FC:
    function = click.option("--host", envvar="HOST", default="127.0.0.1", show_default=True)(function)
    function = click.option(
        "--workers", envvar="WORKERS", default=1, show_default=True, type=click.IntRange(1, 64)
    )(function)
    return click.option(
        "--threads", envvar="THREADS", default=16, show_default=True, type=click.IntRange(1, 256)
    )(function)


def _port(default: int) -> click.Option:
    return click.Option(
        ["--port"], envvar="PORT", default=default, show_default=True, type=click.IntRange(1, 65535)
    )


def _must_be_free(host: str, port: int) -> None:
    """The web server would say it in a page of frames."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as fault:
        why = str(fault.strerror).partition(" (")[0]
        raise Fault(
            f"Nobody can listen at {host}, port {port} ({why}): choose others by HOST and PORT."
        ) from None


def _granian(target: str, *, host: str, port: int, workers: int, threads: int) -> None:
    from granian import Granian
    from granian.constants import Interfaces

    _must_be_free(host, port)
    Granian(
        target,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=threads,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_S_MAX,
        log_access=False,
        factory=True,
    ).serve()


@command.command("web")
@_listening
@sentences
def web(host: str, port: int, workers: int, threads: int) -> None:
    """Hear the carrier's webhooks, serve the API."""
    config.load(os.environ)
    _granian("ivr.cli.serving:web", host=host, port=port, workers=workers, threads=threads)


@command.command("pci")
@_listening
@sentences
def pci(host: str, port: int, workers: int, threads: int) -> None:
    """Hear card digits, and nothing else."""
    from ivr.pci import settings

    name, value = config.BY_CARRIER
    if os.environ.get(name, "").strip() == value:
        raise Fault(
            f"There is no PCI process with {name}={value}: the carrier takes the cards, and web and worker "
            f"need no other. Start none of it (a Procfile runner takes pci=0), or set {name} to gather."
        )
    settings.load(os.environ)
    _granian("ivr.cli.serving:pci", host=host, port=port, workers=workers, threads=threads)


web.params.append(_port(8000))
pci.params.append(_port(8001))


@command.command("worker")
@sentences
def worker() -> None:
    """Charge, send, retry: everything that no webhook waits for."""
    from ivr.bootstrap import run_worker
    from ivr.work.migrate import NotMigratedError

    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    try:
        finished = run_worker(config.load(os.environ), stop)
    except NotMigratedError as fault:
        raise Fault(str(fault)) from None
    if not finished:
        os._exit(1)  # something runs on: its threads would keep the process, and its lock, alive
