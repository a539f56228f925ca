"""`paybycall bill add|import|list|show`: what is owed, brought in by hand or from a file."""

import click

from ivr.cli import amount_options, bill_import
from ivr.cli.desk import desk
from ivr.cli.faults import Fault, sentences

LIST_MAX = 500


@click.group("bill")
def command() -> None:
    """Add, import and look at bills."""


@command.command("add")
@click.option("--reference", required=True, help="Eight digits: the caller keys them.")
@click.option("--amount", help="What was billed in all: 49.90 or 49,90.")
@click.option("--amount-minor", help="The same in minor units: 4990.")
@click.option("--currency", required=True, help="ISO 4217, such as EUR.")
@click.option("--minimum", help="The least that may be paid at once; left out: the whole amount.")
@click.option("--minimum-minor", help="The same in minor units.")
@amount_options.decimal
@click.option("--due", "due_date", help="The day by which it is due, YYYY-MM-DD.")
@click.option("--phone", help="The payer's number; a caller from it is offered the bill at once.")
@sentences
def add(*, decimal: str | None, **given: str | None) -> None:
    """Add a bill, or change it. The same bill again changes nothing."""
    from ivr.bills import store
    from ivr.bills.bill import BillError
    from ivr.bills.fields import LeftOut, read_bill
    from ivr.bills.limits import not_chargeable
    from ivr.cli.gateway_limits import gateway_limits
    from ivr.money import plain

    spelling = amount_options.spelling_of(decimal)
    left_out = LeftOut(refuse_two=True)
    with desk("HOME_COUNTRY") as at:
        try:
            home = at.values["HOME_COUNTRY"]
            new = read_bill(given, home_country=home, spelling=spelling, on_left_out=left_out)
            with at.engine.begin() as tx:
                change = store.upsert(tx, new, "cli", clock=at.clock, ids=at.ids)
        except BillError as fault:
            raise Fault(f"{fault}.") from None
    click.echo(f"Bill {new.reference} is {change}: {plain(new.billed_minor, new.currency)}.")
    for warning in (*left_out.told, not_chargeable(new, gateway_limits())):
        if warning is not None:
            click.echo(f"But {warning}.", err=True)


command.add_command(bill_import.command)


@command.command("list")
@click.option("--payable", is_flag=True, help="Only those of which something can be paid now.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, LIST_MAX))
@sentences
def list_bills(*, payable: bool, limit: int) -> None:
    """List bills, those described last first."""
    from ivr.bills import store
    from ivr.money import plain
    from ivr.storage.engine import reading

    with desk() as at, reading(at.engine) as tx:
        found = store.latest(tx, limit, only_payable=payable)
    for bill in found:
        billed, left = plain(bill.billed_minor, bill.currency), plain(bill.payable_minor, bill.currency)
        due = "" if bill.due_date is None else f"  due {bill.due_date}"
        click.echo(f"{bill.reference}  {bill.status:<9}  {billed:>16}  payable {left:>16}{due}")
    if not found:
        click.echo("There are no such bills: paybycall bill add, or paybycall bill import", err=True)


@command.command("show")
@click.argument("reference")
@sentences
def show(reference: str) -> None:
    """Show one bill, and its payments."""
    from ivr.bills import store
    from ivr.cli.payment_shown import line
    from ivr.money import plain
    from ivr.payments import reading as payments
    from ivr.storage.engine import reading

    with desk() as at, reading(at.engine) as tx:
        bill = store.find(tx, reference)
        if bill is None:
            raise Fault("There is no bill under this reference: paybycall bill list")
        found = payments.latest(tx, LIST_MAX, bill_id=bill.id)
    for name, minor in (
        ("billed", bill.billed_minor),
        ("minimum", bill.minimum_minor),
        ("paid", bill.paid_minor),
        ("paid elsewhere", bill.elsewhere_minor),
        ("being paid", bill.reserved_minor),
        ("payable", bill.payable_minor),
    ):
        click.echo(f"{name:<15} {plain(minor, bill.currency):>16}")
    waits = "" if bill.said_elsewhere_minor is None else "  by its source's word; its open link closes first"
    click.echo(f"{'status':<15} {bill.status:>16}{waits}")
    click.echo(f"{'due':<15} {bill.due_date or '-'!s:>16}")
    click.echo(f"{'phone':<15} {bill.payer_phone or '-':>16}")
    click.echo(f"{'described by':<15} {bill.source:>16}  {bill.updated_at:%Y-%m-%d %H:%M}Z")
    for payment in found:
        click.echo(f"{'payment':<15} {line(payment, with_bill=False)}")
