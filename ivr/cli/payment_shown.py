"""One payment as `paybycall payment show` prints it, and as one line of a list.

A link's token is never here: who has it may pay. What comes from a gateway is printed without what a terminal
would obey.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from ivr.cli.context import CommandContext, legible

if TYPE_CHECKING:
    from datetime import datetime

    from ivr.payments.links.payer_view import Texted
    from ivr.payments.queries.feed import Payment

_SHOWN_DIGITS = 4


def line(payment: "Payment", *, with_bill: bool = True) -> str:
    """A payment in one line; its reference is the first word."""
    from ivr.platform.money import plain

    amount = plain(payment.amount_minor, payment.currency)
    bill = f"  bill {payment.bill_reference}" if with_bill else ""
    card = f"{payment.brand or payment.method} {payment.last_four or '----'}"
    back = f"  refunded {plain(payment.refunded_minor, payment.currency)}" if payment.refunded_minor else ""
    at = f"{payment.created_at:%Y-%m-%d %H:%M}Z"
    return f"{payment.reference}  {at}  {payment.state.public:<12}  {amount:>16}{bill}  {card}{back}"


def tell(at: CommandContext, payment: "Payment", dashboard_url: str | None) -> None:
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
    at: CommandContext, payment: "Payment", dashboard_url: str | None
) -> Iterator[tuple[str, str | None]]:
    from ivr.platform.money import plain

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


def _link(at: CommandContext, payment: "Payment") -> Iterator[tuple[str, str | None]]:
    """Until when it can be paid, and that the payer has it."""
    from ivr.payments.attempts.states import State
    from ivr.payments.links import payer_view as links_read
    from ivr.payments.links.store import minutes_left
    from ivr.platform.database.engine import reading

    yield "link expires", None if payment.link is None else _moment(payment.link.expires_at)
    if payment.link is None:
        return
    with reading(at.engine) as tx:
        texted = links_read.texted(tx, payment.id)
    if payment.state is State.LINK_OPEN:
        left = minutes_left(payment.link.expires_at, at.clock.now())
        still = (
            f"open for {left} more min" if left else "expired; the gateway is being asked whether it was paid"
        )
        yield "link", f"{still}; {_sent(texted)}"
    elif texted is not None:
        yield "link", _sent(texted)


def _sent(texted: "Texted | None") -> str:
    if texted is None:
        return "no text with it was sent"
    to = "" if texted.recipient is None else f" to ...{texted.recipient[-_SHOWN_DIGITS:]}"
    if texted.sent_at is None:
        return f"its text is not sent yet ({texted.channel}{to}: {texted.state})"
    return f"texted{to} at {_moment(texted.sent_at)} ({texted.channel}: {texted.state})"


def _refunds(payment: "Payment") -> Iterator[tuple[str, str]]:
    from ivr.payments.refunds.store import RefundState
    from ivr.platform.money import plain

    for one in payment.refunds:
        amount = plain(one.amount_minor, payment.currency)
        there = "" if one.gateway_reference is None else f"  {one.gateway_reference}"
        why = f"  {one.gateway_code}" if one.state is RefundState.DECLINED and one.gateway_code else ""
        yield (
            "refund",
            f"{one.id}  {amount}  {one.state.public}  requested by {one.asked_by or '-'}{there}{why}",
        )


def _disputes(at: CommandContext, payment: "Payment") -> Iterator[tuple[str, str]]:
    from ivr.finance import disputes
    from ivr.platform.database.engine import reading
    from ivr.platform.money import plain

    with reading(at.engine) as tx:
        found = disputes.of_payment(tx, payment.gateway, payment.id, payment.gateway_reference)
    for one in found:
        answer_by = "" if one.answer_by is None else f"  answer by {one.answer_by:%Y-%m-%d}"
        amount = plain(one.amount_minor, one.currency)
        yield "dispute", f"{one.reference}  {one.state}  {amount}  {one.reason}{answer_by}"


def _differences(at: CommandContext, payment: "Payment") -> Iterator[tuple[str, str]]:
    """What the gateway says against our books."""
    from ivr.payments import history
    from ivr.platform.database.engine import reading

    with reading(at.engine) as tx:
        found = history.discrepancies_of(tx, payment.id)
    for one in found:
        yield "difference", f"{_moment(one.at)}  {one.kind.replace('_', ' ')}: {one.note}"


def _undecided(payment: "Payment") -> Iterator[str]:
    """What only a person can say."""
    from ivr.payments.attempts.states import State
    from ivr.payments.refunds.store import RefundState

    if payment.state is State.NEEDS_REVIEW:
        yield payment.reference
    yield from (one.id for one in payment.refunds if one.state is RefundState.NEEDS_REVIEW)


def _moment(at: "datetime") -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}Z"
