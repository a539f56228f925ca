"""`paybycall sandbox`: the sandbox bank as a process, for development and tests.

Loopback only, and it reads no setting but the secret that signs its webhooks, so it holds nothing worth
taking. A signal ends it after the requests under way; whoever waits for a slow answer is answered at once.
"""

import errno
import signal
import sqlite3
from dataclasses import replace
from pathlib import Path
from threading import Event

import click

from ivr.cli import Fault, example


@click.command("sandbox", epilog=example("sandbox --port 8099"))
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8099,
    show_default=True,
    help="The port on 127.0.0.1. 0: any free port.",
)
@click.option(
    "--database",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("var/sandbox-bank.db"),
    show_default=True,
    help="The bank's SQLite file. It is created if it does not exist.",
)
@click.option(
    "--notify",
    metavar="URL",
    help="Where to send webhooks: PUBLIC_URL/gateways/sandbox/webhook. Needs SANDBOX_WEBHOOK_SECRET.",
)
@click.option("--webhook-secret", envvar="SANDBOX_WEBHOOK_SECRET", hidden=True, default="")
def command(port: int, database: Path, notify: str | None, webhook_secret: str) -> None:
    """Run the sandbox bank: test cards only, no real money."""
    from gateways.sandbox.bank.app import create_app
    from gateways.sandbox.bank.dependencies import BankDependencies
    from gateways.sandbox.bank.ledger import Ledger
    from gateways.sandbox.bank.notifier import Notifier
    from gateways.sandbox.bank.server import BankServer
    from gateways.secret import Secret
    from ivr.platform.clock import SystemClock
    from ivr.platform.database.unreachable import file_fault, sqlite_sentence
    from ivr.platform.ids import RandomIds

    if notify and not webhook_secret:
        raise Fault("Set SANDBOX_WEBHOOK_SECRET: webhooks are signed with it.")
    try:
        server = BankServer(port)
    except OSError as fault:
        raise Fault(_why_not(port, fault)) from None
    # Only now: opening a ledger puts right what a killed bank left, and the bank on this port may be alive.
    stopping = Event()
    try:
        ledger = Ledger(database)
    except (OSError, sqlite3.Error) as fault:
        said = file_fault("--database", database) or sqlite_sentence("--database", database, fault)
        raise Fault(said or f"{database} cannot be opened: correct --database.") from None
    dependencies = BankDependencies(ledger, now=SystemClock().now, sleep=stopping.wait, ids=RandomIds())
    if notify:
        notifier = Notifier(
            notify, Secret(webhook_secret), now=dependencies.now, sleep=stopping.wait, ids=dependencies.ids
        )
        dependencies = replace(dependencies, tell=notifier.tell)
    app = create_app(dependencies)

    def stop(_signal: int, _frame: object) -> None:
        stopping.set()
        server.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"The sandbox bank is running at {server.url}. Its ledger is {database}.", flush=True)
    server.serve(app)
    ledger.close()


def _why_not(port: int, fault: OSError) -> str:
    if fault.errno == errno.EADDRINUSE:
        return f"Port {port} on 127.0.0.1 is already in use. Choose another one with --port."
    return f"Cannot listen on 127.0.0.1, port {port}: {fault.strerror}. Choose another port with --port."
