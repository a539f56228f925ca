"""`paybycall bill add|import|list|show`: what is owed, brought in by hand or from a file."""

import json

import click

from ivr.bills import store
from ivr.bills.bill import BillError, not_chargeable
from ivr.bills.fields import LeftOut, read_bill
from ivr.cli import Fault, bill_import, example
from ivr.cli.context import command_context
from ivr.cli.listing import (
    LIMIT_MAX,
    Listing,
    ListRequest,
    amount,
    day,
    minute,
    state,
    text,
)
from ivr.cli.options import decimal_option, json_option, list_options, spelling_of
from ivr.payments.queries import feed as payments
from ivr.platform.database.engine import reading
from ivr.platform.money import plain
from ivr.web.api.documents.bills import bill_document
from ivr.web.api.documents.payments import payment_document

_BILLS = Listing(
    "bills",
    (
        text("REFERENCE", "reference"),
        state("STATUS", "status"),
        amount("BILLED", "amount_minor"),
        amount("PAYABLE", "payable_minor"),
        day("DUE", "due_date"),
        minute("UPDATED", "updated_at"),
    ),
    (
        *("reference", "status", "currency", "amount", "amount_minor", "minimum", "minimum_minor"),
        *("paid", "paid_minor", "paid_elsewhere", "paid_elsewhere_minor", "reserved", "reserved_minor"),
        *("payable", "payable_minor", "due_date", "phone", "source", "created_at", "updated_at"),
    ),
    sums={"amount_minor": "BILLED", "paid_minor": "PAID HERE", "payable_minor": "PAYABLE"},
    sums_by=("currency", "status"),
)


@click.group("bill", epilog=example("bill list"))
def command() -> None:
    """Add, import and list bills."""


@command.command(
    "add",
    epilog=example("bill add --reference 12345678 --amount 49.90 --currency EUR --phone +34600123456"),
)
@click.option("--reference", required=True, help="Eight digits, which the caller keys.")
@click.option("--amount", help="The whole amount of the bill: 49.90 or 49,90.")
@click.option("--amount-minor", help="The same in minor units (cents): 4990.")
@click.option("--currency", required=True, help="ISO 4217 code, such as EUR.")
@click.option("--minimum", help="The least that a caller may pay at once. Default: the whole amount.")
@click.option("--minimum-minor", help="The same in minor units.")
@decimal_option
@click.option("--due", "due_date", help="Due date, YYYY-MM-DD.")
@click.option("--phone", help="The payer's phone number. Calls from it are offered this bill at once.")
def add(*, decimal: str | None, **given: str | None) -> None:
    """Add a bill, or change it.

    Adding the same bill twice changes nothing.
    """
    from ivr.cli.gateway import gateway_limits

    left_out = LeftOut(refuse_two=True)
    with command_context("HOME_COUNTRY") as at:
        try:
            home = at.values["HOME_COUNTRY"]
            new = read_bill(given, home_country=home, spelling=spelling_of(decimal), on_left_out=left_out)
            with at.engine.begin() as tx:
                change = store.upsert(tx, new, "cli", clock=at.clock, ids=at.ids)
        except BillError as fault:
            raise Fault(f"{fault}.") from None
    click.echo(f"Bill {new.reference} {change}: {plain(new.billed_minor, new.currency)}.")
    for warning in (*left_out.told, not_chargeable(new, gateway_limits())):
        if warning is not None:
            click.echo(f"Stored, but {warning}.", err=True)


command.add_command(bill_import.command)


@command.command(
    "list", epilog=example("bill list --payable", "bill list --since 2026-11-01 --until 2026-11-30 --csv")
)
@click.option("--payable", is_flag=True, help="Only bills of which something can be paid now.")
@list_options("Updated")
def list_bills(*, payable: bool, asked: ListRequest) -> None:
    """List bills, most recently updated first."""
    none = "There are no bills to list. To add some: paybycall bill add, or paybycall bill import"
    with command_context() as at, reading(at.engine) as tx:
        if asked.has_period:
            found = store.updated_within(tx, since=asked.since, until=asked.until, only_payable=payable)
        else:
            found = iter(store.latest(tx, asked.fetched, only_payable=payable))
        _BILLS.print_asked(map(bill_document, found), asked, none=none)


@command.command("show", epilog=example("bill show 12345678", "bill show 12345678 --json"))
@click.argument("reference")
@json_option
def show(reference: str, *, as_json: bool) -> None:
    """Show one bill and its payments."""
    from ivr.cli.payment_shown import line

    with command_context() as at, reading(at.engine) as tx:
        bill = store.find(tx, reference)
        if bill is None:
            raise Fault("There is no bill with this reference. To see the bills: paybycall bill list")
        found = payments.latest(tx, LIMIT_MAX, bill_id=bill.id)
    if as_json:
        click.echo(
            json.dumps({**bill_document(bill), "payments": [payment_document(one, None) for one in found]})
        )
        return
    for name, minor in (
        ("billed", bill.billed_minor),
        ("minimum", bill.minimum_minor),
        ("paid", bill.paid_minor),
        ("paid elsewhere", bill.elsewhere_minor),
        ("being paid", bill.reserved_minor),
        ("payable", bill.payable_minor),
    ):
        click.echo(f"{name:<15} {plain(minor, bill.currency):>16}")
    waits = (
        "" if bill.said_elsewhere_minor is None else "  (paid elsewhere: its open pay link is being closed)"
    )
    click.echo(f"{'status':<15} {bill.status:>16}{waits}")
    click.echo(f"{'due':<15} {bill.due_date or '-'!s:>16}")
    click.echo(f"{'phone':<15} {bill.payer_phone or '-':>16}")
    click.echo(f"{'updated by':<15} {bill.source:>16}  {bill.updated_at:%Y-%m-%d %H:%M}Z")
    for payment in found:
        click.echo(f"{'payment':<15} {line(payment, with_bill=False)}")
