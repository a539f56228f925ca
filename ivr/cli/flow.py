"""`paybycall flow`: the flows as pictures, and whether each is whole.

A flow is a folder of `flows` with a `flow.py` that holds `flow`; importing it checks it, so a fault in a
graph, a prompt or a state is told here with a line for each, and the status is 1.
"""

import pkgutil
from importlib import import_module
from typing import Any

import click

import flows
from flows.language import Flow, FlowError, draw, languages_in
from ivr.cli import Fault, example

_NO_FLOWS = frozenset({"language"})


@click.group("flow", epilog=example("flow check"))
def command() -> None:
    """Draw and check the flows that callers go through."""


@command.command("draw", epilog=example("flow draw pay_bill > pay_bill.mmd"))
@click.argument("name")
def draw_command(name: str) -> None:
    """Print the flow NAME as a Mermaid flowchart."""
    click.echo(draw(_load(name)), nl=False)


@command.command("check", epilog=example("flow check", "flow check pay_bill"))
@click.argument("names", nargs=-1)
def check_command(names: tuple[str, ...]) -> None:
    """Check the flows NAMES, or all flows.

    Checks every step, exit and prompt in every language.
    """
    for name in names or _names():
        found = _load(name)
        languages = ", ".join(languages_in(found.folder))
        click.echo(f"{name}: {len(found.steps)} steps, prompts in {languages}: no faults")


def _names() -> list[str]:
    found = (one.name for one in pkgutil.iter_modules(flows.__path__) if one.ispkg)
    return sorted(name for name in found if name not in _NO_FLOWS)


def _load(name: str) -> Flow[Any]:
    if name not in _names():
        raise Fault(f"There is no flow {name}. The flows are: {', '.join(_names())}.")
    try:
        found: Flow[Any] = import_module(f"flows.{name}.flow").flow
    except FlowError as fault:
        raise click.ClickException(str(fault)) from None
    return found
