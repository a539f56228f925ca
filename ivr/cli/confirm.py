"""The question before a command that cannot be undone: one that moves money, or has a card forgotten."""

import sys

import click

from ivr.cli.faults import Fault

yes_option = click.option("--yes", is_flag=True, help="Do not ask for confirmation; for scripts.")


def confirm(question: str, *, yes: bool) -> None:
    """Returns where the person agrees, or gave --yes; raises Fault otherwise, and then nothing was done.

    Without a terminal there is nobody to ask, so that a script which forgot --yes moves no money.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise Fault(
            f"{question} Nothing was done: there is no terminal to ask you on. Add --yes to go ahead."
        )
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        agreed = False
    if not agreed:
        raise Fault("Nothing was done.")
