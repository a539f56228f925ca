"""The command `paybycall`: one file a command, loaded only when it is called.

What an operator can mend is a sentence on standard error, never a traceback. Status 2: nothing was done,
since it cannot be done as it was asked (usage, a setting, something that is not there, a refusal). Status 1:
it was done, and the result is not whole or not good, such as an import with refused rows. 0: all is well.
"""

import errno
import os
from importlib import import_module

import click

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


class Fault(click.ClickException):
    """A sentence for the operator; the command ends with status 2."""

    exit_code = 2

    def show(self, file: object = None) -> None:  # noqa: ARG002 - click's signature
        click.echo(self.format_message(), err=True)


def example(*lines: str) -> str:
    """The examples at the end of a command's `--help`; each line is what follows `paybycall`."""
    shown = "\n".join(f"  paybycall {line}" for line in lines)
    return f"\b\nExample{'s' if len(lines) > 1 else ''}:\n{shown}"


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = import_module(COMMANDS[cmd_name]).command
        return found

    def invoke(self, ctx: click.Context) -> object:
        """Turns what an operator can mend into its sentence."""
        from sqlalchemy.exc import OperationalError

        from flows.language import PromptError
        from ivr.platform.database.unreachable import sentence
        from ivr.platform.settings.reading import SettingsError

        try:
            return super().invoke(ctx)
        except (SettingsError, PromptError) as fault:
            raise Fault(str(fault)) from None
        except OperationalError as fault:
            url = os.environ.get("DATABASE_URL", "").strip()
            said = sentence("DATABASE_URL", url, fault) if url else None
            raise Fault(said or "The database does not answer.") from None
        except UnicodeEncodeError:  # bytes of the command line that are no text
            raise Fault("An argument is not text in UTF-8.") from None
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
