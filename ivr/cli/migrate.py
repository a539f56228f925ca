"""`paybycall migrate`: brings every database to this release; the Procfile's release step."""

import os
from collections.abc import Callable, Sequence

import click
import sqlalchemy as sa

from ivr.cli import boot, example
from ivr.cli.config import every_setting
from ivr.platform.settings.reading import read_all


@click.command("migrate", epilog=example("migrate"))
def command() -> None:
    """Bring the databases to this release's schema."""
    from alembic.util.exc import CommandError

    from ivr.jobs.store import migrate_work
    from ivr.pci.migrations import migrate_engine as migrate_pci
    from ivr.platform.database.migrations import migrate

    names = {boot.WEB_DATABASE.setting, boot.PCI_DATABASE.setting}
    values = read_all([one.setting for one in every_setting() if one.setting.name in names], os.environ)
    boot.refuse_one_for_both(os.environ)
    databases: list[tuple[boot.ProcessDatabase, str, Sequence[Callable[[sa.Engine], None]]]] = [
        (boot.WEB_DATABASE, values["DATABASE_URL"], (migrate, migrate_work))
    ]
    if values["PCI_DATABASE_URL"]:  # where the carrier takes the cards, there need be none
        databases.append((boot.PCI_DATABASE, values["PCI_DATABASE_URL"], (migrate_pci,)))
    for kept, url, _ in databases:  # one is not changed while the other cannot be
        with boot.opened(kept, url):
            pass
    later: list[str] = []
    for kept, url, steps in databases:
        try:
            with boot.opened(kept, url) as engine:
                for step in steps:
                    step(engine)
        except CommandError:  # after a roll-back, where a supervisor runs this before the processes start
            later.append(kept.setting)
            click.echo(
                f"The database in {kept.setting} has the schema of a later release and was not changed. The "
                f"release just before that one works with it; an earlier one needs a backup from before."
            )
    if not later:
        click.echo("The databases have this release's schema.")
