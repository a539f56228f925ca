"""Giving money back at Stripe, in full or in part, and finding what became of it.

A refund is found by our id in its metadata, in the list of its payment's refunds: Stripe's search lags, and a
key is forgotten after a day. A refund counts as refused only if that list does not hold it. A refund in the
list without our id was made by somebody else.
"""

from collections.abc import Iterator

from stripe.params import RefundListParams

from gateways.contract import Approved, Declined, RefundFound, RefundNotFound, RefundRequest, Result, Unknown
from gateways.declines import Decline
from gateways.stripe.answers import StripeFields, StripeRefusal, ask, ask_plainly
from gateways.stripe.client import StripeSession
from gateways.stripe.declines import normalised
from gateways.stripe.intents import Intent, retrieve_intent

KEY = "paybycall_refund"
CAME_BACK = frozenset({"failed", "canceled"})
_PAGE = 100
_PAGES_MAX = 10


def refund(api: StripeSession, wanted: RefundRequest) -> Result:
    paid = retrieve_intent(api, wanted.gateway_reference)
    if isinstance(paid, Unknown):
        return paid
    if paid.currency != wanted.currency or paid.state != "succeeded":
        return _misdirected(paid)
    answer = ask(
        api,
        lambda v1, options: v1.refunds.create(
            {
                "payment_intent": wanted.gateway_reference,
                "amount": wanted.amount_minor,
                "metadata": {KEY: wanted.key},
            },
            options,
        ),
        key=f"{wanted.key}:refund",
    )
    if isinstance(answer, StripeFields):
        return _result(answer, wanted)
    if isinstance(answer, StripeRefusal) and answer.nothing_done:
        found = find(api, wanted)
        if isinstance(found, RefundNotFound):
            return Declined(normalised(answer.said), answer.said)
        return found if isinstance(found, Approved | Declined) else answer.unknown()
    return answer.unknown() if isinstance(answer, StripeRefusal) else answer


def find(api: StripeSession, wanted: RefundRequest) -> RefundFound:
    """The refund of that key among those of its payment."""
    for one in _of_payment(api, wanted.gateway_reference):
        if isinstance(one, Unknown):
            return one
        if one.text("metadata", KEY) == wanted.key:
            return _result(one, wanted)
    return RefundNotFound()


def refunded_externally(api: StripeSession, payment: str) -> int | Unknown:
    """The sum of the payment's refunds that do not bear our key, but for those that came back."""
    in_all = 0
    for one in _of_payment(api, payment):
        if isinstance(one, Unknown):
            return one
        amount = one.whole("amount")
        if amount is None:
            return Unknown("Stripe's list of refunds was not understood")
        if not one.text("metadata", KEY) and one.code("status") not in CAME_BACK:
            in_all += amount
    return in_all


def _of_payment(api: StripeSession, payment: str) -> Iterator[StripeFields | Unknown]:
    """Its refunds, page by page; the last one is Unknown where that is not all of them."""
    after: str | None = None
    for _ in range(_PAGES_MAX):
        page = _page(api, payment, after)
        if isinstance(page, Unknown):
            yield page
            return
        listed = page.each("data")
        if listed is None:
            break
        yield from listed
        if page.yes("has_more") is False:
            return
        after = listed[-1].reference("id") if listed else None
        if after is None:
            break
    yield Unknown("Stripe's list of refunds was not understood, or has no end")


def _page(api: StripeSession, payment: str, after: str | None) -> StripeFields | Unknown:
    wanted: RefundListParams = {"payment_intent": payment, "limit": _PAGE}
    if after is not None:
        wanted["starting_after"] = after
    return ask_plainly(api, lambda v1, options: v1.refunds.list(wanted, options))


def _result(told: StripeFields, wanted: RefundRequest) -> Result:
    reference, state, failed = told.reference("id"), told.code("status"), told.code("failure_reason")
    if (told.whole("amount"), (told.code("currency") or "").upper()) != (
        wanted.amount_minor,
        wanted.currency,
    ):
        return Unknown("Stripe has another refund under this idempotency key")
    if state == "succeeded" and reference is not None:
        return Approved(reference)
    if state in CAME_BACK:
        code = failed or f"refund_{state}"
        return Declined(Decline.GENERIC, code, reference)
    return Unknown(f"Stripe says {state}")


def _misdirected(paid: Intent) -> Declined:
    """Nothing was sent: what is to be given back was not taken, or not in this currency."""
    code = "charge_not_refundable" if paid.state != "succeeded" else "currency_mismatch"
    return Declined(Decline.CONFIG_ERROR, code)
