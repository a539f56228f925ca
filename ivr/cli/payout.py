"""`paybycall payout list|show|read`: what reached the merchant's account, and for which payments.

May import what a command may. Payouts come by the gateway's webhook and their lines by a job; `read` asks for
the lines of one now, where the gateway was away for too long.
"""

from typing import TYPE_CHECKING

import click

from ivr.cli.desk import desk, legible
from ivr.cli.faults import Fault, sentences
from ivr.config import MONEY

if TYPE_CHECKING:
    from ivr.finance.payout_lines import LineShown

LIST_MAX = 500


@click.group("payout")
def command() -> None:
    """List and show payouts of the gateway; read the lines of one."""


@command.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, LIST_MAX))
@sentences
def list_payouts(*, limit: int) -> None:
    """List payouts, the newest first."""
    import sqlalchemy as sa

    from ivr.money import plain
    from ivr.storage.engine import reading
    from ivr.storage.schema import payout

    with desk() as at, reading(at.engine) as tx:
        found = tx.execute(
            sa.select(payout).order_by(payout.c.arrives.desc(), payout.c.id).limit(limit)
        ).all()
    for one in found:
        read = "" if one.read_at is not None else "  lines not read yet"
        amount = plain(one.amount_minor, one.currency)
        failed = "" if one.failed_at is None else f"  failed: {legible(one.failure_code)}"
        click.echo(f"{one.reference}  {one.arrives:%Y-%m-%d}  {amount:>16}  {one.gateway}{failed}{read}")
    if not found:
        click.echo("There are no payouts: does the gateway post its webhooks here?", err=True)


@command.command("show")
@click.argument("reference")
@sentences
def show(reference: str) -> None:
    """Show one payout line by line.

    `payment` is the reference that the payer was told, `refund` our refund's id. Behind them stand the
    gateway's references of the payment and, in brackets, of the charge, refund or dispute itself.
    """
    import sqlalchemy as sa

    from ivr.finance import payout_lines
    from ivr.money import plain
    from ivr.storage.engine import reading
    from ivr.storage.schema import payout

    with desk() as at, reading(at.engine) as tx:
        kept = tx.execute(sa.select(payout).where(payout.c.reference == reference)).first()
        if kept is None:
            raise Fault("There is no payout of this reference: paybycall payout list")
        lines = payout_lines.lines(tx, kept.id, kept.gateway)
    for line in lines:
        gross, fee, net = (
            plain(minor, line.currency) for minor in (line.gross_minor, line.fee_minor, line.net_minor)
        )
        click.echo(
            f"{line.occurred_at:%Y-%m-%d}  {line.kind:<8}  {gross:>16}  fee {fee:>12}  net {net:>16}  "
            f"payment {line.payment or '-'}  {_gateways_own(line)}"
        )
    net_minor = sum(line.net_minor for line in lines)
    click.echo(f"{len(lines)} lines, net {plain(net_minor, kept.currency)}")
    if kept.failed_at is not None:
        click.echo(
            f"It failed ({legible(kept.failure_code)}), as the gateway told on {kept.failed_at:%Y-%m-%d}: "
            "the money is with the gateway again. See to the bank account in its dashboard.",
            err=True,
        )
    if kept.read_at is None:
        click.echo(f"Its lines are not read yet: paybycall payout read {legible(reference)}", err=True)
    elif net_minor != kept.amount_minor:
        click.echo(f"The payout is {plain(kept.amount_minor, kept.currency)}: they differ.", err=True)


def _gateways_own(line: "LineShown") -> str:
    """Our refund, and what to look for in the dashboard."""
    refund = "" if line.refund_id is None else f"refund {line.refund_id}  "
    source = "" if line.source_reference is None else f" ({legible(line.source_reference)})"
    return f"{refund}{legible(line.charge_reference)}{source}"


@command.command("read")
@click.argument("reference")
@sentences
def read(reference: str) -> None:
    """Ask the gateway for the lines of a payout; the worker keeps them."""
    import sqlalchemy as sa

    from ivr.storage.schema import payout
    from ivr.work.enqueue import DurableWork
    from ivr.work.jobs import READ_PAYOUT
    from ivr.work.migrate import NotMigratedError, require_migrated

    with desk(*(setting.name for setting in MONEY)) as at:
        try:
            require_migrated(at.engine)
        except NotMigratedError as fault:
            raise Fault(str(fault)) from None
        work = DurableWork(at.engine)
        with at.engine.begin() as tx:
            kept = tx.execute(sa.select(payout).where(payout.c.reference == reference)).first()
            if kept is None:
                raise Fault("There is no payout of this reference: paybycall payout list")
            if kept.read_at is not None:
                raise Fault(f"Its lines are here: paybycall payout show {legible(reference)}")
            work.enqueue(tx, READ_PAYOUT, kept.id, nth=int(at.clock.now().timestamp()))
    click.echo("The worker asks for its lines.")
