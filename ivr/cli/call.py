"""`paybycall call`: the whole server on this machine, rung by a terminal phone, or by a caller who pays by
themselves.

The processes are the Procfile's, on SQLite, with the sandbox bank and the console channel; all of them are
stopped at the end, also on Ctrl-C and where the terminal is closed. The exit status is 0 only if the payment
is in the ledger and its confirmation was sent.
"""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from ivr.cli.examples import example
from ivr.clock import SystemClock
from ivr.customers.caller import Caller
from ivr.demo.bill import demo_bill
from ivr.demo.ground import CALLED, CALLER, Ground, prepare
from ivr.demo.processes import LEAVING, Processes, StartError, read_procfile
from ivr.demo.receipt import Receipt, wait_for_receipt
from ivr.ids import RandomIds
from ivr.money import plain

if TYPE_CHECKING:
    from ivr.phone.pay import PayHabits

FOLDER = Path("var/demo")
FAILED = 1
_NOWHERE = "ZZ"
"""No country: a number has to begin with its prefix."""


def _from(_ctx: click.Context, _param: click.Parameter, given: str) -> str:
    """Something mistyped would ring as a withheld number, and nobody would know why no text came."""
    if Caller.is_withheld_by(given) or Caller.of(given, _NOWHERE).number is not None:
        return given
    raise click.BadParameter(f"this is no number: write it like {CALLER}, or anonymous to withhold it")


@click.command("call", epilog=example("call", "call --auto --from +34600123456"))
@click.option("--auto", envvar="AUTO", is_flag=True, help="A scripted caller pays the demo bill.")
@click.option(
    "--from",
    "from_number",
    default=CALLER,
    show_default=True,
    callback=_from,
    help="The number that calls, like +34600123456; `anonymous` withholds it.",
)
def command(auto: bool, from_number: str) -> None:
    """Start everything on this machine and ring it."""
    for number in LEAVING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # under nohup a closed terminal is no reason
            signal.signal(number, _leave)
    by_itself = auto or not (sys.stdin.isatty() and sys.stdout.isatty())
    ground = prepare(FOLDER, RandomIds(), dict(os.environ))
    try:
        with Processes(ground.environ, ground.logs) as processes:
            _start(processes, ground)
            paid = _ring(ground, from_number, by_itself=by_itself)
            processes.check()
    except StartError as fault:
        raise click.ClickException(str(fault)) from None
    except KeyboardInterrupt:
        click.echo("\nStopped.")
        raise SystemExit(130) from None
    if paid is None:
        raise SystemExit(FAILED)


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _start(processes: Processes, ground: Ground) -> None:
    names = ("web", "worker") if ground.by_carrier else ("web", "pci", "worker")
    click.echo(f"Starting {', '.join(names[:-1])} and worker, with the sandbox bank ...")
    procfile = read_procfile(Path("Procfile"), ("release", *names))
    processes.run("release", procfile["release"])
    bank = ["--port", str(ground.ports["sandbox"]), "--database", str(ground.folder / "sandbox-bank.db")]
    bank += ["--notify", f"{ground.environ['PUBLIC_URL']}/gateways/sandbox/webhook"]
    processes.start("sandbox", ["paybycall", "sandbox", *bank])
    for name in names:
        processes.start(name, procfile[name], port=ground.ports.get(name))
    ready = {"sandbox": f"{ground.environ['SANDBOX_URL']}/", "web": f"{ground.environ['PUBLIC_URL']}/readyz"}
    if not ground.by_carrier:
        ready["pci"] = f"{ground.environ['PCI_PUBLIC_URL']}/readyz"
    processes.wait_until_ready(ready)


def _ring(ground: Ground, from_number: str, *, by_itself: bool) -> Receipt | None:
    """One call; the receipt of what was paid in it, or None."""
    from gateways.secret import Secret
    from ivr.phone.demo import DemoCaller
    from ivr.phone.terminal import run_script, run_terminal
    from ivr.phone.webhooks import CallSettings

    environ = ground.environ
    bill = demo_bill(environ["DATABASE_URL"], CALLER, SystemClock(), RandomIds())
    click.echo(f"The demo bill is {bill.reference}: {plain(bill.payable_minor, bill.currency)}, of {CALLER}.")
    settings = CallSettings.to_server(
        environ["PUBLIC_URL"],
        ids=RandomIds(),
        account_sid=environ["TWILIO_ACCOUNT_SID"],
        auth_token=Secret(environ["TWILIO_AUTH_TOKEN"]),
        from_number=from_number,
        to_number=CALLED,
    )
    if not ground.by_carrier:
        settings = replace(settings, fallback_url=f"{environ['PCI_PUBLIC_URL']}/pci/fallback")
    habits = _carrier(environ["SANDBOX_URL"])
    if by_itself:
        payer = DemoCaller.with_test_card(bill.reference, SystemClock())
        run_script(settings, payer, sys.stdout, habits=habits)
    else:
        click.echo("A test card: 4242 4242 4242 4242, any date to come, any three digits.\n")
        run_terminal(settings, habits=habits)
    receipt = wait_for_receipt(environ["DATABASE_URL"], settings.call_sid, SystemClock())
    _tell(ground, receipt)
    return receipt


def _carrier(bank_url: str) -> "PayHabits":
    """A carrier with a connector to the sandbox bank, under the name that PAY_CONNECTOR has by default."""
    from gateways.sandbox.bank.connector import PASSWORD, PATH, USERNAME
    from gateways.secret import Secret
    from ivr.phone.connectors import GenericConnector
    from ivr.phone.pay import PayHabits

    return PayHabits({"Default": GenericConnector(bank_url + PATH, USERNAME, Secret(PASSWORD))})


def _tell(ground: Ground, receipt: Receipt | None) -> None:
    """What came of it, and where to look next."""
    shown = (
        ground.folder.relative_to(Path.cwd()) if ground.folder.is_relative_to(Path.cwd()) else ground.folder
    )
    if receipt is None:
        click.echo(f"\nNothing was paid in this call. The logs of each process are in {shown}/logs.")
        return
    click.echo(
        f"\nIn the ledger: {plain(receipt.amount_minor, receipt.currency)}, payment {receipt.reference}."
    )
    if receipt.state == "spoken":
        click.echo("No text can be sent to this caller: the reference was said twice.\n")
    else:
        click.echo(f"The confirmation ({receipt.channel}, {receipt.state}):\n\n    {receipt.body}\n")
    click.echo("Where to look next:")
    click.echo(f"    . {shown}/env")
    click.echo(f"    .venv/bin/paybycall payment show {receipt.reference}")
    click.echo(f"    logs: {shown}/logs")
