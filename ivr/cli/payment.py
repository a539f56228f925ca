"""`paybycall payment list|show|refund|decide`: what was paid, given back, and what a person has to decide."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from ivr.cli import amount_options
from ivr.cli.confirm import confirm, yes_option
from ivr.cli.desk import Desk, desk, legible, who
from ivr.cli.faults import Fault, sentences
from ivr.cli.refunding import Refunding
from ivr.config import DEFENCES, MONEY

if TYPE_CHECKING:
    from ivr.payments.cashier import Cashier
    from ivr.payments.reading import Payment

LIST_MAX = 500
_WORDING = ("MERCHANT_NAME", "BILL_NOUN", "HOME_COUNTRY")
TILL = (*(setting.name for setting in (*MONEY, *DEFENCES)), *_WORDING, "CHANNEL", "OUTCOME_URL")

_NO_REFERENCE = (
    "Nobody knows the gateway's reference of this charge. So it cannot be refunded here, only in the "
    "gateway's dashboard, and its disputes and payouts are not found by it."
)
_OF_GATEWAYS = tuple(setting.name for setting in MONEY if setting.name != "GATEWAY")


@click.group("payment")
def command() -> None:
    """List, show and refund payments; decide unresolved ones."""


def _moment(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        given = datetime.fromisoformat(value)
        return (given if given.tzinfo else given.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter("write it like 2026-11-22 or 2026-11-22T10:00:00Z") from None


@command.command("list")
@click.option(
    "--since", callback=_moment, help="What changed from then on, the earliest first; a day, or a moment."
)
@click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1, LIST_MAX), help="Without --since."
)
@click.option("--bill", metavar="REFERENCE", help="Only those of this bill.")
@sentences
def list_payments(*, since: datetime | None, limit: int, bill: str | None) -> None:
    """List payments, the newest first."""
    from ivr.bills import store as bills
    from ivr.cli.payment_shown import line
    from ivr.payments import reading as payments
    from ivr.storage.engine import reading

    with desk() as at:
        with reading(at.engine) as tx:
            billed = None if bill is None else bills.find(tx, bill)
            if bill is not None and billed is None:
                raise Fault("There is no bill under this reference: paybycall bill list")
            if since is None:
                bill_id = None if billed is None else billed.id
                found: Iterator[Payment] = iter(payments.latest(tx, limit, bill_id=bill_id))
        if since is not None:
            found = (one for one in _since(at, since) if billed is None or one.bill_id == billed.id)
        count = 0
        for count, payment in enumerate(found, start=1):  # noqa: B007 - counted for the sentence below
            click.echo(line(payment))
    if not count:
        click.echo("There are no such payments.", err=True)


def _since(at: Desk, moment: datetime) -> "Iterator[Payment]":
    """Each payment once, page by page."""
    from ivr.payments import reading as payments
    from ivr.storage.engine import reading

    seen: set[str] = set()
    with reading(at.engine) as tx:
        cursor = payments.cursor_at(tx, moment)
    while True:
        with reading(at.engine) as tx:
            page = payments.payments_since(tx, cursor, LIST_MAX, now=at.clock.now())
        yield from (one for one in page.payments if one.id not in seen)
        seen.update(one.id for one in page.payments)
        if len(page.payments) < LIST_MAX or page.cursor == cursor:
            return
        cursor = page.cursor


@command.command("show")
@click.argument("what", metavar="WHAT")
@sentences
def show(what: str) -> None:
    """Show one payment, by any of its names.

    WHAT is the payment's id, the eight digits that the payer was told, a refund's id, a reference of the
    gateway's (of a charge, a refund, a payment page or a dispute; of Stripe also ch_..., once its payout was
    read), a call (call_... or the carrier's CA...), or a bill's reference. Where several payments fit they
    are listed.
    """
    from ivr.cli import payment_shown
    from ivr.payments import finding
    from ivr.storage.engine import reading

    with desk(*_OF_GATEWAYS) as at:
        with reading(at.engine) as tx:
            found = finding.find(tx, what)
        if found is None:
            raise Fault(_nothing_of(what))
        if not found.payments:
            raise Fault(f"There is no payment of this {found.of} yet.")
        if len(found.payments) > 1:
            for payment in found.payments:
                click.echo(payment_shown.line(payment))
            click.echo(
                f"{len(found.payments)} payments of this {found.of}: paybycall payment show REFERENCE "
                "(the first column) shows one.",
                err=True,
            )
            return
        payment_shown.tell(at, found.payments[0], _dashboard_url(at, found.payments[0]))
    if found.also_a_bill:
        click.echo(
            f"A bill has these eight digits too: paybycall payment list --bill {legible(what)}", err=True
        )


def _nothing_of(what: str) -> str:
    said = "There is no payment of this id or reference: paybycall payment list"
    if what.startswith(("ch_", "py_")):
        said += ". A charge of Stripe's is known by this name once its payout was read: take its pi_..."
    return said


def _key(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    from ivr.payments.refund import KEY

    if value is not None and not KEY.fullmatch(value):
        raise click.BadParameter("1 to 80 visible ASCII characters")
    return value


@command.command("refund")
@click.argument("payment_id", metavar="ID_OR_REFERENCE")
@click.option("--amount", help="A part: 10.00 or 10,00; left out: all that is left.")
@click.option("--amount-minor", help="The same in minor units: 1000.")
@amount_options.decimal
@click.option(
    "--idempotency-key",
    callback=_key,
    metavar="KEY",
    help="A name of your own for this refund: however often it is asked for under it, it is given back once.",
)
@yes_option
@sentences
def refund(
    payment_id: str, *, decimal: str | None, idempotency_key: str | None, yes: bool, **amount: str | None
) -> None:
    """Give back a payment, or a part of it.

    You are asked before money moves, and told what was refunded already. The worker sends it; `payment show`
    says how it went. A second refund of the same amount needs your answer at a terminal, or a key of its own.
    """
    from gateways.contract import UnsupportedError
    from ivr.payments.refund import KeyReusedError, RefundRefusedError

    with desk(*TILL) as at:
        payment = _find(at, payment_id)
        cashier = cashier_at(at)
        try:
            minor = amount_options.amount_of(amount, payment.currency, decimal)
            said = Refunding(at, cashier, payment, minor, idempotency_key).run(yes=yes)
        except (RefundRefusedError, KeyReusedError, UnsupportedError) as fault:
            raise Fault(str(fault)) from None
    click.echo(said)


@command.command("decide")
@click.argument("subject_id", metavar="ID_OR_REFERENCE")
@click.option("--charged", is_flag=True, help="The gateway's dashboard shows the charge.")
@click.option("--not-charged", is_flag=True, help="The dashboard shows none, or a cancelled one.")
@click.option(
    "--gateway-reference",
    help="With --charged: the charge's id in the dashboard. The gateway is asked whether it is right.",
)
@click.option(
    "--unchecked",
    is_flag=True,
    help="With --charged: your word also where the gateway cannot say whose the reference is, or says that "
    "it took nothing.",
)
@yes_option
@sentences
def decide(
    subject_id: str,
    *,
    charged: bool,
    not_charged: bool,
    gateway_reference: str | None,
    unchecked: bool,
    yes: bool,
) -> None:
    """Say what became of an unresolved payment.

    It is one that nobody could resolve for a day. You are asked before the books are changed. With --charged
    the gateway is asked once more: a reference that is another payment's is refused, one that was left out is
    looked for. Of a refund (its id begins with refund_) --charged means that the money was given back.
    """
    from ivr.payments.decide import NothingToDecideError, Word
    from ivr.payments.named_charge import Named

    if charged == not_charged:
        raise click.UsageError("Give --charged or --not-charged, one of the two.")
    with desk(*TILL) as at:
        cashier = cashier_at(at)
        if subject_id.startswith("refund_"):
            state = _decide_refund(at, cashier, subject_id, given_back=charged, yes=yes)
        else:
            word = Word.APPROVED if charged else Word.NOT_CHARGED
            payment = _find(at, subject_id)
            try:
                charge = Named(None, is_proven=False)
                if charged:
                    charge = cashier.charge_of(payment.id, gateway_reference, unchecked=unchecked)
                confirm(_decision(payment, charge.reference, charged=charged), yes=yes)
                with at.engine.begin() as tx:
                    decided = cashier.decide(
                        tx,
                        payment.id,
                        word,
                        who=who(),
                        gateway_reference=charge.reference,
                        is_proven=charge.is_proven,
                    )
            except NothingToDecideError as fault:
                raise Fault(str(fault)) from None
            state = decided.state
            if charged and decided.gateway_reference is None:
                click.echo(_NO_REFERENCE, err=True)
    click.echo(f"{subject_id} is {state} now.")


def _decision(payment: "Payment", reference: str | None, *, charged: bool) -> str:
    from ivr.cli.payment_shown import line

    what = f"as charged ({legible(reference)})" if charged else "as not charged"
    return f"{line(payment)}\nEnter it {what}? This cannot be taken back."


def _decide_refund(at: Desk, cashier: "Cashier", refund_id: str, *, given_back: bool, yes: bool) -> str:
    from ivr.money import plain
    from ivr.payments import records
    from ivr.payments.records import NoSuchAttemptError, RefundState
    from ivr.storage.engine import reading

    try:
        with reading(at.engine) as tx:
            found = records.get_refund(tx, refund_id)
        if found.state is RefundState.FOR_A_PERSON:
            what = "as given back" if given_back else "as not given back"
            amount = plain(found.amount_minor, found.currency)
            confirm(f"Enter refund {refund_id} of {amount} {what}? This cannot be taken back.", yes=yes)
        with at.engine.begin() as tx:
            return cashier.decide_refund(tx, refund_id, refunded=given_back, who=who()).state
    except NoSuchAttemptError:
        raise Fault("There is no refund of this id: paybycall payment show") from None
    except ValueError as fault:
        raise Fault(f"{fault}.") from None


def _dashboard_url(at: Desk, payment: "Payment") -> str | None:
    """Its page in the dashboard of the gateway that charged it."""
    from gateways import registry

    if payment.gateway_reference is None or payment.gateway not in registry.names():
        return None
    return registry.adapter(payment.gateway, at.values).dashboard_url(payment.gateway_reference)


def _find(at: Desk, payment_id: str) -> "Payment":
    from ivr.payments.reading import show as find
    from ivr.storage.engine import reading

    with reading(at.engine) as tx:
        payment = find(tx, payment_id)
    if payment is None:
        raise Fault("There is no payment of this id or reference: paybycall payment list")
    return payment


def cashier_at(at: Desk) -> "Cashier":
    """The cashier of this installation's gateway, with durable work behind it."""
    from gateways import registry
    from ivr.config_faults import wording_of
    from ivr.consequences import HouseConsequences
    from ivr.defences.caps import Caps
    from ivr.defences.guard import Guard
    from ivr.payments.cashier import Cashier
    from ivr.work.enqueue import DurableWork
    from ivr.work.migrate import NotMigratedError, require_migrated

    try:
        require_migrated(at.engine)
        gateway = registry.adapter(at.values["GATEWAY"], at.values)
    except (NotMigratedError, registry.UnknownGatewayError) as fault:
        raise Fault(str(fault)) from None
    work = DurableWork(at.engine)
    wording = wording_of(at.values)
    consequences = HouseConsequences(
        work=work,
        clock=at.clock,
        ids=at.ids,
        guard=Guard(Caps.from_settings(at.values), work, at.clock, at.ids),
        merchant_name=at.values["MERCHANT_NAME"],
        wording=wording,
        channel=at.values["CHANNEL"],
        tells_merchant=bool(at.values["OUTCOME_URL"]),
        gateway=gateway.name,
        dashboard_url=gateway.dashboard_url,
    )
    return Cashier(
        engine=at.engine,
        gateway=gateway,
        work=work,
        clock=at.clock,
        ids=at.ids,
        consequences=consequences,
        wording=wording,
    )
