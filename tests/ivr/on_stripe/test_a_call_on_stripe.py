"""Calls that pay by card at Stripe: what the caller hears, what Stripe took, what our books say."""

from collections.abc import Callable

import pytest

from gateways.declines import Decline
from ivr.payments.attempts.states import State
from ivr.simulators.phone.events import PhoneEvent, Said
from tests.ivr.on_stripe.conftest import Start
from tests.support import schema
from tests.support.phone import CALLER
from tests.support.server_checks import CARDS, KEYED
from tests.support.server_on_stripe import ServerOnStripe
from tests.support.stripe.line import Harm

NOT_ACCEPTED = "The bank did not accept this card, and you were not charged."
PAID = "Thank you. You have paid 49 euros and 90 cents."
NOT_BY_PHONE = "This bill cannot be paid by phone."
NO_CARDS = "I cannot take cards at the moment. You were not charged."
NOT_SENT = "the payment could not be sent, and you were not charged."


def test_a_caller_pays_and_finance_finds_it(on_stripe: ServerOnStripe) -> None:
    assert PAID in on_stripe.pay(CARDS["visa"])
    [intent] = on_stripe.intents()
    paid = on_stripe.payment()
    assert (intent["status"], intent["amount_received"], intent["currency"]) == ("succeeded", 4990, "eur")
    assert intent["metadata"] == {
        "attempt": paid.id,
        "payment": paid.reference,
        "bill": "10203040",
        "call": paid.call_id,
        "channel": "phone",
        "paybycall_key": paid.id,
    }
    assert intent["description"] == f"Bill 10203040, payment {paid.reference}"
    assert intent["statement_descriptor_suffix"] == "B 10203040"
    assert (paid.state, paid.gateway_reference) == (State.APPROVED, intent["id"])
    [receipt] = on_stripe.rows(schema.confirmation)
    assert (receipt.purpose, receipt.recipient, receipt.state) == ("receipt", CALLER, "sent")
    url = f"https://dashboard.stripe.com/test/payments/{intent['id']}"
    assert on_stripe.server.on.payments.dashboard_url("stripe", paid.gateway_reference) == url


@pytest.mark.parametrize(
    ("card", "decline"),
    [
        ("declined", Decline.GENERIC),
        ("no_funds", Decline.INSUFFICIENT_FUNDS),
        ("lost", Decline.LOST_STOLEN),
        ("stolen", Decline.LOST_STOLEN),
        ("expired", Decline.EXPIRED_CARD),
        ("wrong_code", Decline.INCORRECT_CVC),
        ("issuer_down", Decline.ISSUER_UNAVAILABLE),
        ("blocked", Decline.SUSPECTED_FRAUD),
    ],
)
def test_a_declined_card_is_told_and_another_one_pays(
    on_stripe: ServerOnStripe, card: str, decline: Decline
) -> None:
    said = on_stripe.pay(CARDS[card], CARDS["visa"], KEYED["expiry"], KEYED["code"], "1")
    assert said.count(NOT_ACCEPTED) == 1
    assert PAID in said
    assert not {"stolen", "lost", "fraud", "reported"} & set(said.lower().replace(".", "").split())
    first, second = on_stripe.payments()
    assert (first.state, first.decline, second.state) == (State.DECLINED, decline, State.APPROVED)


def test_one_lost_answer_is_asked_for_again_by_the_library(on_stripe: ServerOnStripe) -> None:
    on_stripe.harm(Harm.DROP_AFTER, "payment_intents.create", times=1)
    on_stripe.harm(Harm.DROP_AFTER, "payment_intents.confirm", times=1)
    assert PAID in on_stripe.pay(CARDS["visa"])


def test_the_answer_to_the_making_is_lost(on_stripe: ServerOnStripe) -> None:
    """Nothing was confirmed: the caller hears that, and may ring again."""
    on_stripe.harm(Harm.DROP_AFTER, "payment_intents.create")
    assert NOT_SENT in on_stripe.pay(CARDS["visa"])
    on_stripe.server.pass_time(120)
    assert on_stripe.payment().state is State.CANCELLED
    assert PAID in on_stripe.pay(CARDS["visa"])


def test_the_answer_to_the_confirmation_is_lost_and_found(on_stripe: ServerOnStripe) -> None:
    on_stripe.harm(Harm.DROP_AFTER, "payment_intents.confirm")
    assert PAID in on_stripe.pay(CARDS["visa"])


def test_the_confirmation_never_arrives_and_is_fenced(on_stripe: ServerOnStripe) -> None:
    on_stripe.harm(Harm.DROP_BEFORE, "payment_intents.confirm")
    said = on_stripe.pay(CARDS["visa"])
    assert NOT_SENT in said
    assert on_stripe.payment().state is State.CANCELLED
    assert [one["status"] for one in on_stripe.intents()] == ["canceled"]


@pytest.mark.parametrize("delay_s", [9, 80])
def test_stripe_is_slow_to_confirm(on_stripe: ServerOnStripe, delay_s: int) -> None:
    """The caller is spoken to meanwhile; where no answer comes, it is looked up."""
    on_stripe.harm(Harm.DELAY, "payment_intents.confirm", times=1, delay_s=delay_s)
    assert PAID in on_stripe.pay(CARDS["visa"])
    on_stripe.server.pass_time(120)


@pytest.mark.parametrize(
    "kind", ["payment_methods.create", "payment_intents.create", "payment_intents.confirm"]
)
def test_stripes_rate_limit_is_waited_out_while_the_caller_is_spoken_to(
    on_stripe: ServerOnStripe, kind: str
) -> None:
    """Turned away three times: one, two and four seconds go by, and no silence is longer than nine."""
    on_stripe.harm(Harm.RATE_LIMIT, kind, times=3)
    began = on_stripe.server.clock.now()
    silences: list[float] = []

    def listener(event: PhoneEvent) -> None:
        nonlocal began
        if isinstance(event, Said):
            silences.append((on_stripe.server.clock.now() - began).total_seconds())
            began = on_stripe.server.clock.now()

    said = on_stripe.pay(CARDS["visa"], listener=listener)
    assert PAID in said
    assert max(silences) < 9
    assert on_stripe.told_operator.count("gateway_did_not_process") == 3
    assert [one["status"] for one in on_stripe.intents()] == ["succeeded"]


def test_a_limit_that_stays_is_told_for_what_it_is(on_stripe: ServerOnStripe) -> None:
    on_stripe.harm(Harm.RATE_LIMIT, "payment_methods.create", times=4)
    assert NO_CARDS in on_stripe.pay(CARDS["visa"])
    on_stripe.harm(Harm.RATE_LIMIT, "payment_intents.create", times=4)
    assert NOT_SENT in on_stripe.pay(CARDS["visa"])
    on_stripe.harm(Harm.RATE_LIMIT, "payment_intents.confirm", times=4)
    said = on_stripe.pay(CARDS["visa"])
    assert NOT_SENT in said
    assert NOT_ACCEPTED not in said
    assert {one.state for one in on_stripe.payments()} == {State.CANCELLED}


def test_stripe_is_slow_to_make_it(on_stripe: ServerOnStripe) -> None:
    on_stripe.harm(Harm.DELAY, "payment_intents.create", times=1, delay_s=12)
    said = on_stripe.pay(CARDS["visa"])
    assert PAID in said


def test_stripe_is_away(on_stripe: ServerOnStripe) -> None:
    on_stripe.stripe.refuse()
    said = on_stripe.pay(CARDS["visa"])
    assert NO_CARDS in said
    assert on_stripe.payments() == []
    on_stripe.stripe.accept()
    assert PAID in on_stripe.pay(CARDS["visa"])


def at_the_confirmation(act: Callable[[], None]) -> Callable[[PhoneEvent], None]:
    """Does it while the card and the amount are read back."""

    def listener(event: PhoneEvent) -> None:
        if isinstance(event, Said) and event.text.startswith("Visa ending in"):
            act()

    return listener


def test_stripe_goes_away_behind_the_card(on_stripe: ServerOnStripe) -> None:
    said = on_stripe.pay(CARDS["visa"], listener=at_the_confirmation(on_stripe.stripe.refuse))
    assert NOT_SENT in said
    on_stripe.stripe.accept()
    on_stripe.server.pass_time(300)
    assert on_stripe.payment().state is State.CANCELLED


def test_a_key_that_stripe_does_not_know(start_on_stripe: Start) -> None:
    """No caller hears of their bank, and the operator hears what to do."""
    on_stripe = start_on_stripe(key="sk_test_of_another")
    said = on_stripe.pay(CARDS["visa"])
    assert "bank" not in said
    assert NO_CARDS in said
    assert "STRIPE_API_KEY" in on_stripe.told_operator


def test_the_key_is_revoked_behind_the_card(on_stripe: ServerOnStripe) -> None:
    def revoke() -> None:
        on_stripe.stripe.account.key = "sk_test_new"

    said = on_stripe.pay(CARDS["visa"], listener=at_the_confirmation(revoke))
    assert "bank" not in said
    assert "not charged" in said
    on_stripe.stripe.account.key = "sk_test_standin"
    assert "STRIPE_API_KEY" in on_stripe.told_operator


def test_the_key_is_revoked_before_the_confirmation(on_stripe: ServerOnStripe) -> None:
    def revoke() -> None:
        on_stripe.stripe.account.key = "sk_test_new"

    on_stripe.harm(Harm.TELL_FIRST, "payment_intents.create", times=1, act=revoke)
    said = on_stripe.pay(CARDS["visa"])
    assert NOT_ACCEPTED not in said
    on_stripe.server.pass_time(60)
    on_stripe.stripe.account.key = "sk_test_standin"
    on_stripe.server.pass_time(400)
    assert on_stripe.payment().state is State.CANCELLED
    assert "STRIPE_API_KEY" in on_stripe.told_operator


ANOTHER = "+34600999888"


@pytest.mark.parametrize("settings", [{}, {"STRIPE_CARD_ENTRY": "authorize"}, {"CARD_ENTRY": "pay"}])
def test_a_bill_below_stripes_least(start_on_stripe: Start, settings: dict[str, str]) -> None:
    """Told before a card is keyed for nothing, and before a sum that cannot be paid."""
    on_stripe = start_on_stripe(**settings)
    on_stripe.server.expected.add("amount_not_taken")
    on_stripe.server.add_bill("20304050", phone=ANOTHER, billed_minor=49, minimum_minor=30)
    said = on_stripe.call(from_number=ANOTHER)
    assert NOT_BY_PHONE in said
    assert "to pay" not in said
    assert "EUR" in on_stripe.told_operator


def test_no_part_below_stripes_least_is_offered(on_stripe: ServerOnStripe) -> None:
    on_stripe.server.add_bill("20304050", phone=ANOTHER, billed_minor=200, minimum_minor=30)
    said = on_stripe.call(
        "2", "0*49#", "0*50#", "1", CARDS["visa"], KEYED["expiry"], KEYED["code"], from_number=ANOTHER
    )
    assert "That comes to less than 50 cents." in said
    assert "To pay 50 cents, press 1." in said


def test_a_bill_above_stripes_most(on_stripe: ServerOnStripe) -> None:
    """A part of it can be paid, and no more than that is offered; of the other nothing can."""
    on_stripe.server.add_bill("20304050", phone=ANOTHER, billed_minor=100_000_000, minimum_minor=100)
    part = ["1", "1000000#", "12*5#", "999999*99#", "1", CARDS["visa"], KEYED["expiry"], KEYED["code"], "1"]
    said = on_stripe.call(*part, from_number=ANOTHER)
    most = "999,999 euros and 99 cents"
    assert f"There is 1,000,000 euros to pay, and {most} at most in one payment. To enter" in said
    keys = "9, 9, 9, 9, 9, 9, star, 9, 9."
    assert f"That is more than one payment can be. For {most}, enter {keys}" in said
    assert f"That amount is not clear. For {most}, enter {keys}" in said
    assert f"You have paid {most}" in said


@pytest.mark.parametrize("settings", [{}, {"STRIPE_CARD_ENTRY": "authorize"}, {"CARD_ENTRY": "pay"}])
def test_what_stripe_takes_nothing_of(start_on_stripe: Start, settings: dict[str, str]) -> None:
    """A currency, or more than it charges at once where the bill is paid whole or not at all."""
    on_stripe = start_on_stripe(**settings)
    on_stripe.server.expected.add("amount_not_taken")
    for reference, caller, currency, billed_minor in (
        ("20304050", ANOTHER, "ISK", 500), ("30405060", "+34600999777", "EUR", 100_000_000),
    ):  # fmt: skip
        on_stripe.server.add_bill(
            reference, phone=caller, currency=currency, billed_minor=billed_minor, minimum_minor=billed_minor
        )
        said = on_stripe.call(from_number=caller)
        assert NOT_BY_PHONE in said
        assert "to pay" not in said
        assert currency in on_stripe.told_operator
