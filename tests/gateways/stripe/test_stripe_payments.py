"""What a charge tells Stripe and the payer, and what it says where Stripe refuses it or does not answer."""

import dataclasses

import pytest

from gateways.capability import CardEntry
from gateways.contract import Approved, Cancelled, ChargeRequest, Declined, Prepared, Unknown
from gateways.declines import Decline
from gateways.secret import Secret
from gateways.stripe.intents import metadata, suffixed
from tests.support.stripe import charging, intents, methods
from tests.support.stripe.cards import Refused
from tests.support.stripe.errors import Refusal
from tests.support.stripe.harness import StripeHarness
from tests.support.stripe.line import Harm
from tests.support.stripe.orders import ORDER, intent, prepared, token
from tests.support.stripe.server import StripeServer
from tests.support.stripe.wire import Answer, json_answer


def test_finance_and_payer_recognise_the_payment(harness: StripeHarness) -> None:
    reference = prepared(harness)
    charged = harness.gateway.charge(ChargeRequest(ORDER, token(harness), reference))

    assert isinstance(charged, Approved)
    assert charged.gateway_reference == reference
    assert charged.authorisation_code
    kept = intent(harness, reference)
    assert kept["description"] == "Bill 12345678, payment 80000000"
    assert kept["metadata"] == {"attempt": "attempt_1", "bill": "12345678", "paybycall_key": "attempt_1"}
    assert kept["statement_descriptor_suffix"] == "B 12345678"
    assert harness.gateway.lookup(ORDER, cancel=True, reference=reference) == charged


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
        harness = StripeHarness(stripe_server, CardEntry.TOKENIZE, moto=moto)
        order = dataclasses.replace(ORDER, key=f"attempt_{moto}")
        asks = token(harness, "4000002500003155", key=f"entry_{moto}")
        charged = harness.gateway.charge(ChargeRequest(order, asks, prepared(harness, order)))
        assert isinstance(charged, wanted), charged


def test_an_account_without_telephone_orders_is_told_to_the_operator(
    stripe_server: StripeServer, caplog: pytest.LogCaptureFixture
) -> None:
    stripe_server.account.switches.moto = False
    harness = StripeHarness(stripe_server, CardEntry.TOKENIZE, moto=True)
    reference = prepared(harness)
    charged = harness.gateway.charge(ChargeRequest(ORDER, token(harness), reference))

    assert charged == Declined(Decline.CONFIG_ERROR, "parameter_unknown", reference)
    assert intent(harness, reference)["status"] == "canceled", "certain only because nobody can confirm it"
    assert "set STRIPE_MOTO=no" in caplog.text


def test_what_cannot_be_cancelled_either_is_unknown(harness: StripeHarness) -> None:
    reference = prepared(harness)
    harness.server.harm(Harm.DROP_BEFORE, "payment_intents.cancel", times=3)

    assert isinstance(harness.gateway.charge(ChargeRequest(ORDER, Secret("pm_never"), reference)), Unknown)
    assert harness.gateway.lookup(ORDER, cancel=True, reference=reference) == Cancelled()


def test_a_refusal_of_what_was_paid_meanwhile_is_unknown(harness: StripeHarness) -> None:
    """400 to our confirmation, and the cancel that would prove it finds another process's payment."""
    reference, good = prepared(harness), methods.make(harness.account)["id"]
    paid = {"payment_method": good, "error_on_requires_action": True}
    harness.server.harm(
        Harm.TELL_FIRST,
        "payment_intents.confirm",
        act=lambda: intents.confirm(harness.account, reference, paid) and None,
    )

    assert isinstance(harness.gateway.charge(ChargeRequest(ORDER, Secret("pm_never"), reference)), Unknown)
    assert harness.account.requests("payment_intents.cancel") == 1
    assert isinstance(harness.gateway.lookup(ORDER, cancel=True, reference=reference), Approved)


def declining(harness: StripeHarness, reference: str, code: str) -> Answer:
    """The card is refused for this, and so Stripe says it."""
    method, why = methods.make(harness.account), Refused("card_declined", "Your card was declined.", code)
    said: Refusal = charging.refused(
        harness.account, intent(harness, reference), method, why, charging.Circumstances()
    )
    return json_answer(said.status, {"error": said.error})


def test_another_intents_decline_is_not_believed(harness: StripeHarness) -> None:
    reference = prepared(harness)
    others = prepared(harness, dataclasses.replace(ORDER, key="attempt_2"))
    for about, wanted in ((others, Unknown), (reference, Declined)):
        says = declining(harness, about, "insufficient_funds")
        harness.server.harm(Harm.OTHER_WORDS, "payment_intents.confirm", says=says)
        charged = harness.gateway.charge(ChargeRequest(ORDER, token(harness), reference))
        assert isinstance(charged, wanted), charged


def test_a_transaction_that_the_issuer_has_seen_before_is_never_a_decline(harness: StripeHarness) -> None:
    reference = prepared(harness)
    says = declining(harness, reference, "duplicate_transaction")
    harness.server.harm(Harm.OTHER_WORDS, "payment_intents.confirm", says=says)

    assert isinstance(harness.gateway.charge(ChargeRequest(ORDER, token(harness), reference)), Unknown)
    assert isinstance(harness.gateway.lookup(ORDER, cancel=False, reference=reference), Unknown)
    assert harness.gateway.lookup(ORDER, cancel=True, reference=reference) == Cancelled()


@pytest.mark.parametrize("harm", [Harm.RATE_LIMIT, Harm.CONFLICT, Harm.BROKEN_INSIDE])
def test_wait_and_seen_before_are_unknown(harness: StripeHarness, harm: Harm) -> None:
    reference = prepared(harness)
    harness.server.harm(harm, "payment_intents.confirm", times=3)

    assert isinstance(harness.gateway.charge(ChargeRequest(ORDER, token(harness), reference)), Unknown)
    found = harness.gateway.lookup(ORDER, cancel=True, reference=reference)
    assert isinstance(found, Approved if harm is Harm.BROKEN_INSIDE else Cancelled)


def test_a_lost_first_answer_is_asked_again_under_its_key(harness: StripeHarness) -> None:
    reference = prepared(harness)
    harness.server.harm(Harm.DROP_AFTER, "payment_intents.confirm")

    assert isinstance(harness.gateway.charge(ChargeRequest(ORDER, token(harness), reference)), Approved)
    assert harness.account.books(intent=reference).taken_minor == 4990
    assert harness.account.books(intent=reference).charges == 1


@pytest.mark.parametrize(
    ("amount_minor", "taken"), [(1230, True), (1235, False), (1231, False), (1240, True)]
)
def test_unsupported_third_decimals_are_refused_before_card_entry(
    harness: StripeHarness, amount_minor: int, taken: bool
) -> None:
    order = dataclasses.replace(
        ORDER, key=f"attempt_{amount_minor}", amount_minor=amount_minor, currency="KWD"
    )

    assert harness.gateway.capabilities.accepts(amount_minor, "KWD") is taken
    assert isinstance(harness.gateway.prepare(order), Prepared) is taken, "as Stripe says itself"
    assert harness.gateway.capabilities.accepts(amount_minor, "EUR")
