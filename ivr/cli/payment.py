"""`paybycall payment list|show|refund|decide`: what was paid, given back, and what a person has to decide."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from ivr.cli.desk import Desk, desk, legible, who
from ivr.cli.faults import Fault, sentences
from ivr.config import DEFENCES, MONEY

if TYPE_CHECKING:
    from ivr.payments.cashier import Cashier
    from ivr.payments.reading import Payment

LIST_MAX = 500
TILL = (*(setting.name for setting in (*MONEY, *DEFENCES)), "MERCHANT_NAME", "CHANNEL", "OUTCOME_URL")


_OF_GATEWAYS = tuple(setting.name for setting in MONEY if setting.name != "GATEWAY")


@click.group("payment")
def command() -> None:
    """List, show and refund payments; decide those that nobody could resolve."""


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
@sentences
def list_payments(*, since: datetime | None, limit: int) -> None:
    """List payments, the newest first."""
    from ivr.payments import reading as payments
    from ivr.storage.engine import reading

    with desk() as at:
        if since is None:
            with reading(at.engine) as tx:
                found: Iterator[Payment] = iter(payments.latest(tx, limit))
        else:
            found = _since(at, since)
        count = 0
        for count, payment in enumerate(found, start=1):  # noqa: B007 - counted for the sentence below
            click.echo(_line(payment))
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


def _line(payment: "Payment") -> str:
    from ivr.money import plain

    amount = plain(payment.amount_minor, payment.currency)
    card = f"{payment.brand or payment.method} {payment.last_four or '----'}"
    back = f"  refunded {plain(payment.refunded_minor, payment.currency)}" if payment.refunded_minor else ""
    at = f"{payment.created_at:%Y-%m-%d %H:%M}Z"
    paid = f"{payment.state:<12}  {amount:>16}  bill {payment.bill_reference}"
    return f"{payment.reference}  {at}  {paid}  {card}{back}"


@command.command("show")
@click.argument("payment_id", metavar="ID_OR_REFERENCE")
@sentences
def show(payment_id: str) -> None:
    """Show one payment, by its id or by the eight digits that the payer was told."""
    from ivr.money import plain
    from ivr.payments.records import RefundState
    from ivr.payments.states import State

    with desk(*_OF_GATEWAYS) as at:
        payment = _find(at, payment_id)
        url = _dashboard_url(at, payment)
    for name, value in (
        ("id", payment.id),
        ("reference", payment.reference),
        ("state", payment.state),
        ("method", payment.method),
        ("link expires", None if payment.link is None else f"{payment.link.expires_at:%Y-%m-%d %H:%M:%S}Z"),
        ("amount", plain(payment.amount_minor, payment.currency)),
        ("refunded", plain(payment.refunded_minor, payment.currency)),
        ("bill", payment.bill_reference),
        ("card", f"{payment.brand or '-'} {payment.last_four or '-'}"),
        ("decline", payment.decline),
        ("gateway", payment.gateway),
        ("gateway reference", payment.gateway_reference),
        ("dashboard", url),
        ("authorisation", payment.authorisation_code),
        ("call", payment.call_id),
        ("made", f"{payment.created_at:%Y-%m-%d %H:%M:%S}Z"),
        ("settled", None if payment.settled_at is None else f"{payment.settled_at:%Y-%m-%d %H:%M:%S}Z"),
    ):
        click.echo(f"{name:<18} {legible(value)}")
    for refund in payment.refunds:
        amount = plain(refund.amount_minor, payment.currency)
        click.echo(
            f"{'refund':<18} {refund.id}  {amount}  {refund.state}  asked by {legible(refund.asked_by)}"
        )
    undecided = [payment.reference] if payment.state is State.FOR_A_PERSON else []
    undecided += [one.id for one in payment.refunds if one.state is RefundState.FOR_A_PERSON]
    for subject in undecided:
        click.echo(
            "Look for it in the gateway's dashboard, then: "
            f"paybycall payment decide {subject} --charged, or --not-charged",
            err=True,
        )


@command.command("refund")
@click.argument("payment_id", metavar="ID_OR_REFERENCE")
@click.option("--amount", help="A part, with a point: 10.00; left out: all that is left.")
@sentences
def refund(payment_id: str, amount: str | None) -> None:
    """Give back a payment, or a part of it. The worker sends it; `payment show` says how it went."""
    from gateways.contract import UnsupportedError
    from ivr.money import InvalidAmountError, parse_minor, plain
    from ivr.payments.refund import RefundRefusedError

    with desk(*TILL) as at:
        payment = _find(at, payment_id)
        cashier = cashier_at(at)
        try:
            minor = None if amount is None else parse_minor(amount, payment.currency)
            with at.engine.begin() as tx:
                asked = cashier.ask_refund(tx, payment.id, minor, asked_by=who())
        except (RefundRefusedError, UnsupportedError, InvalidAmountError) as fault:
            raise Fault(str(fault)) from None
    click.echo(f"Refund {asked.id} of {plain(asked.amount_minor, asked.currency)} is asked for.")


@command.command("decide")
@click.argument("subject_id", metavar="ID_OR_REFERENCE")
@click.option("--charged", is_flag=True, help="The gateway's dashboard shows the charge.")
@click.option("--not-charged", is_flag=True, help="The dashboard shows none, or a cancelled one.")
@click.option("--gateway-reference", help="With --charged: the charge's id in the dashboard.")
@sentences
def decide(subject_id: str, *, charged: bool, not_charged: bool, gateway_reference: str | None) -> None:
    """Say what became of a payment that nobody could resolve for a day.

    Of a refund (its id begins with refund_) --charged means that the money was given back.
    """
    from ivr.payments.decide import NothingToDecideError, Word

    if charged == not_charged:
        raise click.UsageError("Give --charged or --not-charged, one of the two.")
    with desk(*TILL) as at:
        cashier = cashier_at(at)
        if subject_id.startswith("refund_"):
            state = _decide_refund(at, cashier, subject_id, given_back=charged)
        else:
            word = Word.APPROVED if charged else Word.NOT_CHARGED
            payment = _find(at, subject_id)
            try:
                with at.engine.begin() as tx:
                    state = cashier.decide(
                        tx, payment.id, word, who=who(), gateway_reference=gateway_reference
                    ).state
            except NothingToDecideError as fault:
                raise Fault(str(fault)) from None
    click.echo(f"{subject_id} is {state} now.")


def _decide_refund(at: Desk, cashier: "Cashier", refund_id: str, *, given_back: bool) -> str:
    from ivr.payments.records import NoSuchAttemptError

    try:
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
    consequences = HouseConsequences(
        work=work,
        clock=at.clock,
        ids=at.ids,
        guard=Guard(Caps.from_settings(at.values), work, at.clock, at.ids),
        merchant_name=at.values["MERCHANT_NAME"],
        channel=at.values["CHANNEL"],
        tells_merchant=bool(at.values["OUTCOME_URL"]),
        dashboard_url=gateway.dashboard_url,
    )
    return Cashier(
        engine=at.engine, gateway=gateway, work=work, clock=at.clock, ids=at.ids, consequences=consequences
    )
