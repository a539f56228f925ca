"""PaymentIntents go from state to state as https://docs.stripe.com/payments/paymentintents/lifecycle says."""

from typing import Any

import pytest
import stripe

from tests.gateways.stripe.stand_in.conftest import Merchant
from tests.support.stripe import intents
from tests.support.stripe.server import StripeServer
from tests.support.time_and_ids import ManualClock

ASKS = "4000002500003155"
ALWAYS_ASKS = "4000002760003184"
MOTO = {"card": {"moto": True}}
WEEK_S = 7 * 24 * 3600


def refusal(call: Any, *args: Any) -> stripe.InvalidRequestError:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        call(*args)
    return refused.value


def in_state(merchant: Merchant, stand_in: StripeServer, state: str) -> str:
    if state == "requires_payment_method":
        return merchant.intent().id
    if state == "requires_confirmation":
        return merchant.intent(payment_method=merchant.method()).id
    if state == "requires_action":
        return merchant.paid(number=ASKS).id
    if state == "requires_capture":
        return merchant.paid(capture_method="manual").id
    if state == "processing":
        stand_in.account.switches.slow_issuer = True
        made = merchant.paid().id
        stand_in.account.switches.slow_issuer = False
        return made
    made = merchant.paid().id if state == "succeeded" else merchant.intent().id
    if state == "canceled":
        merchant.v1.payment_intents.cancel(made)
    return made


@pytest.mark.parametrize(
    ("state", "verbs"),
    [
        ("requires_payment_method", {"confirm": "succeeded", "cancel": "canceled"}),
        ("requires_confirmation", {"confirm": "succeeded", "cancel": "canceled"}),
        ("requires_action", {"confirm": "succeeded", "cancel": "canceled"}),
        ("processing", {}),
        ("requires_capture", {"capture": "succeeded", "cancel": "canceled"}),
        ("succeeded", {}),
        ("canceled", {}),
    ],
)
def test_each_verb_in_each_state(
    merchant: Merchant, stand_in: StripeServer, state: str, verbs: dict[str, str]
) -> None:
    for verb in ("confirm", "capture", "cancel"):
        ends_in = verbs.get(verb)
        made = in_state(merchant, stand_in, state)
        assert merchant.v1.payment_intents.retrieve(made).status == state
        call = getattr(merchant.v1.payment_intents, verb)
        params = {"payment_method": merchant.method()} if verb == "confirm" else {}
        if ends_in:
            assert call(made, params).status == ends_in
        else:
            refused = refusal(call, made, params)
            assert refused.code == "payment_intent_unexpected_state"
            assert refused.error is not None
            assert refused.error.payment_intent.status == state


def test_stripes_answers_to_a_second_and_to_a_cancelled_confirmation(merchant: Merchant) -> None:
    paid, canceled = merchant.paid(), merchant.intent()
    merchant.v1.payment_intents.cancel(canceled.id)

    again = refusal(merchant.v1.payment_intents.confirm, paid.id, {"payment_method": merchant.method()})
    late = refusal(merchant.v1.payment_intents.confirm, canceled.id, {"payment_method": merchant.method()})
    twice = refusal(merchant.v1.payment_intents.cancel, canceled.id)

    assert "has already succeeded after being previously confirmed" in str(again)
    assert "because it has a status of canceled" in str(late)
    assert "because it has a status of canceled. Only a PaymentIntent with one of the following" in str(twice)


def test_a_confirmation_without_a_card_is_refused(merchant: Merchant) -> None:
    refused = refusal(merchant.v1.payment_intents.confirm, merchant.intent().id)

    assert refused.code == "payment_intent_unexpected_state"
    assert "missing a payment method" in str(refused)


def test_an_intent_or_a_method_that_never_was(merchant: Merchant) -> None:
    nobody = refusal(merchant.v1.payment_intents.retrieve, "pi_none")
    no_card = refusal(
        merchant.v1.payment_intents.confirm, merchant.intent().id, {"payment_method": "pm_none"}
    )

    assert (nobody.code, nobody.http_status) == ("resource_missing", 404)
    assert (no_card.code, no_card.http_status, no_card.param) == ("resource_missing", 400, "payment_method")


# Orders by telephone and authentication


def test_a_telephone_order_is_not_asked_to_authenticate(merchant: Merchant) -> None:
    paid = merchant.paid(number=ASKS, payment_method_options=MOTO, expand=["latest_charge"])

    assert paid.status == "succeeded"
    assert paid.latest_charge.payment_method_details.card.moto is True


def test_an_issuer_that_always_asks_declines_a_telephone_order_softly(merchant: Merchant) -> None:
    with pytest.raises(stripe.CardError) as declined:
        merchant.paid(number=ALWAYS_ASKS, payment_method_options=MOTO)

    assert declined.value.code == "authentication_required"


@pytest.mark.parametrize("enabled", [True, False])
def test_moto_is_known_while_confirming_and_to_enabled_accounts(
    merchant: Merchant, stand_in: StripeServer, enabled: bool
) -> None:
    stand_in.account.switches.moto = enabled

    before = refusal(lambda: merchant.intent(payment_method_options=MOTO))
    assert (before.code, before.param) == ("parameter_unknown", "payment_method_options[card][moto]")
    if not enabled:
        while_confirming = refusal(lambda: merchant.paid(payment_method_options=MOTO))
        assert while_confirming.code == "parameter_unknown"


def test_with_moto_a_card_is_set_up_for_off_session_use_or_not_at_all(merchant: Merchant) -> None:
    customer = merchant.customer()
    kept = {"customer": customer, "payment_method_options": MOTO}

    refused = refusal(lambda: merchant.paid(**kept, setup_future_usage="on_session"))
    assert "only when `setup_future_usage` is either off_session or null" in str(refused)
    assert merchant.paid(**kept, setup_future_usage="off_session").status == "succeeded"


@pytest.mark.slow
def test_a_demand_for_authentication_is_an_action_or_an_error_as_asked(
    merchant: Merchant, stand_in: StripeServer
) -> None:
    asked = merchant.paid(number=ASKS)
    assert (asked.status, asked.next_action.type) == ("requires_action", "use_stripe_sdk")

    with pytest.raises(stripe.CardError) as refused:
        merchant.paid(number=ASKS, error_on_requires_action=True)
    assert refused.value.error is not None
    assert (refused.value.code, refused.value.error.decline_code) == (
        "authentication_required",
        "authentication_not_handled",
    )
    with pytest.raises(stripe.CardError) as away:
        merchant.paid(number=ASKS, off_session=True)
    assert away.value.code == "authentication_required"
    assert stand_in.account.books().charges == 0


@pytest.mark.parametrize(("succeeds", "status"), [(True, "succeeded"), (False, "requires_payment_method")])
def test_the_payer_authenticates_or_does_not(
    merchant: Merchant, stand_in: StripeServer, succeeds: bool, status: str
) -> None:
    asked = merchant.paid(number=ASKS, return_url="https://merchant.example/back")
    assert asked.next_action.redirect_to_url.return_url == "https://merchant.example/back"
    intents.authenticate(stand_in.account, asked.id, succeeds=succeeds)

    ended = merchant.v1.payment_intents.retrieve(asked.id)
    assert ended.status == status
    assert stand_in.account.books(intent=asked.id).taken_minor == (5000 if succeeds else 0)
    if not succeeds:
        assert ended.last_payment_error.code == "payment_intent_authentication_failure"


def test_an_intent_open_to_redirects_wants_a_return_url(merchant: Merchant) -> None:
    wanted = {"amount": 5000, "currency": "eur", "confirm": True, "payment_method": merchant.method()}
    refused = refusal(merchant.v1.payment_intents.create, wanted)

    assert "you must provide a `return_url`" in str(refused)
    never = {**wanted, "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
    assert merchant.v1.payment_intents.create(never).status == "succeeded"


# Cards used once, and cards saved


@pytest.mark.parametrize("number", ["4242424242424242", "4000000000000002"])
def test_an_unattached_payment_method_can_be_used_once(merchant: Merchant, number: str) -> None:
    method = merchant.method(number)
    try:
        merchant.intent(payment_method=method, confirm=True)
    except stripe.CardError:
        assert number != "4242424242424242"

    refused = refusal(merchant.v1.payment_intents.confirm, merchant.intent().id, {"payment_method": method})
    assert "It may not be used again" in str(refused)
    too_late = refusal(merchant.v1.payment_methods.attach, method, {"customer": merchant.customer()})
    assert "may not be used again" in str(too_late)


@pytest.mark.parametrize("way", ["attached", "set_up"])
def test_a_saved_card_pays_again_until_it_is_let_go(merchant: Merchant, way: str) -> None:
    customer, method = merchant.customer(), merchant.method()
    first = {"customer": customer, "payment_method": method, "confirm": True}
    if way == "attached":
        merchant.v1.payment_methods.attach(method, {"customer": customer})
        merchant.intent(**first)
    else:
        merchant.intent(**first, setup_future_usage="off_session")

    listed = merchant.v1.customers.payment_methods.list(customer)
    assert [one.id for one in listed.data] == [method]
    assert merchant.intent(**first, off_session=True).status == "succeeded"
    whose = refusal(lambda: merchant.intent(payment_method=method, confirm=True))
    assert "belongs to a Customer" in str(whose)
    merchant.v1.payment_methods.detach(method)
    assert merchant.v1.customers.payment_methods.list(customer).data == []
    assert "It may not be used again" in str(refusal(lambda: merchant.intent(**first)))


def test_a_deleted_customer_lets_go_of_the_cards(merchant: Merchant) -> None:
    customer, method = merchant.customer(), merchant.method()
    merchant.v1.payment_methods.attach(method, {"customer": customer})

    assert merchant.v1.customers.delete(customer).deleted
    assert merchant.v1.customers.retrieve(customer).deleted
    assert merchant.v1.payment_methods.retrieve(method).customer is None
    assert refusal(lambda: merchant.intent(customer=customer)).code == "resource_missing"


# Amounts


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (49, "eur", "amount_too_small"),
        (29, "gbp", "amount_too_small"),
        (49, "jpy", "amount_too_small"),
        (0, "eur", "parameter_invalid_integer"),
        (100_000_000, "eur", "amount_too_large"),
        (100_000_000, "idr", "fine"),
        (1_000_000_000_000, "idr", "amount_too_large"),
        (12345, "kwd", "parameter_invalid_integer"),
        (505, "isk", "parameter_invalid_integer"),
        (5000, "xts", None),
        (50, "eur", "fine"),
        (12345, "jpy", "fine"),
        (12340, "kwd", "fine"),
        (500, "isk", "fine"),
        (5000, "EUR", "fine"),
    ],
)
def test_amounts_and_currencies_have_limits(
    merchant: Merchant, stand_in: StripeServer, amount: int, currency: str, code: str | None
) -> None:
    if code == "fine":
        made = merchant.paid(amount, currency)
        assert (made.currency, made.amount_received) == (currency.lower(), amount)
        assert stand_in.account.books(intent=made.id).taken_minor == amount
    else:
        refused = refusal(merchant.intent, amount, currency)
        assert (refused.code, refused.param) == (code, "currency" if currency == "xts" else "amount")


# Held, captured, released


def test_what_is_held_is_captured_in_part_and_the_rest_is_released(
    merchant: Merchant, stand_in: StripeServer
) -> None:
    held = merchant.paid(capture_method="manual")
    books = stand_in.account.books(intent=held.id)
    assert (books.held_minor, books.taken_minor, held.amount_capturable) == (5000, 0, 5000)
    too_much = refusal(merchant.v1.payment_intents.capture, held.id, {"amount_to_capture": 5001})
    assert too_much.code == "amount_too_large"
    captured = merchant.v1.payment_intents.capture(held.id, {"amount_to_capture": 3000})

    assert (captured.status, captured.amount_received) == ("succeeded", 3000)
    books = stand_in.account.books(intent=held.id)
    assert (books.held_minor, books.taken_minor) == (0, 3000)


def test_cancelling_releases_what_is_held(merchant: Merchant, stand_in: StripeServer) -> None:
    held = merchant.paid(capture_method="manual")
    merchant.v1.payment_intents.cancel(held.id, {"cancellation_reason": "abandoned"})

    assert stand_in.account.books(intent=held.id).held_minor == 0
    assert merchant.v1.charges.retrieve(held.latest_charge).refunded


def test_what_is_never_captured_lapses_after_a_week(
    merchant: Merchant, stand_in: StripeServer, clock: ManualClock
) -> None:
    held = merchant.paid(capture_method="manual")
    clock.advance(WEEK_S)

    assert merchant.v1.payment_intents.retrieve(held.id).status == "canceled"
    assert stand_in.account.books(intent=held.id).held_minor == 0


# The statement, and finding it again


@pytest.mark.parametrize("suffix", ["12345678", "BILL*1", "A BILL THAT IS LONG", 'BILL "1"'])
def test_a_suffix_that_a_statement_cannot_show(merchant: Merchant, suffix: str) -> None:
    refused = refusal(lambda: merchant.intent(statement_descriptor_suffix=suffix))

    assert refused.param == "statement_descriptor_suffix"


def test_a_card_s_statement_is_the_prefix_and_the_suffix(merchant: Merchant) -> None:
    refused = refusal(lambda: merchant.intent(statement_descriptor="WATER"))
    assert "statement_descriptor parameter is not supported for the payment_method_type `card`" in str(
        refused
    )

    paid = merchant.paid(statement_descriptor_suffix="BILL 12", expand=["latest_charge"])
    assert paid.latest_charge.calculated_statement_descriptor == "PAYBYCALL* BILL 12"


def test_a_search_sees_nothing_of_the_last_minute_and_a_list_does(
    merchant: Merchant, clock: ManualClock
) -> None:
    made = merchant.intent(metadata={"attempt": "a-1"})
    merchant.intent(metadata={"attempt": "a-2"})
    query = {"query": 'metadata["attempt"]:"a-1" AND status:"requires_payment_method"'}

    assert merchant.v1.payment_intents.search(query).data == []
    since = {"created": {"gte": int(clock.now().timestamp())}}
    assert len(merchant.v1.payment_intents.list(since).data) == 2
    clock.advance(60)
    assert [one.id for one in merchant.v1.payment_intents.search(query).data] == [made.id]


def test_an_update_changes_what_is_not_yet_paid(merchant: Merchant) -> None:
    made = merchant.intent(metadata={"attempt": "a-1", "call": "c-1"})
    changed = merchant.v1.payment_intents.update(made.id, {"amount": 600, "metadata": {"call": ""}})
    assert (changed.amount, changed.metadata.to_dict()) == (600, {"attempt": "a-1"})

    paid = merchant.paid()
    refused = refusal(merchant.v1.payment_intents.update, paid.id, {"amount": 600})
    assert refused.code == "payment_intent_unexpected_state"
    assert (
        merchant.v1.payment_intents.update(paid.id, {"metadata": {"call": "c-2"}}).metadata["call"] == "c-2"
    )
