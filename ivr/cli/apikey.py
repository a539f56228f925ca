"""`paybycall apikey create|list|revoke`: keys for the merchant's programs."""

import click

from ivr.cli.desk import desk, legible
from ivr.cli.faults import Fault, sentences


@click.group("apikey")
def command() -> None:
    """Make, list and revoke keys of the API."""


@command.command("create")
@click.argument("name")
@sentences
def create(name: str) -> None:
    """Make a key; NAME says whose it is. The key is shown this once and never again."""
    from ivr.api import keys

    with desk() as at:
        try:
            with at.engine.begin() as tx:
                made, secret = keys.make(tx, name, clock=at.clock, ids=at.ids)
        except keys.BadNameError as fault:
            raise Fault(str(fault)) from None
    click.echo(f"{made.id} is made. This is the key; it is not shown again:", err=True)
    click.echo(secret.reveal())


@command.command("list")
@sentences
def list_keys() -> None:
    """List all keys, without their secrets."""
    from ivr.api import keys
    from ivr.storage.engine import reading

    with desk() as at, reading(at.engine) as tx:
        found = keys.every(tx)
    for key in found:
        until = "stands" if key.revoked_at is None else f"revoked {key.revoked_at:%Y-%m-%d %H:%M}Z"
        click.echo(f"{key.id}  {key.created_at:%Y-%m-%d}  {until}  {legible(key.name)}")
    if not found:
        click.echo("There are no keys: paybycall apikey create NAME", err=True)


@command.command("revoke")
@click.argument("key_id", metavar="ID")
@sentences
def revoke(key_id: str) -> None:
    """Refuse a key from now on."""
    from ivr.api import keys

    with desk() as at, at.engine.begin() as tx:
        key = keys.revoke(tx, key_id, clock=at.clock)
    if key is None:
        raise Fault("There is no key of this id: paybycall apikey list")
    click.echo(f"{key.id} ({legible(key.name)}) is revoked.")
