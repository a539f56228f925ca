"""One payment: found by its ID or reference, as `paybycall payment show` prints it, and as one line.

A link's token is never here: who has it may pay. What comes from a gateway is printed without what a terminal
would obey.
"""

from collections.abc import Iterator
from datetime import datetime

import click

from ivr.cli import Fault
from ivr.cli.context import CommandContext, legible
from ivr.finance import disputes
from ivr.payments import history
from ivr.payments.attempts.states import State
from ivr.payments.links import payer_view
from ivr.payments.links.payer_view import LinkMessage
from ivr.payments.links.store import minutes_left
from ivr.payments.queries import search
from ivr.payments.queries.feed import Payment
from ivr.payments.refunds.store import RefundState
from ivr.platform.database.engine import reading
from ivr.platform.money import plain

NO_PAYMENT = "There is no payment with this ID or reference. To see the payments: paybycall payment list"
_SHOWN_DIGITS = 4


def find_payment(at: CommandContext, name: str) -> tuple[Payment, bool]:
    """The payment of this ID or reference, and whether a bill has the same eight digits. Raises Fault."""
    with reading(at.engine) as tx:
        found = search.own(tx, name)
    if found is None:
        raise Fault(NO_PAYMENT)
    return found.payments[0], found.also_a_bill


def ambiguous(payment: Payment) -> Fault:
    return Fault(
        "A payment and a bill have these eight digits. Nothing was done. If you mean the payment, give the "
        f"payment's ID: {payment.id}"
    )


def line(payment: Payment, *, with_bill: bool = True) -> str:
    """A payment in one line; its reference is the first word."""
    amount = plain(payment.amount_minor, payment.currency)
    bill = f"  bill {payment.bill_reference}" if with_bill else ""
    card = f"{payment.brand or payment.method} {payment.last_four or '----'}"
    back = f"  refunded {plain(payment.refunded_minor, payment.currency)}" if payment.refunded_minor else ""
    at = f"{payment.created_at:%Y-%m-%d %H:%M}Z"
    return f"{payment.reference}  {at}  {payment.state.public:<12}  {amount:>16}{bill}  {card}{back}"


def tell(at: CommandContext, payment: Payment, dashboard_url: str | None) -> None:
    """Prints all that is known of it, and on standard error what a person has to decide."""
    for name, value in _facts(at, payment, dashboard_url):
        click.echo(f"{name:<18} {legible(value)}")
    for subject in _undecided(payment):
        click.echo(
            "This needs your review. Look for it in the gateway's dashboard, then run: "
            f"paybycall payment decide {subject} --charged (or --not-charged)",
            err=True,
        )


def _facts(
    at: CommandContext, payment: Payment, dashboard_url: str | None
) -> Iterator[tuple[str, str | None]]:
    yield "id", payment.id
    yield "reference", payment.reference
    yield "state", payment.state.public
    yield "internal state", payment.state
    yield "method", payment.method
    yield from _link(at, payment)
    yield "amount", plain(payment.amount_minor, payment.currency)
    yield "refunded", plain(payment.refunded_minor, payment.currency)
    yield "bill", payment.bill_reference
    yield "card", f"{payment.brand or '-'} {payment.last_four or '-'}"
    yield "decline", payment.decline
    yield "gateway", payment.gateway
    yield "gateway reference", payment.gateway_reference
    yield "dashboard", dashboard_url
    yield "authorisation", payment.authorisation_code
    yield "call", payment.call_id
    yield "created", _moment(payment.created_at)
    yield "settled", None if payment.settled_at is None else _moment(payment.settled_at)
    yield from _refunds(payment)
    yield from _disputes(at, payment)
    yield from _differences(at, payment)


def _link(at: CommandContext, payment: Payment) -> Iterator[tuple[str, str | None]]:
    """Until when it can be paid, and that the payer has it."""
    yield "link expires", None if payment.link is None else _moment(payment.link.expires_at)
    if payment.link is None:
        return
    with reading(at.engine) as tx:
        texted = payer_view.message_of(tx, payment.id)
    if payment.state is State.LINK_OPEN:
        left = minutes_left(payment.link.expires_at, at.clock.now())
        still = (
            f"open for {left} more min" if left else "expired; the gateway is being asked whether it was paid"
        )
        yield "link", f"{still}; {_sent(texted)}"
    elif texted is not None:
        yield "link", _sent(texted)


def _sent(texted: LinkMessage | None) -> str:
    if texted is None:
        return "no text with it was sent"
    to = "" if texted.recipient is None else f" to ...{texted.recipient[-_SHOWN_DIGITS:]}"
    if texted.sent_at is None:
        return f"its text is not sent yet ({texted.channel}{to}: {texted.state})"
    return f"texted{to} at {_moment(texted.sent_at)} ({texted.channel}: {texted.state})"


def _refunds(payment: Payment) -> Iterator[tuple[str, str]]:
    for one in payment.refunds:
        amount = plain(one.amount_minor, payment.currency)
        there = "" if one.gateway_reference is None else f"  {one.gateway_reference}"
        why = f"  {one.gateway_code}" if one.state is RefundState.DECLINED and one.gateway_code else ""
        yield (
            "refund",
            f"{one.id}  {amount}  {one.state.public}  requested by {one.asked_by or '-'}{there}{why}",
        )


def _disputes(at: CommandContext, payment: Payment) -> Iterator[tuple[str, str]]:
    with reading(at.engine) as tx:
        found = disputes.of_payment(tx, payment.gateway, payment.id, payment.gateway_reference)
    for one in found:
        answer_by = "" if one.answer_by is None else f"  answer by {one.answer_by:%Y-%m-%d}"
        amount = plain(one.amount_minor, one.currency)
        yield "dispute", f"{one.reference}  {one.state}  {amount}  {one.reason}{answer_by}"


def _differences(at: CommandContext, payment: Payment) -> Iterator[tuple[str, str]]:
    """What the gateway says against our books."""
    with reading(at.engine) as tx:
        found = history.discrepancies_of(tx, payment.id)
    for one in found:
        yield "difference", f"{_moment(one.at)}  {one.kind.replace('_', ' ')}: {one.note}"


def _undecided(payment: Payment) -> Iterator[str]:
    """What only a person can say."""
    if payment.state is State.NEEDS_REVIEW:
        yield payment.reference
    yield from (one.id for one in payment.refunds if one.state is RefundState.NEEDS_REVIEW)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}Z"
