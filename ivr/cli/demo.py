"""`paybycall demo`: the whole server with the sandbox bank, until Ctrl-C; `paybycall call` rings it.

In a terminal Ctrl-C is read as a key, so that `make`, which would end with an error, does not get it.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from ivr.cli import example
from ivr.cli.call import FOLDER
from ivr.demo.bills import make_bills, told
from ivr.demo.environment import ANY_PORTS, CALLER, USUAL_PORTS, DemoEnvironment, FolderLock, prepare
from ivr.demo.processes import LEAVING, Processes, StartError, Texts, start_server
from ivr.platform.clock import SystemClock
from ivr.platform.database.engine import make_engine
from ivr.platform.ids import RandomIds
from ivr.platform.money import plain
from ivr.web.api import keys

LOOK_S = 0.2


@click.command("demo", epilog=example("demo"))
@click.option(
    "--any-ports",
    is_flag=True,
    help="Take any free ports; else 8000, 8001, 8002 and 8099 where they are free.",
)
def command(any_ports: bool) -> None:
    """Run the server and a sandbox bank until Ctrl-C."""
    with _terminal():
        for number in LEAVING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _leave)
        try:
            _run(ANY_PORTS if any_ports else USUAL_PORTS)
        except StartError as fault:
            raise click.ClickException(str(fault)) from None
        except KeyboardInterrupt:
            click.echo(f"\nThe demo has ended. Its data stays in {FOLDER}. To look at it:\n")
            click.echo(f"    . {FOLDER}/env\n    .venv/bin/paybycall payment list")


def _run(ports: dict[str, int]) -> None:
    lock = FolderLock.take(FOLDER, alone=True)
    if lock is None:
        raise StartError(_who_is_there())
    with lock:
        environment = prepare(FOLDER, RandomIds(), dict(os.environ), ports)
        with Processes(environment.environ, environment.logs) as processes:
            start_server(processes, environment, click.echo)
            texts = Texts(environment.logs / "worker.log")
            _welcome(environment)
            lock.say_ready()
            while True:
                time.sleep(LOOK_S)
                processes.check()
                for line in texts.new():
                    click.echo(line)


def _who_is_there() -> str:
    call = FolderLock.take(FOLDER, alone=False)
    if call is None:
        return (
            "A demo is running here already: ring it with `make call`, or end it with Ctrl-C where it runs."
        )
    with call:
        return "A call is under way here (`make call`): start the demo when it is over."


def _leave(_number: int, _frame: FrameType | None) -> None:
    for number in LEAVING:  # whoever is impatient presses Ctrl-C twice
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextmanager
def _terminal() -> Iterator[None]:
    """Where we have the terminal: Ctrl-C and Ctrl-D end us, and nobody else."""
    from ivr.simulators.phone.terminal import LEAVE, Keyboard, single_keys

    if not sys.stdin.isatty() or _is_in_the_background(sys.stdin.fileno()):
        yield
        return
    over = threading.Event()
    keyboard = Keyboard(sys.stdin.fileno(), LEAVE)

    def watch() -> None:
        while not over.is_set() and not keyboard.hung_up:
            keyboard.listen(LOOK_S)
        if keyboard.hung_up:
            os.kill(os.getpid(), signal.SIGINT)

    watching = threading.Thread(target=watch, daemon=True)
    with single_keys(keyboard.descriptor):
        watching.start()
        try:
            yield
        finally:
            over.set()
            watching.join()


def _is_in_the_background(descriptor: int) -> bool:
    """Whether the terminal would stop us when we touch it; one that is not our own cannot."""
    try:
        return os.tcgetpgrp(descriptor) != os.getpgrp()
    except OSError:
        return False


def _welcome(environment: DemoEnvironment) -> None:
    """Where everything is, and what to try."""
    web, clock = environment.environ["PUBLIC_URL"], SystemClock()
    key = _api_key(environment)
    bills = make_bills(environment.environ["DATABASE_URL"], clock, RandomIds())
    rows = [
        ("Sandbox bank", f"{environment.environ['SANDBOX_URL']}/"),
        ("API", f"{web}/api/v1/openapi.json   its OpenAPI document; docs/api.md explains it"),
        ("API key", key),
        ("", f"curl -H 'Authorization: Bearer {key}' {web}/api/v1/payments"),
        ("Payers' pages", f"{web}/pay/...   the whole link comes in a text"),
        ("Health", f"{web}/healthz   {web}/readyz   {web}/metrics"),
        ("Logs", f"{environment.shown}/logs"),
    ]
    click.echo("\nThe demo is running. Ctrl-C ends it.\n")
    for name, value in rows:
        click.echo(f"  {name:<14} {value}")
    click.echo(
        "\nBills. A reference is the number printed on a bill. A caller with one open bill is offered it;"
        "\nany other caller keys a reference.\n"
    )
    click.echo(f"  {'reference':<10} {'caller':<14} {'amount':>11}")
    for sample, bill in bills:
        amount = plain(bill.billed_minor, bill.currency)
        click.echo(
            f"  {bill.reference:<10} {sample.phone or 'anyone':<14} {amount:>11}  {told(sample, bill, clock)}"
        )
    _how_to_call()


def _how_to_call() -> None:
    click.echo("\nRing it from another terminal:\n")
    click.echo(f"  make call                                        {CALLER}, who has one bill")
    click.echo("  make call FROM=+34600000002                      two bills: key the reference of one")
    click.echo("  make call FROM=+34600000003 CALLER_LANGUAGE=es   in Spanish")
    click.echo("\nCards, with any future date and any three digits:\n")
    click.echo("  4242 4242 4242 4242  approved")
    click.echo(
        "  4000 0025 0000 3155  wants the payer's approval: a pay link is texted; open it in a browser"
    )
    click.echo("  4000 0000 0000 9995  declined: no funds")
    click.echo("\nTexts appear here as they are sent.\n")


def _api_key(environment: DemoEnvironment) -> str:
    """The demo's own key, made once and kept in the folder; anew where it was revoked."""
    path = Path(environment.folder / "api-key")
    engine = make_engine(environment.environ["DATABASE_URL"])
    try:
        with engine.begin() as tx:
            if path.exists() and keys.find(tx, path.read_text()) is not None:
                return path.read_text()
            _, secret = keys.make(tx, "demo", clock=SystemClock(), ids=RandomIds())
            path.touch(0o600)
            path.write_text(secret.reveal())
            return secret.reveal()
    finally:
        engine.dispose()
