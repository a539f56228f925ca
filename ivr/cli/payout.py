"""`paybycall payout list|show|read`: what reached the merchant's account, and for which payments.

Payouts come by the gateway's webhook and their lines by a job; `read` asks for the lines of one now, where
the gateway was away for too long.
"""

import click
import sqlalchemy as sa

from ivr.cli import Fault, example
from ivr.cli.context import command_context, legible
from ivr.cli.listing import Column, Layout, Listing, ListRequest, amount, day, state, text
from ivr.cli.options import layouts, list_options
from ivr.finance import payout_queries as payouts_read
from ivr.finance.payout_queries import LineShown, PayoutShown, SeveralPayoutsError
from ivr.finance.payout_queries import show as find
from ivr.platform.database.engine import reading
from ivr.platform.money import plain
from ivr.web.api.documents.finance import payout_document, payout_line_document

_PAYOUTS = Listing(
    "payouts",
    (
        text("REFERENCE", "reference"),
        day("ARRIVES", "arrives_on"),
        amount("AMOUNT", "amount_minor"),
        text("GATEWAY", "gateway"),
        state("STATE", "state"),
        text("FAILURE", "failure_code"),
        Column("LINES", lambda row: "read" if row["has_lines"] else "not read yet"),
    ),
    (
        *("id", "reference", "gateway", "state", "currency", "amount", "amount_minor", "arrives_on"),
        *("failure_code", "has_lines", "created_at", "updated_at"),
    ),
    sums={"amount_minor": "AMOUNT"},
    sums_by=("currency", "state"),
)
_LINES = Listing(
    "lines",
    (
        day("DATE", "occurred_at"),
        text("KIND", "kind"),
        amount("GROSS", "gross_minor"),
        amount("FEE", "fee_minor"),
        amount("NET", "net_minor"),
        text("PAYMENT", "payment_reference"),
        text("REFUND", "refund_id"),
        text("CHARGE AT GATEWAY", "charge_reference"),
        text("ITEM AT GATEWAY", "source_reference"),
    ),
    (
        *("occurred_at", "kind", "currency", "gross", "gross_minor", "fee", "fee_minor", "net", "net_minor"),
        *("payment_reference", "refund_id", "charge_reference", "source_reference"),
    ),
    sums={"gross_minor": "GROSS", "fee_minor": "FEE", "net_minor": "NET"},
    sums_by=("currency", "kind"),
)
_NO_PAYOUT = "There is no payout with this ID or reference. To see the payouts: paybycall payout list"


@click.group("payout", epilog=example("payout list"))
def command() -> None:
    """List payouts of the gateway, and show their lines."""


@command.command(
    "list", epilog=example("payout list", "payout list --since 2026-11-01 --until 2026-11-30 --csv")
)
@list_options("Arriving")
def list_payouts(*, asked: ListRequest) -> None:
    """List payouts, newest first."""
    none = "There are no payouts. Does the gateway send its webhooks to this server?"
    with command_context() as at, reading(at.engine) as tx:
        if asked.has_period:
            found = payouts_read.arriving(tx, since=asked.since, until=asked.until)
        else:
            found = payouts_read.latest(tx, asked.fetched)
        _PAYOUTS.print_asked(map(payout_document, found), asked, none=none)


@command.command("show", epilog=example("payout show po_0123456789", "payout show po_0123456789 --csv"))
@click.argument("reference")
@layouts
def show(reference: str, *, layout: Layout) -> None:
    """Show one payout line by line.

    PAYMENT is the reference that the payer was told, REFUND our refund's ID. The last two columns are the
    gateway's references: of the payment's charge, and of the charge, refund or dispute that the line is for.
    """
    with command_context() as at, reading(at.engine) as tx:
        kept, lines = _find(tx, reference)
    facts = {"payout": payout_document(kept)}
    _LINES.print(map(payout_line_document, lines), layout, none="This payout has no lines yet.", facts=facts)
    net_minor = sum(line.net_minor for line in lines)
    if kept.failed_at is not None:
        click.echo(
            f"This payout failed ({legible(kept.failure_code)}), as the gateway reported on "
            f"{kept.failed_at:%Y-%m-%d}: the gateway has the money again. Check the bank account in its "
            "dashboard.",
            err=True,
        )
    if kept.read_at is None:
        click.echo(
            f"Its lines are not read yet. To read them: paybycall payout read {legible(reference)}", err=True
        )
    elif net_minor != kept.amount_minor:
        click.echo(
            f"The lines add up to {plain(net_minor, kept.currency)}, but the payout is "
            f"{plain(kept.amount_minor, kept.currency)}.",
            err=True,
        )


def _find(tx: sa.Connection, name: str) -> tuple[PayoutShown, list[LineShown]]:
    try:
        found = find(tx, name)
    except SeveralPayoutsError:
        raise Fault(
            "Payouts of several gateways have this reference. Give the ID of one: paybycall payout list --csv"
        ) from None
    if found is None:
        raise Fault(_NO_PAYOUT)
    return found


@command.command("read", epilog=example("payout read po_0123456789"))
@click.argument("reference")
def read(reference: str) -> None:
    """Have the worker read a payout's lines from the gateway."""
    from ivr.jobs.enqueue import DurableWork
    from ivr.jobs.job_list import READ_PAYOUT
    from ivr.jobs.store import NotMigratedError, require_migrated

    with command_context() as at:
        try:
            require_migrated(at.engine)
        except NotMigratedError as fault:
            raise Fault(str(fault)) from None
        work = DurableWork(at.engine)
        with at.engine.begin() as tx:
            kept, _ = _find(tx, reference)
            if kept.read_at is not None:
                raise Fault(f"Its lines are read already: paybycall payout show {legible(reference)}")
            work.enqueue(tx, READ_PAYOUT, kept.id, nth=int(at.clock.now().timestamp()))
    click.echo("The worker will read its lines in a moment: paybycall payout show shows them then.")
