"""`paybycall dispute list`: payers whose bank wants money back, and until when the merchant may answer.

May import what a command may. A dispute is answered in the gateway's dashboard; this says where.
"""

import click

from ivr.cli.desk import desk, legible
from ivr.cli.faults import sentences

LIST_MAX = 500


@click.group("dispute")
def command() -> None:
    """List disputes of payments."""


@command.command("list")
@click.option("--all", "every", is_flag=True, help="Also those that were won or lost.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, LIST_MAX))
@sentences
def list_disputes(*, every: bool, limit: int) -> None:
    """List open disputes, the one to be answered first on top."""
    from ivr.finance import disputes
    from ivr.money import plain
    from ivr.storage.engine import reading

    with desk() as at, reading(at.engine) as tx:
        found = disputes.listed(tx, limit, also_decided=every)
    for one in found:
        answer_by = "" if one.answer_by is None else f"  answer by {one.answer_by:%Y-%m-%d}"
        click.echo(
            f"{legible(one.reference)}  {one.state:<4}  {plain(one.amount_minor, one.currency):>16}  "
            f"payment {one.payment or '-'}  {legible(one.reason)}{answer_by}"
        )
    if not found:
        click.echo("There are no such disputes.", err=True)
