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
    import sqlalchemy as sa

    from gateways.notices import DisputeState
    from ivr.money import plain
    from ivr.storage.engine import reading
    from ivr.storage.schema import attempt, dispute

    wanted = sa.true() if every else dispute.c.state == DisputeState.OPEN
    with desk() as at, reading(at.engine) as tx:
        found = tx.execute(
            sa.select(dispute, attempt.c.reference.label("payment"))
            .join(attempt, attempt.c.id == dispute.c.attempt_id, isouter=True)
            .where(wanted)
            .order_by(sa.nulls_last(dispute.c.answer_by), dispute.c.opened_at)
            .limit(limit)
        ).all()
    for one in found:
        answer_by = "" if one.answer_by is None else f"  answer by {one.answer_by:%Y-%m-%d}"
        click.echo(
            f"{legible(one.reference)}  {one.state:<4}  {plain(one.amount_minor, one.currency):>16}  "
            f"payment {one.payment or '-'}  {legible(one.reason)}{answer_by}"
        )
    if not found:
        click.echo("There are no such disputes.", err=True)
