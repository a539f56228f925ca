"""`paybycall dispute list`: payers whose bank wants money back, and until when the merchant may answer.

A dispute is answered in the gateway's dashboard, where its reference finds it.
"""

import click

from ivr.cli.context import command_context
from ivr.cli.examples import example
from ivr.cli.faults import sentences
from ivr.cli.listing import Layout, Listing, amount, day, layouts, limit_option, state, text
from ivr.cli.periods import Period, period

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
@period("Opened")
@limit_option
@layouts
@sentences
def list_disputes(*, every: bool, when: Period, limit: int, layout: Layout) -> None:
    """List open disputes, the most urgent first."""
    from ivr.finance import disputes
    from ivr.platform.database.engine import reading
    from ivr.web.api.documents.disputes import dispute_document

    none = "There are no disputes to list."
    with command_context() as at, reading(at.engine) as tx:
        if when.is_given:
            found = disputes.opened_within(tx, since=when.since, until=when.until, also_decided=every)
            _DISPUTES.print(map(dispute_document, found), layout, none=none)
            return
        found = disputes.listed(tx, limit + 1, also_decided=every)
    _DISPUTES.print_first(map(dispute_document, found), limit, layout, none=none)
