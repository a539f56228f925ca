"""Refunds, as https://docs.stripe.com/api/refunds and its error codes have them."""

import pytest
import stripe

from tests.gateways.stripe.stand_in.conftest import Merchant
from tests.support.stripe import disputes, refunds
from tests.support.stripe.server import StripeServer


def test_parts_are_given_back_until_nothing_is_left(merchant: Merchant, stand_in: StripeServer) -> None:
    paid = merchant.paid()
    part = merchant.v1.refunds.create(
        {"payment_intent": paid.id, "amount": 2000, "metadata": {"attempt": "r-1"}}
    )
    assert (part.status, part.charge, part.metadata["attempt"]) == ("succeeded", paid.latest_charge, "r-1")

    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount on charge") as over:
        merchant.v1.refunds.create({"payment_intent": paid.id, "amount": 3001})
    assert (over.value.code, over.value.param) == (None, "amount")
    assert merchant.v1.refunds.create({"charge": paid.latest_charge}).amount == 3000
    with pytest.raises(stripe.InvalidRequestError) as again:
        merchant.v1.refunds.create({"payment_intent": paid.id, "amount": 1})
    assert again.value.code == "charge_already_refunded"

    charge = merchant.v1.charges.retrieve(paid.latest_charge)
    assert (charge.amount_refunded, charge.refunded) == (5000, True)
    assert stand_in.account.books(intent=paid.id).refunded_minor == 5000
    assert len(merchant.v1.refunds.list({"payment_intent": paid.id}).data) == 2


def test_what_was_never_charged_is_not_refunded(merchant: Merchant) -> None:
    with pytest.raises(stripe.CardError):
        merchant.paid(number="4000000000000002")
    (declined,) = merchant.v1.payment_intents.list({"limit": 1}).data
    held = merchant.paid(capture_method="manual")

    for intent in (declined.id, held.id, merchant.intent().id):
        with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge to refund"):
            merchant.v1.refunds.create({"payment_intent": intent})
    with pytest.raises(stripe.InvalidRequestError) as nobody:
        merchant.v1.refunds.create({"payment_intent": "pi_none"})
    assert nobody.value.code == "resource_missing"


def test_of_a_partial_capture_only_what_was_captured_is_given_back(merchant: Merchant) -> None:
    held = merchant.paid(capture_method="manual")
    merchant.v1.payment_intents.capture(held.id, {"amount_to_capture": 3000})

    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        merchant.v1.refunds.create({"payment_intent": held.id, "amount": 3001})
    assert merchant.v1.refunds.create({"payment_intent": held.id}).amount == 3000
    assert merchant.v1.charges.retrieve(held.latest_charge).refunded


def test_a_refund_can_fail_after_it_succeeded_and_the_money_is_back(
    merchant: Merchant, stand_in: StripeServer
) -> None:
    paid = merchant.paid(number="4000000000005126")
    refund = merchant.v1.refunds.create({"payment_intent": paid.id})
    assert refund.status == "succeeded"
    later = merchant.v1.refunds.retrieve(refund.id)

    assert (later.status, later.failure_reason) == ("failed", "expired_or_canceled_card")
    assert stand_in.account.books(intent=paid.id).refunded_minor == 0
    assert "refund.failed" in [event.type for event in merchant.v1.events.list({"limit": 5}).data]


def test_a_pending_refund_counts_until_it_fails(merchant: Merchant, stand_in: StripeServer) -> None:
    paid = merchant.paid()
    stand_in.account.switches.refunds_pending = True
    refund = merchant.v1.refunds.create({"payment_intent": paid.id})
    assert refund.status == "pending"
    with pytest.raises(stripe.InvalidRequestError):
        merchant.v1.refunds.create({"payment_intent": paid.id})

    refunds.conclude(stand_in.account, refund.id, succeeds=False)
    assert merchant.v1.refunds.create({"payment_intent": paid.id}).id != refund.id


def test_what_the_bank_took_back_is_not_refunded(merchant: Merchant, stand_in: StripeServer) -> None:
    paid = merchant.paid()
    disputes.open_dispute(stand_in.account, paid.id)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        merchant.v1.refunds.create({"payment_intent": paid.id})
    assert refused.value.code == "charge_disputed"
