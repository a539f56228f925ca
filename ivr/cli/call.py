"""`paybycall call`: a terminal phone rings the running demo; where none runs, it starts the whole server
for this one call.

The exit status of a scripted call is 0 only if the payment is in the ledger and its confirmation was sent. A
person at the keyboard may hang up or pay nothing: then it is 0 unless something failed.
"""

import os
import signal
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from ivr.cli import example
from ivr.customers.caller import Caller
from ivr.demo.bills import DEMO_BILL, bills_of, make_bills, what_to_key
from ivr.demo.environment import (
    CALLED,
    CALLER,
    DemoEnvironment,
    FolderLock,
    is_ready,
    number_of,
    prepare,
    running,
)
from ivr.demo.processes import LEAVING, READY_S_MAX, Processes, StartError, start_server
from ivr.demo.receipt import NotConfirmedError, Receipt, link_text, wait_for_receipt
from ivr.platform.clock import SystemClock
from ivr.platform.ids import RandomIds
from ivr.platform.money import plain

if TYPE_CHECKING:
    from ivr.simulators.phone.events import Reason
    from ivr.simulators.phone.pay import PayHabits
    from ivr.simulators.phone.webhooks import CallSettings

FOLDER = Path("var/demo")
FAILED = 1
_NOWHERE = "ZZ"
"""No country: a number has to begin with its prefix."""


def _from(_ctx: click.Context, _param: click.Parameter, given: str) -> str:
    """Something mistyped would ring as a withheld number, and nobody would know why no text came."""
    if Caller.is_withheld_by(given):
        return given
    if number := Caller.of(given, _NOWHERE).number:
        return number  # as a carrier writes it
    raise click.BadParameter(
        f"this is not a phone number: write it like {CALLER}, or anonymous to withhold it"
    )


def _to(_ctx: click.Context, _param: click.Parameter, given: str | None) -> str | None:
    if given is None:
        return None
    if number := Caller.of(given, _NOWHERE).number:
        return number
    raise click.BadParameter(f"this is not a phone number: write it like {CALLED}")


@click.command("call", epilog=example("call", "call --from +34600000002 --language es", "call --auto"))
@click.option("--auto", envvar="AUTO", is_flag=True, help="A scripted caller pays a demo bill.")
@click.option(
    "--from",
    "from_number",
    default=CALLER,
    show_default=True,
    callback=_from,
    help="The number that calls, like +34600123456; `anonymous` withholds it.",
)
@click.option(
    "--to", "to_number", callback=_to, help=f"The number called; left out: {CALLED}, or by --language."
)
@click.option("--language", help="en or es: rings the number that greets in this language.")
def command(auto: bool, from_number: str, to_number: str | None, language: str | None) -> None:
    """Ring the running demo, or a server that is started for this call."""
    if to_number and language:
        raise click.UsageError("Give --to or --language, not both: the number called decides the language.")
    for number in LEAVING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # under nohup a closed terminal is no reason
            signal.signal(number, _leave)
    by_itself = auto or not (sys.stdin.isatty() and sys.stdout.isatty())
    try:
        with ExitStack() as undo:
            demo, processes = _server(undo)
            to = to_number or _number(demo, language)
            good = _ring(demo, from_number, to, by_itself=by_itself, stays=processes is None)
            if processes is not None:
                processes.check()
    except StartError as fault:
        raise click.ClickException(str(fault)) from None
    except KeyboardInterrupt as left:
        click.echo("\nStopped.")
        by_ctrl_c = left.args == (signal.SIGINT,) and not by_itself
        raise SystemExit(0 if by_ctrl_c else 130) from None
    if not good:
        raise SystemExit(FAILED)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(number)


def _server(undo: ExitStack) -> tuple[DemoEnvironment, Processes | None]:
    """The demo that is running, or one of our own with its processes, which `undo` stops."""
    until = time.monotonic() + READY_S_MAX
    while (lock := FolderLock.take(FOLDER, alone=False)) is None:
        if is_ready(FOLDER):
            demo = running(FOLDER, dict(os.environ))
            click.echo(f"Ringing the demo that is running at {demo.environ['PUBLIC_URL']}.")
            return demo, None
        if time.monotonic() > until:
            raise StartError("A demo is starting here, and does not become ready.")
        time.sleep(0.1)
    undo.enter_context(lock)
    demo = prepare(FOLDER, RandomIds(), dict(os.environ))
    processes = undo.enter_context(Processes(demo.environ, demo.logs))
    start_server(processes, demo, click.echo)
    return demo, processes


def _number(demo: DemoEnvironment, language: str | None) -> str:
    if language is None:
        return CALLED
    spoken = demo.environ["LANGUAGES"]
    number = number_of(spoken, language)
    if number is None:
        raise click.UsageError(f"The demo does not speak {language!r}; it speaks {spoken}.")
    return number


def _ring(demo: DemoEnvironment, from_number: str, to_number: str, *, by_itself: bool, stays: bool) -> bool:
    """One call; whether it ended well."""
    from ivr.simulators.phone.demo import DemoCaller
    from ivr.simulators.phone.terminal import run_script, run_terminal

    clock, database_url = SystemClock(), demo.environ["DATABASE_URL"]
    [(_, demo_bill)] = make_bills(database_url, clock, RandomIds(), [DEMO_BILL])
    own = bills_of(database_url, from_number)
    bill = own[0] if own else demo_bill
    click.echo(what_to_key(own, demo_bill))
    settings, habits = (
        _settings(demo, from_number, to_number),
        _carrier(demo.environ["SANDBOX_URL"]),
    )
    if by_itself:
        payer = DemoCaller.with_test_card(bill.reference, clock)
        ended = run_script(settings, payer, sys.stdout, habits=habits)
    else:
        click.echo("A test card: 4242 4242 4242 4242, any future date, any three digits.\n")
        ended = run_terminal(settings, habits=habits)
    try:
        receipt = wait_for_receipt(database_url, settings.call_sid, clock)
    except NotConfirmedError:
        click.echo("\nA payment was begun in this call, and it is not confirmed yet.")
        _tell_logs(demo)
        return False
    if receipt is not None:
        _tell(demo, receipt)
        return True
    click.echo("\nNothing was paid in this call.")
    if text := link_text(database_url, settings.call_sid, clock):
        click.echo(f"The caller was texted a pay link:\n\n    {text}\n")
        if not stays:
            click.echo(
                "The server has ended with this call. To open such a link, ring a running demo: make demo"
            )
    _tell_logs(demo)
    return not by_itself and _is_no_fault(ended.reason)


def _is_no_fault(reason: "Reason") -> bool:
    """Whether the call ended as calls do: either side hung up."""
    from ivr.simulators.phone.events import Reason

    return reason in {Reason.CALLER, Reason.SERVER}


def _settings(demo: DemoEnvironment, from_number: str, to_number: str) -> "CallSettings":
    from gateways.secret import Secret
    from ivr.simulators.phone.webhooks import CallSettings

    environ = demo.environ
    settings = CallSettings.to_server(
        environ["PUBLIC_URL"],
        ids=RandomIds(),
        account_sid=environ["TWILIO_ACCOUNT_SID"],
        auth_token=Secret(environ["TWILIO_AUTH_TOKEN"]),
        from_number=from_number,
        to_number=to_number,
    )
    if demo.by_carrier:
        return settings
    return replace(settings, fallback_url=f"{environ['PCI_PUBLIC_URL']}/pci/fallback")


def _carrier(bank_url: str) -> "PayHabits":
    """A carrier with a connector to the sandbox bank, under the name that PAY_CONNECTOR has by default."""
    from gateways.sandbox.bank.connector import PASSWORD, PATH, USERNAME
    from gateways.secret import Secret
    from ivr.simulators.phone.connectors import GenericConnector
    from ivr.simulators.phone.pay import PayHabits

    return PayHabits({"Default": GenericConnector(bank_url + PATH, USERNAME, Secret(PASSWORD))})


def _tell(demo: DemoEnvironment, receipt: Receipt) -> None:
    """What came of it, and where to look next."""
    click.echo(
        f"\nIn the ledger: {plain(receipt.amount_minor, receipt.currency)}, payment {receipt.reference}."
    )
    if receipt.state == "spoken":
        click.echo("No text can be sent to this caller: the reference was said twice.\n")
    else:
        click.echo(f"The confirmation ({receipt.channel}, {receipt.state}):\n\n    {receipt.body}\n")
    click.echo("Where to look next:")
    click.echo(f"    . {demo.shown}/env")
    click.echo(f"    .venv/bin/paybycall payment show {receipt.reference}")
    click.echo(f"    logs: {demo.shown}/logs")


def _tell_logs(demo: DemoEnvironment) -> None:
    click.echo(f"The logs of each process are in {demo.shown}/logs.")
