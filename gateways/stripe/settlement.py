"""What a payout is made of: the account's balance transactions that Stripe put into it.

Only an automatic payout has lines. They are complete once Stripe has reconciled it, which it tells by
`payout.reconciliation_completed`. Before that, and if the list has no end, an error is raised: half a payout
would be a wrong one.
"""

from datetime import UTC, datetime

from stripe.params import BalanceTransactionListParams

from gateways.contract import GatewayUnreachableError
from gateways.settlement import LineKind, PayoutLine
from gateways.stripe import refunds
from gateways.stripe.answers import StripeFields, StripeRefusal, ask
from gateways.stripe.client import StripeSession
from gateways.stripe.intents import KEY

IN_ALL_S = 120.0
_EPOCH = datetime.fromtimestamp(0, UTC)
_PAGE = 100
_PAGES_MAX = 200
_KINDS = {
    "charge": LineKind.CHARGE,
    "dispute": LineKind.DISPUTE,
    "dispute_reversal": LineKind.DISPUTE,
    "fee": LineKind.FEE,
    "network_cost": LineKind.FEE,
    "partial_capture_reversal": LineKind.OTHER,
    "refund": LineKind.REFUND,
    "refund_failure": LineKind.REFUND,
}
"""By Stripe's reporting category."""


def lines(api: StripeSession, payout: str) -> tuple[PayoutLine, ...]:
    """The lines in Stripe's order, without the payout's own; raises GatewayUnreachableError."""
    _complete(api, payout)
    found: list[PayoutLine] = []
    after: str | None = None
    for _ in range(_PAGES_MAX):
        page = _page(api, payout, after)
        listed = page.each("data")
        if listed is None:
            raise GatewayUnreachableError(
                f"Stripe's list of {payout} was not understood: look in its dashboard."
            )
        found += [_line(one) for one in listed if one.code("type") != "payout"]
        if page.yes("has_more") is False:
            return tuple(found)
        after = listed[-1].reference("id") if listed else None
        if after is None:
            break
    raise GatewayUnreachableError(f"Stripe's list of {payout} is too long: look in its dashboard.")


def _complete(api: StripeSession, payout: str) -> None:
    told = _answered(ask(api, lambda v1, options: v1.payouts.retrieve(payout, {}, options)), payout)
    if told.yes("automatic") is not True:
        raise GatewayUnreachableError(
            f"Stripe gives no lines for {payout}: only automatic payouts have lines."
        )
    if told.code("reconciliation_status") != "completed":
        raise GatewayUnreachableError(f"Stripe has not reconciled {payout} yet: try again later.")


def _page(api: StripeSession, payout: str, after: str | None) -> StripeFields:
    wanted: BalanceTransactionListParams = {"payout": payout, "limit": _PAGE, "expand": ["data.source"]}
    if after is not None:
        wanted["starting_after"] = after
    return _answered(ask(api, lambda v1, options: v1.balance_transactions.list(wanted, options)), payout)


def _answered(answer: object, payout: str) -> StripeFields:
    if isinstance(answer, StripeFields):
        return answer
    why = answer.said if isinstance(answer, StripeRefusal) else getattr(answer, "reason", "")
    raise GatewayUnreachableError(f"Stripe did not give the lines of {payout} ({why}): try again later.")


def _line(told: StripeFields) -> PayoutLine:
    reference, currency, category = (
        told.reference("id"),
        told.currency("currency"),
        told.code("reporting_category"),
    )
    gross, fee, net = told.whole("amount"), told.whole("fee"), told.whole("net")
    created, available = told.moment("created"), told.moment("available_on")
    if reference is None or currency is None or gross is None or fee is None or net is None:
        raise GatewayUnreachableError("A line of Stripe's payout was not understood: look in its dashboard.")
    source = told.part("source")
    return PayoutLine(
        reference=reference,
        kind=_KINDS.get(category or "", LineKind.OTHER),
        gateway_kind=category or told.code("type") or "unknown",
        gross_minor=gross,
        fee_minor=fee,
        net_minor=net,
        currency=currency,
        occurred_at=created or _EPOCH,
        available_on=available or _EPOCH,
        charge_reference=_charge(source),
        order_key=source.ours("metadata", KEY) if source else None,
        refund_key=source.ours("metadata", refunds.KEY) if source else None,
        source_reference=told.reference("source"),
    )


def _charge(source: StripeFields | None) -> str | None:
    """The payment that a charge, a refund or a dispute belongs to, as we refer to it."""
    if source is None:
        return None
    own = source.reference("id") if source.code("object") == "charge" else None
    return source.reference("payment_intent") or source.reference("charge") or own
