"""The tree of the commands, for tests that hold something of each."""

from collections.abc import Iterator

import click

from ivr.cli import main

Named = tuple[tuple[str, ...], click.Command]


def every_command(command: click.Command = main, names: tuple[str, ...] = ()) -> Iterator[Named]:
    """Every command and group, with the words behind `paybycall`; the root has none."""
    yield names, command
    if not isinstance(command, click.Group):
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from every_command(found, (*names, name))
