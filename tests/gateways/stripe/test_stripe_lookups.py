"""What a lookup of a charge finds, what a fence cancels, and whose intent proves nothing."""

import dataclasses
from datetime import UTC, datetime, timedelta

from gateways.capability import CardEntry
from gateways.contract import (
    Approved,
    Cancelled,
    CaptureRequest,
    CardAuthorized,
    ChargeRequest,
    Declined,
    NotThisCharge,
    Unknown,
)
from gateways.stripe.payments import Payments
from tests.support.gateway_harness import card
from tests.support.stripe import intents
from tests.support.stripe.harness import StripeHarness
from tests.support.stripe.line import Harm
from tests.support.stripe.orders import ORDER, intent, prepared, token
from tests.support.stripe.server import StripeServer
from tests.support.stripe.wire import json_answer


def test_a_cancel_that_cancelled_nothing_fences_nothing(harness: StripeHarness) -> None:
    """What the last card was declined for stands there still, and the next confirmation can take money."""
    reference = prepared(harness)
    harness.gateway.charge(ChargeRequest(ORDER, token(harness, "4000000000009995"), reference))
    stands = json_answer(200, intent(harness, reference))
    harness.server.harm(Harm.OTHER_WORDS, "payment_intents.cancel", says=stands)

    assert isinstance(harness.gateway.lookup(ORDER, cancel=True, reference=reference), Unknown)
    assert isinstance(harness.gateway.lookup(ORDER, cancel=True, reference=reference), Declined)


def test_the_same_order_is_found_without_its_reference(harness: StripeHarness) -> None:
    harness.server.harm(Harm.DROP_AFTER, "payment_intents.create", times=3)
    assert isinstance(harness.gateway.prepare(ORDER), Unknown)
    assert isinstance(harness.gateway.lookup(ORDER, cancel=False), Unknown)

    assert harness.gateway.lookup(ORDER, cancel=True) == Cancelled()
    assert len(harness.account.of("payment_intent")) == 1
    late = harness.gateway.charge(ChargeRequest(ORDER, token(harness), prepared(harness)))
    assert isinstance(late, Unknown), "of a cancelled intent, never a decline"


def test_an_order_older_than_stripes_memory_is_not_asked_for_by_key(harness: StripeHarness) -> None:
    reference = prepared(harness)
    paid = harness.gateway.charge(ChargeRequest(ORDER, token(harness), reference))
    harness.account.keys.forget_all()
    now = datetime(2026, 11, 2, 12, tzinfo=UTC)
    payments = Payments("automatic", moto=False, now=lambda: now)
    old = dataclasses.replace(ORDER, placed_at=now - timedelta(hours=23, minutes=1))

    api = harness.gateway._stripe.session()
    assert isinstance(payments.lookup(api, old, cancel=True, reference=None), Unknown)
    assert payments.lookup(api, old, cancel=True, reference=reference) == paid
    assert len(harness.account.of("payment_intent")) == 1, "a second one would have been called fenced"


def test_another_orders_reference_proves_nothing(harness: StripeHarness) -> None:
    reference = prepared(harness)
    harness.gateway.charge(ChargeRequest(ORDER, token(harness), reference))
    other = dataclasses.replace(ORDER, key="attempt_2")

    assert isinstance(harness.gateway.lookup(other, cancel=True, reference=reference), Unknown)
    dearer = dataclasses.replace(ORDER, amount_minor=5000)
    assert isinstance(harness.gateway.lookup(dearer, cancel=True, reference=reference), Unknown)


def test_a_fence_never_cancels_another_orders_intent(harness: StripeHarness) -> None:
    reference = prepared(harness)
    other = dataclasses.replace(ORDER, key="attempt_2")

    assert isinstance(harness.gateway.lookup(other, cancel=True, reference=reference), Unknown)
    assert intent(harness, reference)["status"] == "requires_payment_method"


def test_what_the_issuer_still_thinks_about_is_unknown_also_fencing(harness: StripeHarness) -> None:
    harness.account.switches.slow_issuer = True
    reference = prepared(harness)

    assert isinstance(harness.gateway.charge(ChargeRequest(ORDER, token(harness), reference)), Unknown)
    assert isinstance(harness.gateway.lookup(ORDER, cancel=True, reference=reference), Unknown)
    assert harness.gateway.verify_charge(ORDER, reference) == Unknown("Stripe says processing")
    intents.conclude(harness.account, reference)
    assert isinstance(harness.gateway.lookup(ORDER, cancel=True, reference=reference), Approved)
    assert isinstance(harness.gateway.verify_charge(ORDER, reference), Approved)


def test_a_declined_order_that_is_fenced_cannot_be_confirmed_any_more(harness: StripeHarness) -> None:
    reference = prepared(harness)
    declined = harness.gateway.charge(ChargeRequest(ORDER, token(harness, "4000000000009995"), reference))

    assert harness.gateway.lookup(ORDER, cancel=True, reference=reference) == declined
    assert intent(harness, reference)["status"] == "canceled"


def test_what_a_person_captured_in_part_is_not_called_paid(stripe_server: StripeServer) -> None:
    harness = StripeHarness(stripe_server, CardEntry.AUTHORIZE)
    held = harness.authorizer.authorize(card("4242424242424242"), ORDER)
    assert isinstance(held, CardAuthorized)
    api = harness.gateway._stripe.session()
    api.send(
        lambda v1, options: v1.payment_intents.capture(
            held.authorization, {"amount_to_capture": 1000}, options
        )
    )

    found = harness.gateway.lookup(ORDER, cancel=True, reference=held.authorization)
    assert found == Unknown("Stripe says succeeded")
    named = harness.gateway.verify_charge(ORDER, held.authorization)
    assert named == NotThisCharge("Stripe charged only a part of its amount")
    assert isinstance(
        harness.gateway.capture(CaptureRequest(ORDER.key, held.authorization, 4990, "EUR")), Unknown
    )
