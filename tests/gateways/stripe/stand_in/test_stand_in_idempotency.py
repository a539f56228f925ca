"""Idempotency keys as https://docs.stripe.com/api/idempotent_requests has them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from tests.gateways.stripe.stand_in.conftest import Merchant
from tests.support.stripe.line import Harm
from tests.support.stripe.server import StripeServer
from tests.support.time_and_ids import ManualClock

WANTED = {"amount": 5000, "currency": "eur", "allowed_payment_method_types": ["card"]}
CONFIRM = "payment_intents.confirm"


def with_key(key: str) -> Any:
    return {"idempotency_key": key}


def test_the_same_key_and_parameters_give_the_first_answer_again(merchant: Merchant) -> None:
    first = merchant.v1.payment_intents.create(WANTED, with_key("a-1"))
    merchant.v1.payment_intents.cancel(first.id)
    again = merchant.v1.payment_intents.create(WANTED, with_key("a-1"))

    assert (again.id, again.status) == (first.id, "requires_payment_method")
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert again.last_response.headers["Original-Request"] == first.last_response.headers["Request-Id"]
    assert "Idempotent-Replayed" not in first.last_response.headers


def test_other_parameters_or_another_endpoint_are_an_idempotency_error(merchant: Merchant) -> None:
    merchant.v1.payment_intents.create(WANTED, with_key("a-1"))

    with pytest.raises(stripe.IdempotencyError, match="same parameters they were first used with") as other:
        merchant.v1.payment_intents.create({**WANTED, "amount": 6000}, with_key("a-1"))
    with pytest.raises(stripe.IdempotencyError, match="same endpoint they were first used for"):
        merchant.v1.customers.create({}, with_key("a-1"))
    assert other.value.http_status == 400


def test_a_decline_is_kept_and_said_again_and_the_card_is_asked_once(
    merchant: Merchant, stand_in: StripeServer
) -> None:
    intent, method = merchant.intent(), merchant.method("4000000000009995")
    said = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as declined:
            merchant.v1.payment_intents.confirm(intent.id, {"payment_method": method}, with_key("a-1"))
        assert declined.value.error is not None
        said.append((declined.value.code, declined.value.error.charge))

    assert said[0] == said[1]
    assert len(stand_in.account.of("charge")) == 1


def test_a_500_from_inside_is_kept_although_the_payment_was_made(
    merchant: Merchant, stand_in: StripeServer
) -> None:
    intent, method = merchant.intent(), merchant.method()
    stand_in.harm(Harm.BROKEN_INSIDE, CONFIRM)
    for replayed in (None, "true"):
        with pytest.raises(stripe.APIError) as broken:
            merchant.v1.payment_intents.confirm(intent.id, {"payment_method": method}, with_key("a-1"))
        assert broken.value.http_status == 500
        assert broken.value.headers is not None
        assert broken.value.headers.get("Stripe-Should-Retry") == "false"
        assert broken.value.headers.get("Idempotent-Replayed") == replayed

    assert merchant.v1.payment_intents.retrieve(intent.id).status == "succeeded"
    assert stand_in.account.books(intent=intent.id).charges == 1


def test_a_body_that_failed_validation_is_not_kept(merchant: Merchant, stand_in: StripeServer) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        merchant.v1.payment_intents.create({**WANTED, "amont": 1}, with_key("a-1"))  # type: ignore[typeddict-item]
    stand_in.account.violations.clear()

    assert merchant.v1.payment_intents.create(WANTED, with_key("a-1")).amount == 5000


def test_a_refusal_of_an_endpoint_that_began_is_kept(merchant: Merchant) -> None:
    """Whatever it was, "API servers will cache the results": docs.stripe.com/error-low-level."""
    intent = merchant.intent()
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError, match="missing a payment method"):
            merchant.v1.payment_intents.confirm(intent.id, {}, with_key("a-1"))
        merchant.v1.payment_intents.update(intent.id, {"payment_method": merchant.method()})


def test_a_key_is_forgotten_after_a_day(merchant: Merchant, clock: ManualClock) -> None:
    first = merchant.v1.payment_intents.create(WANTED, with_key("a-1"))
    clock.advance(24 * 3600 - 1)
    assert merchant.v1.payment_intents.create(WANTED, with_key("a-1")).id == first.id
    clock.advance(1)

    assert merchant.v1.payment_intents.create(WANTED, with_key("a-1")).id != first.id


def test_while_a_request_is_in_progress_its_key_and_its_intent_are_taken(
    merchant: Merchant, stand_in: StripeServer
) -> None:
    intent, params = merchant.intent(), {"payment_method": merchant.method()}
    confirm = merchant.v1.payment_intents.confirm
    with ThreadPoolExecutor() as threads:
        with stand_in.line.held(CONFIRM) as held:
            first = threads.submit(confirm, intent.id, params, with_key("a-1"))
            held.wait_until_reached()
            with pytest.raises(stripe.APIError) as twice:
                confirm(intent.id, params, with_key("a-1"))
            with pytest.raises(stripe.RateLimitError) as locked:
                merchant.v1.payment_intents.cancel(intent.id, {}, with_key("a-1-fence"))
            assert merchant.v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"
        assert first.result().status == "succeeded"

    assert (twice.value.http_status, twice.value.code) == (409, None)
    assert twice.value.error is not None
    assert twice.value.error.code == "idempotency_key_in_use"
    assert locked.value.error is not None
    assert (locked.value.http_status, locked.value.error.code) == (429, "lock_timeout")
    for refused in (twice.value, locked.value):
        assert refused.headers is not None
        assert refused.headers["Stripe-Should-Retry"] == "true"
    with pytest.raises(stripe.InvalidRequestError, match="status of succeeded"):
        merchant.v1.payment_intents.cancel(intent.id, {}, with_key("a-1-fence"))


def test_another_intent_is_free_meanwhile(merchant: Merchant, stand_in: StripeServer) -> None:
    intent, params = merchant.intent(), {"payment_method": merchant.method()}
    with ThreadPoolExecutor() as threads, stand_in.line.held(CONFIRM) as held:
        threads.submit(merchant.v1.payment_intents.confirm, intent.id, params)
        held.wait_until_reached()
        assert merchant.paid().status == "succeeded"


def test_a_key_is_at_most_255_characters(merchant: Merchant) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="255"):
        merchant.v1.payment_intents.create(WANTED, with_key("a" * 256))
