"""The command `paybycall`: one file a command, loaded only when it is called.

A command's faults are sentences on standard error and an exit status, never a traceback.
"""

import errno
import os
from importlib import import_module

import click

from ivr.cli.examples import example

COMMANDS = {
    "apikey": "ivr.cli.apikey",
    "bill": "ivr.cli.bill",
    "call": "ivr.cli.call",
    "card": "ivr.cli.card",
    "config": "ivr.cli.config",
    "demo": "ivr.cli.demo",
    "dispute": "ivr.cli.dispute",
    "doctor": "ivr.cli.doctor",
    "flow": "ivr.cli.flow",
    "lockout": "ivr.cli.lockout",
    "message": "ivr.cli.message",
    "migrate": "ivr.cli.migrate",
    "payment": "ivr.cli.payment",
    "pci": "ivr.cli.pci",
    "payout": "ivr.cli.payout",
    "refund": "ivr.cli.refund",
    "sandbox": "ivr.cli.sandbox",
    "serve": "ivr.cli.serve",
}
"""Command -> module that holds it, as an attribute named `command`."""


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = import_module(COMMANDS[cmd_name]).command
        return found

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except OSError as fault:
            if fault.errno != errno.ENOSPC:
                raise
            # Status 1: the command may have done its work before it could not say so.
            raise click.ClickException("No space is left where this command writes to.") from None


@click.command(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=example("payment list", "payment list --help"),
)
@click.version_option(package_name="paybycall")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Pay-by-Call: callers pay by keypad, through your own payment gateway.

    Exit status: 0 done, 1 done but not everything is well, 2 nothing was done.
    """
    if os.environ.get("NO_COLOR"):  # https://no-color.org; click leaves colours out of pipes by itself
        ctx.color = False
    os.umask(0o077)  # databases, logs and keys are the operator's alone
    if ctx.invoked_subcommand != "serve":  # its processes set up logs of their own
        _log_to_standard_error()


def _log_to_standard_error() -> None:
    """What a command prints is its answer, and may be read by a program: no log belongs there."""
    from ivr.platform import logs

    logs.configure("warning", "command")
