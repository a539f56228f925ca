"""`paybycall apikey create|list|revoke`: keys for the merchant's programs."""

import click

from ivr.cli import Fault, example
from ivr.cli.context import command_context, legible
from ivr.cli.listing import Layout, Listing, day, minute, state, text
from ivr.cli.options import layouts
from ivr.platform.clock import rfc3339
from ivr.platform.database.engine import reading
from ivr.web.api import keys

_KEYS = Listing(
    "apikeys",
    (
        text("ID", "id"),
        day("CREATED", "created_at"),
        state("STATUS", "status"),
        minute("REVOKED", "revoked_at"),
        text("NAME", "name"),
    ),
    ("id", "name", "status", "created_at", "revoked_at"),
)


@click.group("apikey", epilog=example("apikey list"))
def command() -> None:
    """Create, list and revoke API keys."""


@command.command("create", epilog=example('apikey create "billing system"'))
@click.argument("name")
def create(name: str) -> None:
    """Create a key. NAME says who uses it.

    The key is printed once and cannot be shown again.
    """
    with command_context() as at:
        try:
            with at.engine.begin() as tx:
                made, secret = keys.make(tx, name, clock=at.clock, ids=at.ids)
        except keys.BadNameError as fault:
            raise Fault(str(fault)) from None
    click.echo(f"Key {made.id} created. Copy the key now: it is not shown again.", err=True)
    click.echo(secret.reveal())


@command.command("list", epilog=example("apikey list", "apikey list --json"))
@layouts
def list_keys(*, layout: Layout) -> None:
    """List all keys, without their secrets."""
    with command_context() as at, reading(at.engine) as tx:
        found = keys.every(tx)
    rows = (
        {
            "id": key.id,
            "name": key.name,
            "status": "active" if key.revoked_at is None else "revoked",
            "created_at": rfc3339(key.created_at),
            "revoked_at": None if key.revoked_at is None else rfc3339(key.revoked_at),
        }
        for key in found
    )
    _KEYS.print(rows, layout, none="There are no keys yet. Create one: paybycall apikey create NAME")


@command.command("revoke", epilog=example("apikey revoke key_0123456789"))
@click.argument("key_id", metavar="ID")
def revoke(key_id: str) -> None:
    """Revoke a key. It is refused from now on."""
    with command_context() as at, at.engine.begin() as tx:
        key = keys.revoke(tx, key_id, clock=at.clock)
    if key is None:
        raise Fault("There is no key with this ID. To see all keys: paybycall apikey list")
    click.echo(f"Key {key.id} ({legible(key.name)}) is revoked.")
