"""`paybycall payment list|show|refund|decide`: what was paid, given back, and what a person has to decide."""

import json

import click

from ivr.cli import Fault, example, payment_list
from ivr.cli.context import command_context, legible
from ivr.cli.listing import Layout
from ivr.cli.options import amount_of, decimal_option, json_option, yes_option
from ivr.platform.database.engine import reading


@click.group("payment", epilog=example("payment list"))
def command() -> None:
    """List, show and refund payments; decide unresolved ones."""


command.add_command(payment_list.command)


@command.command("show", epilog=example("payment show 95847317", "payment show pi_0123456789 --json"))
@click.argument("what", metavar="WHAT")
@json_option
def show(what: str, *, as_json: bool) -> None:
    """Show one payment, found by any of its names.

    WHAT is the payment's ID or reference (the eight digits that the payer was told), a refund's ID, a
    reference of the gateway (of a charge, a refund, a payment page or a dispute; with Stripe also ch_...,
    once its payout was read), a call (call_... or the carrier's CA...), or a bill's reference. If several
    payments match, they are listed.
    """
    from ivr.cli import payment_shown
    from ivr.cli.gateway import GATEWAY_SETTINGS
    from ivr.payments.queries import search

    with command_context(*GATEWAY_SETTINGS) as at:
        with reading(at.engine) as tx:
            found = search.find(tx, what)
        if found is None:
            raise Fault(_nothing_of(what))
        if not found.payments:
            raise Fault(f"There is no payment of this {found.of} yet.")
        documents = payment_list.payment_documents(at, found.payments)
        if len(found.payments) > 1:
            payment_list.PAYMENTS.print(documents, Layout.JSON if as_json else Layout.TABLE, none="")
            click.echo(
                f"{len(found.payments)} payments of this {found.of}. To see one: paybycall payment show "
                "REFERENCE",
                err=True,
            )
            return
        [document] = documents
        if as_json:
            click.echo(json.dumps(document))
            return
        payment_shown.tell(at, found.payments[0], document["gateway_url"])
    if found.also_a_bill:
        click.echo(
            f"A bill has the same eight digits. Its payments: paybycall payment list --bill {legible(what)}",
            err=True,
        )


def _nothing_of(what: str) -> str:
    from gateways import registry
    from ivr.cli.payment_shown import NO_PAYMENT

    for name in registry.names():
        prefixes, sentence = registry.settings(name).unknown_references
        if what.startswith(prefixes):
            return f"{NO_PAYMENT}. {sentence}"
    return NO_PAYMENT


def _key(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    from ivr.payments.refunds.service import KEY

    if value is not None and not KEY.fullmatch(value):
        raise click.BadParameter("must be 1 to 80 visible ASCII characters, without spaces")
    return value


@command.command(
    "refund",
    epilog=example(
        "payment refund 95847317 --amount 10.00",
        "payment refund 95847317 --yes --idempotency-key order-1001",
    ),
)
@click.argument("payment_id", metavar="ID_OR_REFERENCE")
@click.option("--amount", help="A part of the payment: 10.00 or 10,00. Default: all that is left.")
@click.option("--amount-minor", help="The same in minor units (cents): 1000.")
@decimal_option
@click.option(
    "--idempotency-key",
    callback=_key,
    metavar="KEY",
    help="Your own name for this refund. Repeating the command with the same key refunds once.",
)
@yes_option
def refund(
    payment_id: str, *, decimal: str | None, idempotency_key: str | None, yes: bool, **amount: str | None
) -> None:
    """Refund a payment, or a part of it, after asking you.

    Earlier refunds of the payment are shown first. The worker sends the refund; `payment show` says what
    became of it. A second refund of the same amount must be confirmed at a terminal, or have an
    --idempotency-key.
    """
    from gateways.capability import UnsupportedError
    from ivr.cli.gateway import PAYMENT_SETTINGS, payment_service
    from ivr.cli.payment_changes import RefundCommand
    from ivr.cli.payment_shown import ambiguous, find_payment
    from ivr.payments.refunds.service import KeyReusedError, RefundRefusedError

    with command_context(*PAYMENT_SETTINGS) as at:
        payment, also_a_bill = find_payment(at, payment_id)
        payments = payment_service(at)
        try:
            minor = amount_of(amount, payment.currency, decimal)
            request = RefundCommand(at, payments, payment, minor, idempotency_key)
            if also_a_bill and not request.was_asked():
                raise ambiguous(payment)
            said = request.run(yes=yes)
        except (RefundRefusedError, KeyReusedError, UnsupportedError) as fault:
            raise Fault(str(fault)) from None
    click.echo(said)


@command.command(
    "decide",
    epilog=example(
        "payment decide 95847317 --charged --gateway-reference pi_0123456789",
        "payment decide 95847317 --not-charged",
    ),
)
@click.argument("subject_id", metavar="ID_OR_REFERENCE")
@click.option("--charged", is_flag=True, help="The gateway's dashboard shows the charge.")
@click.option("--not-charged", is_flag=True, help="The dashboard shows no charge, or a canceled one.")
@click.option(
    "--gateway-reference",
    help="With --charged: the charge's ID in the dashboard. It is checked with the gateway.",
)
@click.option(
    "--unchecked",
    is_flag=True,
    help="With --charged: record it even if the gateway cannot confirm the reference, or says that nothing "
    "was charged.",
)
@yes_option
def decide(
    subject_id: str,
    *,
    charged: bool,
    not_charged: bool,
    gateway_reference: str | None,
    unchecked: bool,
    yes: bool,
) -> None:
    """Record what became of a payment that needs review.

    For a day the gateway could not say whether it was charged. Look in its dashboard first. You are asked
    before the books change. With --charged the gateway is asked once more: a reference that belongs to
    another payment is refused, and a missing reference is looked up. For a refund (its ID begins with
    refund_) --charged means that the money was given back.
    """
    from ivr.cli.gateway import PAYMENT_SETTINGS, payment_service
    from ivr.cli.payment_changes import decide_payment, decide_refund

    if charged == not_charged:
        raise click.UsageError("Give either --charged or --not-charged.")
    with command_context(*PAYMENT_SETTINGS) as at:
        payments = payment_service(at)
        if subject_id.startswith("refund_"):
            state = decide_refund(at, payments, subject_id, refunded=charged, yes=yes)
        else:
            state = decide_payment(
                at, payments, subject_id, gateway_reference, charged=charged, unchecked=unchecked, yes=yes
            )
    click.echo(f"{subject_id} is now {state}.")
