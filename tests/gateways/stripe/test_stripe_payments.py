"""What of a charge the contract suite does not know: Stripe's states, its keys, and what it refuses."""

import dataclasses
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateways.contract import (
    Approved,
    Capture,
    CardAuthorized,
    CardEntry,
    Charge,
    Declined,
    Fenced,
    Order,
    Prepared,
    Tokenized,
    Unavailable,
    Unknown,
)
from gateways.declines import Decline
from gateways.saved_cards import Forgotten, SavedCard
from gateways.secret import Secret
from gateways.stripe.intents import metadata, suffixed
from gateways.stripe.payments import Payments
from ivr.clock import ManualClock
from tests.support.stripe import charging, intents, methods
from tests.support.stripe.bench import BRISK, EVERY_TRY, StripeBench, card
from tests.support.stripe.cards import Refused
from tests.support.stripe.errors import Refusal
from tests.support.stripe.line import Harm
from tests.support.stripe.server import StripeServer
from tests.support.stripe.wire import Answer, json_answer

ORDER = Order(
    "attempt_1",
    4990,
    "EUR",
    "Bill 12345678, payment 80000000",
    {"attempt": "attempt_1", "bill": "12345678", "call": ""},
    "BILL 12345678",
)


def token(bench: StripeBench, number: str = "4242424242424242", key: str = "entry_1") -> Secret:
    made = bench.tokenizer.tokenize(card(number), key=key)
    assert isinstance(made, Tokenized)
    return made.token


def prepared(bench: StripeBench, order: Order = ORDER, holder: str | None = None) -> str:
    made = bench.gateway.prepare(order, holder=holder)
    assert isinstance(made, Prepared)
    return made.gateway_reference


def intent(bench: StripeBench, reference: str) -> dict[str, Any]:
    return bench.account.objects[reference]


def test_finance_and_payer_recognise_the_payment(bench: StripeBench) -> None:
    reference = prepared(bench)
    charged = bench.gateway.charge(Charge(ORDER, token(bench), reference))

    assert isinstance(charged, Approved)
    assert charged.gateway_reference == reference
    assert charged.authorisation_code
    kept = intent(bench, reference)
    assert kept["description"] == "Bill 12345678, payment 80000000"
    assert kept["metadata"] == {"attempt": "attempt_1", "bill": "12345678", "paybycall_key": "attempt_1"}
    assert kept["statement_descriptor_suffix"] == "B 12345678"
    assert bench.gateway.lookup(ORDER, fence=True, reference=reference) == charged


@pytest.mark.parametrize(
    ("statement", "suffix"),
    [
        ("BILL 12345678", "B 12345678"),
        ("BILL 1234", "BILL 1234"),
        ("RECIBO <7>", "RECIBO 7"),
        ("12345678", ""),
        ("", ""),
        ("Agua potable", "Ag potable"),
        ("ABCDEFGHIJKLMNOP", "ABCDEFGHIJ"),
        ("X 1234567890123", "X 12345678"),
        ("Año 7", "Ano 7"),
        ("水", ""),
    ],
)
def test_a_statement_is_cut_to_what_stripe_takes(statement: str, suffix: str) -> None:
    assert suffixed(dataclasses.replace(ORDER, statement=statement)) == suffix


def test_references_are_cut_to_what_stripe_takes() -> None:
    many = {f"{number:03}" + "n" * 60: "v" * 600 for number in range(60)}
    cut = metadata(dataclasses.replace(ORDER, metadata=many))

    assert len(cut) == 50
    assert cut["paybycall_key"] == "attempt_1"
    assert all(len(name) <= 40 and len(value) <= 500 for name, value in cut.items())


def test_a_telephone_order_is_one_only_where_the_setting_says_so(stripe_server: StripeServer) -> None:
    for moto, wanted in ((False, Declined), (True, Approved)):
        bench = StripeBench(stripe_server, CardEntry.TOKENIZE, moto=moto)
        order = dataclasses.replace(ORDER, key=f"attempt_{moto}")
        asks = token(bench, "4000002500003155", key=f"entry_{moto}")
        charged = bench.gateway.charge(Charge(order, asks, prepared(bench, order)))
        assert isinstance(charged, wanted), charged


def test_an_account_without_telephone_orders_is_told_to_the_operator(
    stripe_server: StripeServer, caplog: pytest.LogCaptureFixture
) -> None:
    stripe_server.account.switches.moto = False
    bench = StripeBench(stripe_server, CardEntry.TOKENIZE, moto=True)
    reference = prepared(bench)
    charged = bench.gateway.charge(Charge(ORDER, token(bench), reference))

    assert charged == Declined(Decline.CONFIG_ERROR, "parameter_unknown", reference)
    assert intent(bench, reference)["status"] == "canceled", "certain only because nobody can confirm it"
    assert "set STRIPE_MOTO=no" in caplog.text


def test_what_cannot_be_cancelled_either_is_unknown(bench: StripeBench) -> None:
    reference = prepared(bench)
    bench.server.harm(Harm.DROP_BEFORE, "payment_intents.cancel", times=3)

    assert isinstance(bench.gateway.charge(Charge(ORDER, Secret("pm_never"), reference)), Unknown)
    assert bench.gateway.lookup(ORDER, fence=True, reference=reference) == Fenced()


def test_a_refusal_of_what_was_paid_meanwhile_is_unknown(bench: StripeBench) -> None:
    """400 to our confirmation, and the cancel that would prove it finds another process's payment."""
    reference, good = prepared(bench), methods.make(bench.account)["id"]
    paid = {"payment_method": good, "error_on_requires_action": True}
    bench.server.harm(
        Harm.TELL_FIRST,
        "payment_intents.confirm",
        act=lambda: intents.confirm(bench.account, reference, paid) and None,
    )

    assert isinstance(bench.gateway.charge(Charge(ORDER, Secret("pm_never"), reference)), Unknown)
    assert bench.account.requests("payment_intents.cancel") == 1
    assert isinstance(bench.gateway.lookup(ORDER, fence=True, reference=reference), Approved)


def declining(bench: StripeBench, reference: str, code: str) -> Answer:
    """The card is refused for this, and so Stripe says it."""
    method, why = methods.make(bench.account), Refused("card_declined", "Your card was declined.", code)
    said: Refusal = charging.refused(
        bench.account, intent(bench, reference), method, why, charging.Circumstances()
    )
    return json_answer(said.status, {"error": said.error})


def test_another_intents_decline_is_not_believed(bench: StripeBench) -> None:
    reference = prepared(bench)
    others = prepared(bench, dataclasses.replace(ORDER, key="attempt_2"))
    for about, wanted in ((others, Unknown), (reference, Declined)):
        says = declining(bench, about, "insufficient_funds")
        bench.server.harm(Harm.OTHER_WORDS, "payment_intents.confirm", says=says)
        charged = bench.gateway.charge(Charge(ORDER, token(bench), reference))
        assert isinstance(charged, wanted), charged


def test_a_transaction_that_the_issuer_has_seen_before_is_never_a_decline(bench: StripeBench) -> None:
    reference = prepared(bench)
    says = declining(bench, reference, "duplicate_transaction")
    bench.server.harm(Harm.OTHER_WORDS, "payment_intents.confirm", says=says)

    assert isinstance(bench.gateway.charge(Charge(ORDER, token(bench), reference)), Unknown)
    assert isinstance(bench.gateway.lookup(ORDER, fence=False, reference=reference), Unknown)
    assert bench.gateway.lookup(ORDER, fence=True, reference=reference) == Fenced()


def test_a_cancel_that_cancelled_nothing_fences_nothing(bench: StripeBench) -> None:
    """What the last card was declined for stands there still, and the next confirmation can take money."""
    reference = prepared(bench)
    bench.gateway.charge(Charge(ORDER, token(bench, "4000000000009995"), reference))
    stands = json_answer(200, intent(bench, reference))
    bench.server.harm(Harm.OTHER_WORDS, "payment_intents.cancel", says=stands)

    assert isinstance(bench.gateway.lookup(ORDER, fence=True, reference=reference), Unknown)
    assert isinstance(bench.gateway.lookup(ORDER, fence=True, reference=reference), Declined)


@pytest.mark.parametrize("harm", [Harm.RATE_LIMIT, Harm.CONFLICT, Harm.BROKEN_INSIDE])
def test_wait_and_seen_before_are_unknown(bench: StripeBench, harm: Harm) -> None:
    reference = prepared(bench)
    bench.server.harm(harm, "payment_intents.confirm", times=3)

    assert isinstance(bench.gateway.charge(Charge(ORDER, token(bench), reference)), Unknown)
    found = bench.gateway.lookup(ORDER, fence=True, reference=reference)
    assert isinstance(found, Approved if harm is Harm.BROKEN_INSIDE else Fenced)


def test_a_lost_first_answer_is_asked_again_under_its_key(bench: StripeBench) -> None:
    reference = prepared(bench)
    bench.server.harm(Harm.DROP_AFTER, "payment_intents.confirm")

    assert isinstance(bench.gateway.charge(Charge(ORDER, token(bench), reference)), Approved)
    assert bench.account.books(intent=reference).taken_minor == 4990
    assert bench.account.books(intent=reference).charges == 1


def test_the_same_order_is_found_without_its_reference(bench: StripeBench) -> None:
    bench.server.harm(Harm.DROP_AFTER, "payment_intents.create", times=3)
    assert isinstance(bench.gateway.prepare(ORDER), Unknown)
    assert isinstance(bench.gateway.lookup(ORDER, fence=False), Unknown)

    assert bench.gateway.lookup(ORDER, fence=True) == Fenced()
    assert len(bench.account.of("payment_intent")) == 1
    late = bench.gateway.charge(Charge(ORDER, token(bench), prepared(bench)))
    assert isinstance(late, Unknown), "of a cancelled intent, never a decline"


def test_an_order_older_than_stripes_memory_is_not_asked_for_by_key(bench: StripeBench) -> None:
    reference = prepared(bench)
    paid = bench.gateway.charge(Charge(ORDER, token(bench), reference))
    bench.account.keys.forget_all()
    now = datetime(2026, 11, 2, 12, tzinfo=UTC)
    payments = Payments("automatic", moto=False, now=lambda: now)
    old = dataclasses.replace(ORDER, placed_at=now - timedelta(hours=23, minutes=1))

    with bench.gateway._stripe.visit() as visit:
        assert isinstance(payments.lookup(visit, old, fence=True, reference=None), Unknown)
        assert payments.lookup(visit, old, fence=True, reference=reference) == paid
    assert len(bench.account.of("payment_intent")) == 1, "a second one would have been called fenced"


def test_another_orders_reference_proves_nothing(bench: StripeBench) -> None:
    reference = prepared(bench)
    bench.gateway.charge(Charge(ORDER, token(bench), reference))
    other = dataclasses.replace(ORDER, key="attempt_2")

    assert isinstance(bench.gateway.lookup(other, fence=True, reference=reference), Unknown)
    dearer = dataclasses.replace(ORDER, amount_minor=5000)
    assert isinstance(bench.gateway.lookup(dearer, fence=True, reference=reference), Unknown)


def test_a_fence_never_cancels_another_orders_intent(bench: StripeBench) -> None:
    reference = prepared(bench)
    other = dataclasses.replace(ORDER, key="attempt_2")

    assert isinstance(bench.gateway.lookup(other, fence=True, reference=reference), Unknown)
    assert intent(bench, reference)["status"] == "requires_payment_method"


def test_what_the_issuer_still_thinks_about_is_unknown_also_fencing(bench: StripeBench) -> None:
    bench.account.switches.slow_issuer = True
    reference = prepared(bench)

    assert isinstance(bench.gateway.charge(Charge(ORDER, token(bench), reference)), Unknown)
    assert isinstance(bench.gateway.lookup(ORDER, fence=True, reference=reference), Unknown)
    intents.conclude(bench.account, reference)
    assert isinstance(bench.gateway.lookup(ORDER, fence=True, reference=reference), Approved)


def test_a_declined_order_that_is_fenced_cannot_be_confirmed_any_more(bench: StripeBench) -> None:
    reference = prepared(bench)
    declined = bench.gateway.charge(Charge(ORDER, token(bench, "4000000000009995"), reference))

    assert bench.gateway.lookup(ORDER, fence=True, reference=reference) == declined
    assert intent(bench, reference)["status"] == "canceled"


def test_what_a_person_captured_in_part_is_not_called_paid(stripe_server: StripeServer) -> None:
    bench = StripeBench(stripe_server, CardEntry.AUTHORIZE)
    held = bench.authorizer.authorize(card("4242424242424242"), ORDER)
    assert isinstance(held, CardAuthorized)
    with bench.gateway._stripe.visit() as visit:
        visit.send(
            lambda v1, options: v1.payment_intents.capture(
                held.authorization, {"amount_to_capture": 1000}, options
            )
        )

    found = bench.gateway.lookup(ORDER, fence=True, reference=held.authorization)
    assert found == Unknown("Stripe says succeeded")
    assert isinstance(bench.gateway.capture(Capture(ORDER.key, held.authorization, 4990, "EUR")), Unknown)


@pytest.mark.parametrize(
    ("amount_minor", "taken"), [(1230, True), (1235, False), (1231, False), (1240, True)]
)
def test_three_decimals_that_stripe_does_not_take_are_refused_before_a_card_is_keyed(
    bench: StripeBench, amount_minor: int, taken: bool
) -> None:
    order = dataclasses.replace(
        ORDER, key=f"attempt_{amount_minor}", amount_minor=amount_minor, currency="KWD"
    )

    assert bench.gateway.capabilities.takes(amount_minor, "KWD") is taken
    assert isinstance(bench.gateway.prepare(order), Prepared) is taken, "as Stripe says itself"
    assert bench.gateway.capabilities.takes(amount_minor, "EUR")


# Cards at their entry


@pytest.mark.parametrize(
    ("keyed", "decline"),
    [
        (card("4242424242424241"), Decline.INVALID_NUMBER),
        (card("4242424242424242", month=13), Decline.INVALID_EXPIRY),
        (card("4242424242424242", year=1999), Decline.INVALID_EXPIRY),
        (card("4242424242424242", code="97"), Decline.INCORRECT_CVC),
        (card("4012888888881881"), Decline.CONFIG_ERROR),
    ],
)
def test_a_card_that_stripe_does_not_take_is_declined_at_its_entry(
    bench: StripeBench, keyed: Any, decline: Decline
) -> None:
    made = bench.tokenizer.tokenize(keyed, key="entry_1")
    assert isinstance(made, Declined)
    assert made.decline is decline


def test_an_account_without_raw_cards_is_told_to_the_operator(
    bench: StripeBench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.account.switches.raw_cards = False

    assert isinstance(bench.tokenizer.tokenize(bench.good_card, key="entry_1"), Unavailable)
    assert "raw card data APIs switched on" in caplog.text
    assert "4242" not in caplog.text


def test_a_fault_of_stripes_own_does_not_blame_the_account(
    bench: StripeBench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.server.harm(Harm.BROKEN_INSIDE, "payment_methods.create")

    assert isinstance(bench.tokenizer.tokenize(bench.good_card, key="entry_1"), Unavailable)
    assert "raw card data" not in caplog.text


def test_the_same_key_tokenizes_once(bench: StripeBench) -> None:
    assert token(bench) == token(bench)
    assert bench.account.requests("payment_methods.create") == 2
    assert len(bench.account.of("payment_method")) == 1


# Saved cards


def kept(bench: StripeBench) -> SavedCard:
    once = token(bench)
    charged = bench.gateway.charge(Charge(ORDER, once, prepared(bench), keep_card=True))
    assert isinstance(charged, Approved)
    saved = bench.gateway.save_card("card_1", once, charge_reference=charged.gateway_reference, holder=None)
    assert isinstance(saved, SavedCard)
    return saved


def test_a_card_is_kept_charged_again_and_forgotten(bench: StripeBench) -> None:
    saved = kept(bench)
    second = dataclasses.replace(ORDER, key="attempt_2")
    reference = prepared(bench, second, saved.holder)

    paid = bench.gateway.charge(Charge(second, saved.token, reference, saved.holder))
    assert isinstance(paid, Approved)
    assert bench.gateway.lookup(second, fence=True) == paid, (
        "made again without its holder, in the same words"
    )
    assert bench.gateway.forget_card(saved) == Forgotten()
    assert bench.gateway.forget_card(saved) == Forgotten()
    third = dataclasses.replace(ORDER, key="attempt_3")
    refused = bench.gateway.charge(Charge(third, saved.token, prepared(bench, third), saved.holder))
    assert not isinstance(refused, Approved)


def test_a_card_is_saved_once_and_to_the_holder_that_is_known(bench: StripeBench) -> None:
    saved = kept(bench)
    again = bench.gateway.save_card("card_1", saved.token, charge_reference="pi_1", holder=saved.holder)

    assert again == saved
    assert len(bench.account.of("customer")) == 1
    other = bench.account.ids.new("cus")
    assert bench.gateway.save_card("card_2", saved.token, charge_reference="pi_1", holder=other) == saved


@pytest.mark.parametrize("kind", ["customers.create", "payment_methods.attach"])
def test_a_saving_whose_answer_is_lost_can_be_repeated(bench: StripeBench, kind: str) -> None:
    once = token(bench)
    bench.gateway.charge(Charge(ORDER, once, prepared(bench), keep_card=True))
    bench.server.harm(Harm.DROP_AFTER, kind, times=3)
    save = {"charge_reference": "pi_1", "holder": None}

    assert isinstance(bench.gateway.save_card("card_1", once, **save), Unknown)
    assert isinstance(bench.gateway.save_card("card_1", once, **save), SavedCard)
    assert len(bench.account.of("customer")) == 1


def test_a_card_whose_saving_was_lost_is_found_when_stripe_has_forgotten_the_key(
    bench: StripeBench, stripe_clock: ManualClock
) -> None:
    """A second customer is made then, and the card is the first one's: never "not kept", it is chargeable."""
    once = token(bench)
    bench.gateway.charge(Charge(ORDER, once, prepared(bench), keep_card=True))
    bench.server.harm(Harm.DROP_AFTER, "payment_methods.attach", times=EVERY_TRY)
    save = {"charge_reference": "pi_1", "holder": None}
    assert isinstance(bench.gateway.save_card("card_1", once, **save), Unknown)
    first = bench.account.objects[once.reveal()]["customer"]
    stripe_clock.advance(24 * 3600 + 60)

    assert bench.gateway.save_card("card_1", once, **save) == SavedCard(first, once)
    assert len(bench.account.of("customer")) == 2
    assert bench.gateway.forget_card(SavedCard(first, once)) == Forgotten()


def test_a_key_that_was_rolled_proves_nothing_about_a_card_that_was_sent_before(bench: StripeBench) -> None:
    once, key = token(bench), bench.account.key
    bench.gateway.charge(Charge(ORDER, once, prepared(bench), keep_card=True))
    bench.server.harm(Harm.DROP_AFTER, "payment_methods.attach", times=EVERY_TRY)
    save = {"charge_reference": "pi_1", "holder": None}
    assert isinstance(bench.gateway.save_card("card_1", once, **save), Unknown)
    bench.speak(BRISK, "sk_test_rolled")

    assert isinstance(bench.gateway.save_card("card_1", once, **save), Unknown)
    bench.speak(BRISK, key)
    assert isinstance(bench.gateway.save_card("card_1", once, **save), SavedCard)


@pytest.mark.parametrize("kind", ["customers.create", "payment_methods.attach"])
@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_refused_saving_is_certain_only_of_a_card_that_was_seen_and_that_nobody_has(
    bench: StripeBench, kind: str, status: int
) -> None:
    once = token(bench)
    bench.gateway.charge(Charge(ORDER, once, prepared(bench), keep_card=True))
    said = {"type": "card_error" if status == 402 else "invalid_request_error", "code": "card_declined"}
    refused = json_answer(status, {"error": said})
    bench.server.harm(Harm.OTHER_WORDS, kind, says=refused)
    bench.server.harm(Harm.OTHER_WORDS, "payment_methods.retrieve", says=refused)
    save = {"charge_reference": "pi_1", "holder": None}

    assert isinstance(bench.gateway.save_card("card_1", once, **save), Unknown), "it was not seen"
    bench.server.harm(Harm.OTHER_WORDS, kind, says=refused)
    assert isinstance(bench.gateway.save_card("card_1", once, **save), Declined)


def test_a_card_that_was_not_kept_at_its_charge_cannot_be_saved(bench: StripeBench) -> None:
    once = token(bench)
    bench.gateway.charge(Charge(ORDER, once, prepared(bench)))

    assert isinstance(bench.gateway.save_card("card_1", once, charge_reference="pi_1", holder=None), Declined)


@pytest.mark.parametrize("harm", [Harm.DROP_BEFORE, Harm.DROP_AFTER])
def test_a_forgetting_whose_answer_is_lost_is_unknown_and_can_be_repeated(
    bench: StripeBench, harm: Harm
) -> None:
    saved = kept(bench)
    bench.server.harm(harm, "payment_methods.detach", times=3)

    assert isinstance(bench.gateway.forget_card(saved), Unknown)
    assert bench.gateway.forget_card(saved) == Forgotten()


def test_no_token_is_logged_with_the_path_that_holds_it(
    bench: StripeBench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="urllib3")
    bench.gateway.forget_card(kept(bench))

    assert "/v1/payment_intents" in caplog.text, "the line below logs at all"
    assert "pm_" not in caplog.text
    assert bench.account.key not in caplog.text
