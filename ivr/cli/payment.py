"""`paybycall payment list|show|refund|decide`: what was paid, given back, and what a person has to decide."""

import json
from typing import TYPE_CHECKING

import click

from gateways.settings import UnknownGatewayError, settings_of, with_values
from ivr.cli import amount_options, payment_list
from ivr.cli.confirm import confirm, yes_option
from ivr.cli.context import CommandContext, command_context, legible, who
from ivr.cli.examples import example
from ivr.cli.faults import Fault, sentences
from ivr.cli.listing import Layout, json_option
from ivr.cli.refund_request import Refunding
from ivr.platform.settings.config import gateway_settings
from ivr.platform.settings.fraud import FraudSettings

if TYPE_CHECKING:
    from ivr.payments.queries.feed import Payment
    from ivr.payments.service import PaymentService

_WORDING = ("MERCHANT_NAME", "BILL_NOUN", "HOME_COUNTRY")
_FRAUD = tuple(setting.name for setting in settings_of(FraudSettings))
TILL = ("GATEWAY", *payment_list.OF_GATEWAYS, *_FRAUD, *_WORDING, "CHANNEL", "OUTCOME_URL")

_NO_PAYMENT = "There is no payment with this ID or reference. To see the payments: paybycall payment list"
_NO_REFERENCE = (
    "The gateway's reference of this charge is not known. The payment can only be refunded in the gateway's "
    "dashboard, and its disputes and payouts cannot be found by it."
)


@click.group("payment", epilog=example("payment list"))
def command() -> None:
    """List, show and refund payments; decide unresolved ones."""


command.add_command(payment_list.command)


@command.command("show", epilog=example("payment show 95847317", "payment show pi_0123456789 --json"))
@click.argument("what", metavar="WHAT")
@json_option
@sentences
def show(what: str, *, as_json: bool) -> None:
    """Show one payment, found by any of its names.

    WHAT is the payment's ID or reference (the eight digits that the payer was told), a refund's ID, a
    reference of the gateway (of a charge, a refund, a payment page or a dispute; with Stripe also ch_...,
    once its payout was read), a call (call_... or the carrier's CA...), or a bill's reference. If several
    payments match, they are listed.
    """
    from ivr.cli import payment_shown
    from ivr.payments.queries import search as finding
    from ivr.platform.database.engine import reading

    with command_context(*payment_list.OF_GATEWAYS) as at:
        with reading(at.engine) as tx:
            found = finding.find(tx, what)
        if found is None:
            raise Fault(_nothing_of(what))
        if not found.payments:
            raise Fault(f"There is no payment of this {found.of} yet.")
        if len(found.payments) > 1:
            layout = Layout.JSON if as_json else Layout.TABLE
            payment_list.PAYMENTS.print(payment_list.payment_documents(at, found.payments), layout, none="")
            click.echo(
                f"{len(found.payments)} payments of this {found.of}. To see one: paybycall payment show "
                "REFERENCE",
                err=True,
            )
            return
        [document] = payment_list.payment_documents(at, found.payments)
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
    said = _NO_PAYMENT
    if what.startswith(("ch_", "py_")):
        said += ". Stripe's ch_... and py_... are known once the payout was read; until then use pi_..."
    return said


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
@amount_options.decimal
@click.option(
    "--idempotency-key",
    callback=_key,
    metavar="KEY",
    help="Your own name for this refund. Repeating the command with the same key refunds once.",
)
@yes_option
@sentences
def refund(
    payment_id: str, *, decimal: str | None, idempotency_key: str | None, yes: bool, **amount: str | None
) -> None:
    """Refund a payment, or a part of it, after asking you.

    Earlier refunds of the payment are shown first. The worker sends the refund; `payment show` says what
    became of it. A second refund of the same amount must be confirmed at a terminal, or have an
    --idempotency-key.
    """
    from gateways.capability import UnsupportedError
    from ivr.payments.refunds.service import KeyReusedError, RefundRefusedError

    with command_context(*TILL) as at:
        payment, also_a_bill = _find(at, payment_id)
        cashier = cashier_at(at)
        try:
            minor = amount_options.amount_of(amount, payment.currency, decimal)
            if also_a_bill and not _is_asked(at, payment, idempotency_key, minor):
                raise _ambiguous(payment)
            said = Refunding(at, cashier, payment, minor, idempotency_key).run(yes=yes)
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
    """Record what became of a payment that needs review.

    For a day the gateway could not say whether it was charged. Look in its dashboard first. You are asked
    before the books change. With --charged the gateway is asked once more: a reference that belongs to
    another payment is refused, and a missing reference is looked up. For a refund (its ID begins with
    refund_) --charged means that the money was given back.
    """
    from ivr.payments.attempts.manual_review import NothingToDecideError, VerifiedReference, Word

    if charged == not_charged:
        raise click.UsageError("Give either --charged or --not-charged.")
    with command_context(*TILL) as at:
        cashier = cashier_at(at)
        if subject_id.startswith("refund_"):
            state = _decide_refund(at, cashier, subject_id, given_back=charged, yes=yes)
        else:
            word = Word.APPROVED if charged else Word.NOT_CHARGED
            payment, also_a_bill = _find(at, subject_id)
            if also_a_bill:
                raise _ambiguous(payment)
            try:
                charge = VerifiedReference(None, is_proven=False)
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
            state = decided.state.public
            if charged and decided.gateway_reference is None:
                click.echo(_NO_REFERENCE, err=True)
    click.echo(f"{subject_id} is now {state}.")


def _decision(payment: "Payment", reference: str | None, *, charged: bool) -> str:
    from ivr.cli.payment_shown import line

    what = f"as charged ({legible(reference)})" if charged else "as not charged"
    return f"{line(payment)}\nRecord it {what}? This cannot be undone."


def _decide_refund(
    at: CommandContext, cashier: "PaymentService", refund_id: str, *, given_back: bool, yes: bool
) -> str:
    from ivr.payments.refunds import store as refund_store
    from ivr.payments.refunds.store import RefundState
    from ivr.platform.database.engine import reading
    from ivr.platform.money import plain

    try:
        with reading(at.engine) as tx:
            found = refund_store.get(tx, refund_id)
        if found.state is RefundState.NEEDS_REVIEW:
            what = "as given back" if given_back else "as not given back"
            amount = plain(found.amount_minor, found.currency)
            confirm(f"Record refund {refund_id} of {amount} {what}? This cannot be undone.", yes=yes)
        with at.engine.begin() as tx:
            decided = cashier.refunds.decide(tx, refund_id, refunded=given_back, who=who())
            return decided.state.public
    except refund_store.NoSuchRefundError:
        raise Fault("There is no refund with this ID. To see the refunds: paybycall refund list") from None
    except ValueError as fault:
        raise Fault(f"{fault}.") from None


def _find(at: CommandContext, name: str) -> "tuple[Payment, bool]":
    """The payment of this ID or reference, and whether a bill has the same eight digits."""
    from ivr.payments.queries import search as finding
    from ivr.platform.database.engine import reading

    with reading(at.engine) as tx:
        found = finding.own(tx, name)
    if found is None:
        raise Fault(_NO_PAYMENT)
    return found.payments[0], found.also_a_bill


def _is_asked(at: CommandContext, payment: "Payment", key: str | None, minor: int | None) -> bool:
    """Whether this refund was requested before under its key: then it is certain which payment was meant."""
    from ivr.payments.refunds.service import asked_under
    from ivr.platform.database.engine import reading

    if key is None:
        return False
    with reading(at.engine) as tx:
        return asked_under(tx, payment.id, key, minor) is not None


def _ambiguous(payment: "Payment") -> Fault:
    return Fault(
        "A payment and a bill have these eight digits. Nothing was done. If you mean the payment, give the "
        f"payment's ID: {payment.id}"
    )


def cashier_at(at: CommandContext) -> "PaymentService":
    """The cashier of this installation's gateway, with durable work behind it."""
    from gateways import registry
    from ivr.events.listeners.subscriptions import build_events
    from ivr.fraud.guard import FraudLimits, Guard
    from ivr.jobs.enqueue import DurableWork
    from ivr.jobs.store import NotMigratedError, require_migrated
    from ivr.payments.service import PaymentService
    from ivr.platform.settings.line import wording_of

    name = at.values["GATEWAY"]
    try:
        require_migrated(at.engine)
        gateway = registry.adapter(name, gateway_settings(name, at.values))
    except (NotMigratedError, UnknownGatewayError) as fault:
        raise Fault(str(fault)) from None
    work = DurableWork(at.engine)
    wording = wording_of(at.values["HOME_COUNTRY"], at.values["BILL_NOUN"])
    events = build_events(
        work=work,
        clock=at.clock,
        ids=at.ids,
        guard=Guard(FraudLimits.from_settings(with_values(FraudSettings, at.values)), work, at.clock, at.ids),
        merchant_name=at.values["MERCHANT_NAME"],
        wording=wording,
        channel=at.values["CHANNEL"],
        sends_webhooks=bool(at.values["OUTCOME_URL"]),
        gateway=gateway.name,
        dashboard_url=gateway.dashboard_url,
    )
    return PaymentService(
        engine=at.engine,
        gateway=gateway,
        work=work,
        clock=at.clock,
        ids=at.ids,
        events=events,
        wording=wording,
    )
