"""Payment links: Checkout Sessions, each of one order, open until they expire, are closed, or are paid.

A session is made under the order's key from the link alone, so that it can be made again to learn which one
it was. Only Stripe's own word "expired" proves that nobody can pay by it any more, and only "paid" that
somebody did: a payer who comes back to us proves nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from stripe.params.checkout import SessionCreateParams

from gateways.contract import Approved, Cancelled, Declined, LinkFound, LinkOpen, PayLink, Unknown
from gateways.stripe.answers import StripeFields, StripeRefusal, ask, ask_plainly
from gateways.stripe.client import StripeSession
from gateways.stripe.intents import (
    KEY,
    authorisation_code,
    card_shown,
    declined_by_gateway,
    description,
    metadata,
    suffixed,
)
from gateways.stripe.payments import is_forgotten

_LANGUAGES = frozenset({"ca", "de", "en", "es", "fr", "it", "nl", "pl", "pt", "sv"})
"""Of ours; Checkout speaks more, and guesses where it is told `auto`."""
_NAME_MAX = 250
_WITH_PAYMENT = ["payment_intent.latest_charge"]


@dataclass(frozen=True, slots=True)
class CheckoutLinks:
    """Opens, finds and closes links."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def open(self, api: StripeSession, link: PayLink) -> LinkOpen | Declined | Unknown:
        made = _make(api, link)
        if isinstance(made, StripeRefusal):
            return declined_by_gateway(made) if made.nothing_done else made.unknown()
        if isinstance(made, StripeFields) and made.replayed:
            made = _look(api, made.reference("id") or "")
        if isinstance(made, Unknown):
            return made
        found = _standing(made, link)
        return found if isinstance(found, LinkOpen | Unknown) else Unknown("the link is no longer open")

    def lookup(self, api: StripeSession, link: PayLink, *, close: bool, reference: str | None) -> LinkFound:
        known = reference or self._by_key(api, link, close=close)
        if not isinstance(known, str):
            return known
        told = _look(api, known)
        found = told if isinstance(told, Unknown) else _standing(told, link)
        if not close or not isinstance(found, LinkOpen):
            return found
        told = _expire(api, known)
        return told if isinstance(told, Unknown) else _standing(told, link)

    def _by_key(self, api: StripeSession, link: PayLink, *, close: bool) -> str | Cancelled | Unknown:
        """A link that is refused now because its end is too near was never made, and never will be: as long
        as Stripe would know the key of one that was.
        """
        if is_forgotten(link.order, self.now()):
            return Unknown("Stripe no longer knows this idempotency key: look in its dashboard")
        made = _make(api, link)
        if isinstance(made, StripeRefusal):
            too_late = made.nothing_done and made.error.text("param") == "expires_at"
            if close and too_late and link.order.placed_at is not None:
                return Cancelled()
            return made.unknown()
        if isinstance(made, Unknown):
            return made
        return made.reference("id") or Unknown("Stripe's answer is not a link that can be read")


def _make(api: StripeSession, link: PayLink) -> StripeFields | StripeRefusal | Unknown:
    order = link.order
    wanted: SessionCreateParams = {
        "mode": "payment",
        "allowed_payment_method_types": ["card"],
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": order.currency.lower(),
                    "unit_amount": order.amount_minor,
                    "product_data": {"name": description(order)[:_NAME_MAX]},
                },
            }
        ],
        "client_reference_id": order.key,
        "metadata": metadata(order),
        "payment_intent_data": {"description": description(order), "metadata": metadata(order)},
        "expires_at": int(link.expires_at.timestamp()),
        "locale": link.language if link.language in _LANGUAGES else "auto",
        "success_url": link.done_url,
        "cancel_url": link.left_url,
    }
    if suffix := suffixed(order):
        wanted["payment_intent_data"]["statement_descriptor_suffix"] = suffix
    return ask(
        api,
        lambda v1, options: v1.checkout.sessions.create(wanted, options),
        key=f"{order.key}:link",
    )


def _look(api: StripeSession, reference: str) -> StripeFields | Unknown:
    return ask_plainly(
        api,
        lambda v1, options: v1.checkout.sessions.retrieve(reference, {"expand": _WITH_PAYMENT}, options),
    )


def _expire(api: StripeSession, reference: str) -> StripeFields | Unknown:
    """The session once Stripe was told to end it: it may have been paid meanwhile."""
    answer = ask(
        api,
        lambda v1, options: v1.checkout.sessions.expire(reference, {"expand": _WITH_PAYMENT}, options),
    )
    if isinstance(answer, StripeRefusal):
        return _look(api, reference) if answer.nothing_done else answer.unknown()
    return answer


def _standing(session: StripeFields, link: PayLink) -> LinkFound:
    """What a session says of its link."""
    order, reference = link.order, session.reference("id")
    ours = (order.key, order.amount_minor, order.currency.lower())
    if (session.text("metadata", KEY), session.whole("amount_total"), session.code("currency")) != ours:
        return Unknown("Stripe has another link under this reference")
    payment, url = session.reference("payment_intent"), session.text("url")
    match session.code("status"), session.code("payment_status"):
        case "complete", "paid" if payment is not None:
            return Approved(
                payment, authorisation_code(session, "payment_intent"), card_shown(session, "payment_intent")
            )
        case "expired", "unpaid":
            return Cancelled()
        case "open", "unpaid" if reference is not None and url is not None:
            return LinkOpen(reference, url)
        case state, paid:
            return Unknown(f"Stripe says that the link is {state} and {paid}")
