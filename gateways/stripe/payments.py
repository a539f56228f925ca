"""The verbs that charge: prepare, charge, capture, void, and finding what became of one.

A lookup without a reference creates the intent again under its key: Stripe returns the existing one, or makes
it now, and either can be cancelled. Stripe forgets keys after a day, so an older order is not asked for by
key: that could make a second intent while the first was paid.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from gateways.contract import (
    Approved,
    Authorized,
    Cancelled,
    CaptureRequest,
    ChargeRequest,
    Declined,
    LookupResult,
    NotThisCharge,
    Order,
    Prepared,
    Result,
    Unknown,
    VerifiedCharge,
    VoidRequest,
)
from gateways.stripe.answers import StripeFields, StripeRefusal, ask
from gateways.stripe.client import StripeSession
from gateways.stripe.intents import (
    CaptureMethod,
    Intent,
    cancel_intent,
    confirm_intent,
    create_intent,
    declined_by_gateway,
    intent_of,
    refused_as_it_stands,
    retrieve_intent,
)

KEYS_LIVE = timedelta(hours=23)
"""Stripe promises 24 hours; one is for clocks that differ and for the request's way."""


_INTENT = re.compile(r"pi_[A-Za-z0-9_]{1,120}")


def is_forgotten(order: Order, now: datetime) -> bool:
    """Whether Stripe may have forgotten the keys of that order."""
    return order.placed_at is not None and now - order.placed_at > KEYS_LIVE


@dataclass(frozen=True, slots=True)
class Payments:
    """`capture` says whether a confirmed intent takes the money, or holds it."""

    capture: CaptureMethod
    moto: bool
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def prepare(
        self, api: StripeSession, order: Order, gateway_customer_id: str | None
    ) -> Prepared | Declined | Unknown:
        made = create_intent(api, order, self.capture)
        if isinstance(made, StripeRefusal):
            return declined_by_gateway(made) if made.nothing_done else made.unknown()
        if isinstance(made, Unknown):
            return made
        if not made.is_of(order):
            return Unknown("Stripe has another payment under this idempotency key")
        return (
            _held_by(api, made.reference, gateway_customer_id)
            if gateway_customer_id
            else Prepared(made.reference)
        )

    def charge(self, api: StripeSession, charge: ChargeRequest) -> Result:
        order, reference = charge.order, charge.reference
        if reference is None:
            prepared = self.prepare(api, order, charge.gateway_customer_id)
            if not isinstance(prepared, Prepared):
                return prepared
            reference = prepared.gateway_reference
        confirmed = confirm_intent(
            api, order.key, reference, charge.token, moto=self.moto, keep=charge.keep_card
        )
        if not isinstance(confirmed, Intent):
            return confirmed
        found = _standing(confirmed, order)
        return found if isinstance(found, Approved | Declined | Unknown) else confirmed.unclear()

    def lookup(
        self, api: StripeSession, order: Order, *, cancel: bool, reference: str | None
    ) -> LookupResult:
        known = reference or self._by_key(api, order)
        if isinstance(known, Unknown):
            return known
        found = retrieve_intent(api, known)
        if isinstance(found, Unknown):
            return found
        result = _standing(found, order)
        if not cancel or isinstance(result, Approved | Authorized | Cancelled) or not found.is_of(order):
            return result
        gone = cancel_intent(api, known)
        if isinstance(gone, Unknown):
            return gone
        after = _standing(gone, order)
        return after if gone.state in {"canceled", "succeeded", "requires_capture"} else gone.unclear()

    def _by_key(self, api: StripeSession, order: Order) -> str | Unknown:
        if is_forgotten(order, self.now()):
            return Unknown("Stripe no longer knows this idempotency key: look in its dashboard")
        made = create_intent(api, order, self.capture)
        if isinstance(made, StripeRefusal):
            return made.unknown()
        return made if isinstance(made, Unknown) else made.reference


def verify_charge(api: StripeSession, order: Order, reference: str) -> VerifiedCharge:
    """A payment by card or by link: both are an intent with our key in its metadata."""
    if not _INTENT.fullmatch(reference):
        return NotThisCharge("a payment reference of Stripe begins with pi_")
    answer = ask(
        api,
        lambda v1, options: v1.payment_intents.retrieve(reference, {"expand": ["latest_charge"]}, options),
    )
    if isinstance(answer, StripeRefusal):
        is_none = answer.status == HTTPStatus.NOT_FOUND
        return NotThisCharge("Stripe knows no such payment") if is_none else answer.unknown()
    found = answer if isinstance(answer, Unknown) else intent_of(answer)
    if isinstance(found, Unknown):
        return found
    return _named(found, order)


def _named(intent: Intent, order: Order) -> VerifiedCharge:
    if not intent.is_of(order):
        return NotThisCharge("by its metadata it belongs to another payment, or its amount differs")
    taken = _standing(intent, order)
    match intent.state:
        case _ if isinstance(taken, Approved):
            return taken
        case "succeeded":
            return NotThisCharge("Stripe charged only a part of its amount")
        case "processing":
            return intent.unclear()
        case state:
            return NotThisCharge(f"Stripe says {state}")


def capture(api: StripeSession, wanted: CaptureRequest) -> Result:
    """Takes exactly what is held under the key. Under no idempotency key: Stripe captures an intent once."""
    held = retrieve_intent(api, wanted.authorization)
    if isinstance(held, Unknown):
        return held
    if (held.key, held.amount_minor, held.currency) != (wanted.key, wanted.amount_minor, wanted.currency):
        return Unknown("Stripe has something else under this authorization")
    if held.state != "requires_capture":
        return _captured(held)
    answer = ask(
        api,
        lambda v1, options: v1.payment_intents.capture(
            wanted.authorization,
            {"amount_to_capture": wanted.amount_minor, "expand": ["latest_charge"]},
            options,
        ),
    )
    if isinstance(answer, StripeRefusal):
        stands = refused_as_it_stands(answer, wanted.authorization)
        return _captured(stands) if isinstance(stands, Intent) else stands
    if isinstance(answer, Unknown):
        return answer
    taken = intent_of(answer)
    return _captured(taken) if isinstance(taken, Intent) else taken


def void(api: StripeSession, wanted: VoidRequest) -> Result:
    """Approved where the authorization is released; Unknown where it was captured: look it up."""
    gone = cancel_intent(api, wanted.authorization)
    if isinstance(gone, Unknown):
        return gone
    return Approved(gone.reference) if gone.state == "canceled" else gone.unclear()


def _captured(intent: Intent) -> Result:
    if intent.state == "succeeded" and intent.taken_minor == intent.amount_minor:
        return Approved(intent.reference, intent.authorisation_code)
    return intent.unclear()


def _held_by(api: StripeSession, reference: str, gateway_customer_id: str) -> Prepared | Declined | Unknown:
    """Sets the intent's customer after it is made, never while making it: a lookup that makes it again knows
    no customer, and the same key needs the same parameters.
    """
    answer = ask(
        api,
        lambda v1, options: v1.payment_intents.update(reference, {"customer": gateway_customer_id}, options),
    )
    if isinstance(answer, StripeFields):
        return (
            Prepared(reference)
            if answer.reference("customer") == gateway_customer_id
            else Unknown("no holder")
        )
    if isinstance(answer, StripeRefusal):
        if answer.code == "payment_intent_unexpected_state":
            return Prepared(reference)
        return declined_by_gateway(answer) if answer.nothing_done else answer.unknown()
    return answer


def _standing(intent: Intent, order: Order) -> LookupResult:
    """What an intent says of its order."""
    if not intent.is_of(order):
        return Unknown("Stripe has another payment under this reference")
    match intent.state:
        case "succeeded" if intent.taken_minor == order.amount_minor:
            return Approved(intent.reference, intent.authorisation_code)
        case "requires_capture" if intent.held_minor == order.amount_minor:
            return Authorized(intent.reference)
        case "requires_payment_method" | "canceled" if intent.declined is not None:
            return intent.declined
        case "canceled":
            return Cancelled()
    return intent.unclear()
