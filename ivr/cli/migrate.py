"""`paybycall migrate`: brings every database to this release; the Procfile's release step."""

import os

import click

from ivr.cli.examples import example
from ivr.cli.faults import sentences
from ivr.config import BY_CARRIER
from ivr.database_url import database_url
from ivr.settings import Setting, read_all
from ivr.storage.engine import make_engine

SETTINGS = (
    Setting("DATABASE_URL", "The database of bills, calls and payments.", database_url, has_password=True),
    Setting(
        "PCI_DATABASE_URL",
        "The PCI process's own database, for sealed card entries.",
        database_url,
        has_password=True,
        unless=BY_CARRIER,
    ),
)


@click.command("migrate", epilog=example("migrate"))
@sentences
def command() -> None:
    """Bring the databases to this release's schema."""
    from ivr.pci.migrate import migrate as migrate_pci
    from ivr.storage.migrate import migrate
    from ivr.work.migrate import migrate_work

    values = read_all(SETTINGS, os.environ)
    engine = make_engine(values["DATABASE_URL"])
    try:
        migrate(engine)
        migrate_work(engine)
    finally:
        engine.dispose()
    if values["PCI_DATABASE_URL"]:  # where the carrier takes the cards, there need be none
        migrate_pci(values["PCI_DATABASE_URL"])
    click.echo("The databases stand at this release's schema.")
