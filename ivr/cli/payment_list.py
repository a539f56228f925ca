"""`paybycall payment list`: payments of a period, of a bill or of a state, with their totals."""

from collections.abc import Iterable, Iterator

import click

from ivr.bills import store as bills
from ivr.cli import Fault, example
from ivr.cli.context import CommandContext, command_context
from ivr.cli.listing import (
    Column,
    Listing,
    ListRequest,
    amount,
    minute,
    state,
    text,
)
from ivr.cli.options import list_options
from ivr.payments.attempts.states import State, UnknownStateError, states_of
from ivr.payments.queries import feed, period
from ivr.payments.queries.feed import Payment
from ivr.payments.queries.period import By
from ivr.platform.database.engine import reading
from ivr.web.api.documents.payments import PaymentDocument, payment_document

PAYMENTS = Listing(
    "payments",
    (
        text("REFERENCE", "reference"),
        minute("CREATED", "created_at"),
        state("STATE", "state"),
        amount("AMOUNT", "amount_minor"),
        amount("REFUNDED", "refunded_minor"),
        text("BILL", "bill_reference"),
        Column("PAID BY", lambda row: f"{row['brand'] or row['method']} {row['last_four'] or '----'}"),
    ),
    (
        *("id", "reference", "state", "internal_state", "method", "currency", "amount", "amount_minor"),
        *("refunded", "refunded_minor", "bill_reference", "call_id", "gateway", "gateway_reference"),
        *("gateway_url", "authorisation_code", "brand", "last_four", "decline", "created_at", "settled_at"),
        *("updated_at", "link.opened_at", "link.expires_at"),
    ),
    sums={"amount_minor": "AMOUNT", "refunded_minor": "REFUNDED"},
    sums_by=("currency", "state"),
)
_NO_BILL = "There is no bill with this reference. To see the bills: paybycall bill list"
_OLD_SINCE = (
    "--since alone lists by when a payment last changed. From the next release on it lists by when a payment "
    "was created. Add --by changed or --by created to choose."
)


def _states(_ctx: click.Context, _param: click.Parameter, words: tuple[str, ...]) -> frozenset[State]:
    try:
        found = frozenset[State]().union(*map(states_of, words))
    except UnknownStateError as fault:
        raise click.BadParameter(str(fault)) from None
    return found or frozenset(State)


@click.command(
    "list",
    epilog=example(
        "payment list --since 2026-11-01 --until 2026-11-30 --by settled --csv > november.csv",
        "payment list --state needs_review --state unknown",
    ),
)
@list_options(
    "Created (or see --by)",
    click.option(
        "--by",
        type=click.Choice(["created", "settled", "changed"]),
        help="What --since and --until go by: when the payment was created, when it was settled (charged, "
        "declined or ended), or when it last changed (also by a refund). Default: created. Until the next "
        "release --since alone still goes by changed.",
    ),
    click.option(
        "--state",
        "states",
        metavar="STATE",
        multiple=True,
        callback=_states,
        help="Only payments in this state: pending, approved, declined, not_charged, unknown or "
        "needs_review. Can be repeated.",
    ),
    click.option("--bill", metavar="REFERENCE", help="Only payments of this bill."),
)
def command(
    *,
    asked: ListRequest,
    by: str | None,
    states: frozenset[State],
    bill: str | None,
) -> None:
    """List payments, newest first."""
    from ivr.cli.gateway import GATEWAY_SETTINGS

    if by is not None and not asked.has_period:
        raise click.UsageError("--by needs --since or --until.")
    with command_context(*GATEWAY_SETTINGS) as at, reading(at.engine) as tx:
        billed = None if bill is None else bills.find(tx, bill)
        if bill is not None and billed is None:
            raise Fault(_NO_BILL)
        bill_id = None if billed is None else billed.id
        if asked.has_period:
            moment = _moment_of(by, asked)
            found = period.of_period(
                tx, by=moment, since=asked.since, until=asked.until, states=states, bill_id=bill_id
            )
        else:
            found = iter(feed.latest(tx, asked.fetched, states=states, bill_id=bill_id))
        PAYMENTS.print_asked(payment_documents(at, found), asked, none="There are no payments to list.")


def _moment_of(by: str | None, asked: ListRequest) -> By:
    if by is None and asked.until is None:
        click.echo(_OLD_SINCE, err=True)
        return By.CHANGED
    return By(by or By.CREATED)


def payment_documents(at: CommandContext, payments: Iterable[Payment]) -> Iterator[PaymentDocument]:
    """Each payment as the API gives it."""
    from ivr.cli.gateway import dashboard_url

    return (payment_document(one, dashboard_url(at, one)) for one in payments)
