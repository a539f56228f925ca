"""`paybycall refund list`: what was given back, or is being given back, in a period.

A refund is made by `paybycall payment refund`.
"""

from typing import Any

import click

from ivr.cli import example
from ivr.cli.context import command_context
from ivr.cli.listing import Listing, ListRequest, amount, minute, state, text
from ivr.cli.options import list_options
from ivr.payments.queries import period as listing
from ivr.payments.queries.period import RefundOfPayment
from ivr.platform.database.engine import reading
from ivr.web.api.documents.payments import refund_document

_REFUNDS = Listing(
    "refunds",
    (
        text("ID", "id"),
        minute("CREATED", "created_at"),
        state("STATUS", "status"),
        amount("AMOUNT", "amount_minor"),
        text("PAYMENT", "payment_reference"),
        text("BILL", "bill_reference"),
        text("REQUESTED BY", "asked_by"),
    ),
    (
        *("id", "payment_id", "payment_reference", "bill_reference", "status", "currency", "amount"),
        *("amount_minor", "gateway_reference", "asked_by", "created_at", "updated_at", "settled_at"),
    ),
    sums={"amount_minor": "AMOUNT"},
    sums_by=("currency", "status"),
)


@click.group("refund", epilog=example("refund list"))
def command() -> None:
    """List refunds."""


@command.command(
    "list", epilog=example("refund list", "refund list --since 2026-11-01 --until 2026-11-30 --csv")
)
@list_options("Requested")
def list_refunds(*, asked: ListRequest) -> None:
    """List refunds, newest first.

    A refund is made by `paybycall payment refund`.
    """
    none = "There are no refunds to list. To make one: paybycall payment refund"
    with command_context() as at, reading(at.engine) as tx:
        if asked.has_period:
            found = listing.refunds_of_period(tx, since=asked.since, until=asked.until)
        else:
            found = iter(listing.latest_refunds(tx, asked.fetched))
        _REFUNDS.print_asked(map(_document, found), asked, none=none)


def _document(one: RefundOfPayment) -> dict[str, Any]:
    return {
        **refund_document(one.refund, one.currency),
        "payment_reference": one.payment,
        "bill_reference": one.bill_reference,
    }
