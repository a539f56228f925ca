"""`paybycall dispute list`: payers whose bank wants money back, and until when the merchant may answer.

A dispute is answered in the gateway's dashboard, where its reference finds it.
"""

import click

from ivr.cli import example
from ivr.cli.context import command_context
from ivr.cli.listing import Listing, ListRequest, amount, day, state, text
from ivr.cli.options import list_options
from ivr.finance import disputes
from ivr.platform.database.engine import reading
from ivr.web.api.documents.finance import dispute_document

_DISPUTES = Listing(
    "disputes",
    (
        text("REFERENCE", "reference"),
        state("STATE", "state"),
        amount("AMOUNT", "amount_minor"),
        text("PAYMENT", "payment_reference"),
        text("REASON", "reason"),
        day("OPENED", "opened_at"),
        day("ANSWER BY", "answer_by"),
    ),
    (
        *("reference", "gateway", "state", "currency", "amount", "amount_minor", "reason", "answer_by"),
        *("payment_id", "payment_reference", "bill_reference", "opened_at", "updated_at"),
    ),
    sums={"amount_minor": "AMOUNT"},
    sums_by=("currency", "state"),
)


@click.group("dispute", epilog=example("dispute list"))
def command() -> None:
    """List disputes of payments."""


@command.command("list", epilog=example("dispute list", "dispute list --all --since 2026-11-01 --csv"))
@click.option("--all", "every", is_flag=True, help="Also disputes that are won or lost.")
@list_options("Opened")
def list_disputes(*, every: bool, asked: ListRequest) -> None:
    """List open disputes, the most urgent first."""
    with command_context() as at, reading(at.engine) as tx:
        if asked.has_period:
            found = disputes.opened_within(tx, since=asked.since, until=asked.until, also_decided=every)
        else:
            found = disputes.listed(tx, asked.fetched, also_decided=every)
        _DISPUTES.print_asked(map(dispute_document, found), asked, none="There are no disputes to list.")
