"""`paybycall migrate`: brings every database to this release; the Procfile's release step."""

import os

import click

from ivr import settings
from ivr.cli.examples import example
from ivr.cli.faults import sentences
from ivr.config import BY_CARRIER
from ivr.settings import Setting, read_all
from ivr.storage.engine import make_engine

SETTINGS = (
    Setting("DATABASE_URL", "Where bills, calls and payments are kept.", settings.text),
    Setting(
        "PCI_DATABASE_URL",
        "Where the PCI process keeps sealed card entries.",
        settings.text,
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
