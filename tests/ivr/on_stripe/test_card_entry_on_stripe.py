"""The other two ways in which a card comes: the carrier takes it, or Stripe holds the amount at once."""

import pytest

from ivr.payments.attempts.states import State
from tests.ivr.on_stripe.conftest import Start
from tests.support.server_checks import CARDS, KEYED
from tests.support.server_on_stripe import ServerOnStripe
from tests.support.stripe.account import Switches
from tests.support.stripe.line import Harm

NOT_ACCEPTED = "The bank did not accept this card, and you were not charged."
HELD = ("1", "1", CARDS["visa"], KEYED["expiry"], KEYED["code"])


@pytest.fixture
def by_carrier(start_on_stripe: Start) -> ServerOnStripe:
    """No card comes to us: the carrier's connector gives it to Stripe."""
    return start_on_stripe(CARD_ENTRY="pay")


@pytest.fixture
def holding(start_on_stripe: Start) -> ServerOnStripe:
    return start_on_stripe(STRIPE_CARD_ENTRY="authorize")


def test_the_carrier_takes_the_card(by_carrier: ServerOnStripe) -> None:
    assert "You have paid" in by_carrier.pay(CARDS["visa"])
    [intent] = by_carrier.intents()
    assert intent["status"] == "succeeded"
    by_carrier.hear()


def test_the_carriers_card_is_declined_and_another_one_pays(by_carrier: ServerOnStripe) -> None:
    said = by_carrier.pay(CARDS["no_funds"], CARDS["visa"], KEYED["expiry"], KEYED["code"], "1")
    assert NOT_ACCEPTED in said
    assert "You have paid" in said


def test_the_carriers_card_wants_approval(by_carrier: ServerOnStripe) -> None:
    assert "The link is on its way" in by_carrier.pay(CARDS["authentication"])
    by_carrier.pay_on_page()
    by_carrier.hear()
    assert by_carrier.payments()[1].state is State.APPROVED


def test_the_carriers_answer_is_lost(by_carrier: ServerOnStripe) -> None:
    by_carrier.harm(Harm.DROP_AFTER, "payment_intents.confirm")
    assert "You have paid" in by_carrier.pay(CARDS["visa"])


def test_stripe_holds_and_takes(holding: ServerOnStripe) -> None:
    said = holding.call(*HELD)
    assert "You have paid" in said
    [intent] = holding.intents()
    assert (intent["status"], intent["capture_method"]) == ("succeeded", "manual")
    assert intent["metadata"]["payment"] == holding.payment().reference
    assert intent["description"] == f"Bill 10203040, payment {holding.payment().reference}"
    holding.hear()


@pytest.mark.parametrize("card", ["no_funds", "stolen", "wrong_code", "issuer_down"])
def test_stripe_holds_nothing_of_a_declined_card(holding: ServerOnStripe, card: str) -> None:
    said = holding.call("1", "1", CARDS[card], *HELD[3:], *HELD[2:])
    assert said.count(NOT_ACCEPTED) == 1
    assert "You have paid" in said
    holding.hear()


def test_the_held_card_wants_approval(holding: ServerOnStripe) -> None:
    said = holding.call("1", "1", CARDS["authentication"], *HELD[3:])
    assert "The link is on its way" in said
    holding.pay_on_page()
    holding.hear()
    assert holding.payments()[1].state is State.APPROVED


@pytest.mark.parametrize("harm", [Harm.DROP_BEFORE, Harm.DROP_AFTER])
@pytest.mark.parametrize(
    "kind", ["payment_intents.create", "payment_intents.confirm", "payment_intents.capture"]
)
def test_an_answer_is_lost_on_the_way_to_a_hold(holding: ServerOnStripe, harm: Harm, kind: str) -> None:
    holding.harm(harm, kind)
    said = holding.call(*HELD)
    assert NOT_ACCEPTED not in said
    holding.server.pass_time(1800)
    assert holding.payment().state in {State.APPROVED, State.CANCELLED, State.VOIDED}
    holding.hear()


@pytest.mark.parametrize(
    "kind",
    [
        "payment_methods.create",
        "payment_intents.create",
        "payment_intents.confirm",
        "payment_intents.retrieve",
        "payment_intents.capture",
    ],
)
def test_a_limit_of_stripes_is_waited_out_on_the_way_to_a_hold(holding: ServerOnStripe, kind: str) -> None:
    holding.harm(Harm.RATE_LIMIT, kind, times=3)
    assert "You have paid" in holding.call(*HELD)
    assert [one["status"] for one in holding.intents()] == ["succeeded"]


def test_who_hangs_up_while_a_limit_is_waited_out_is_not_charged(holding: ServerOnStripe) -> None:
    holding.harm(Harm.RATE_LIMIT, "payment_methods.create", times=2)
    holding.call(*HELD, gone_waiting=True)
    holding.server.pass_time(1800)
    assert holding.payment().state in {State.CANCELLED, State.VOIDED}
    assert "succeeded" not in [one["status"] for one in holding.intents()]


def test_who_hangs_up_behind_the_hold_is_given_it_back(holding: ServerOnStripe) -> None:
    """The card is held while "one moment" is said; the caller goes before the money is taken."""
    holding.harm(Harm.DELAY, "payment_intents.confirm", times=1, delay_s=3)
    holding.call(*HELD, gone_waiting=True)
    holding.server.pass_time(1800)
    one = holding.payment()
    assert one.state is State.VOIDED
    assert [i["status"] for i in holding.intents()] == ["canceled"]
    holding.hear()


@pytest.mark.parametrize("why", ["key", "raw cards"])
def test_stripe_takes_no_number_of_ours(start_on_stripe: Start, why: str) -> None:
    """A key that Stripe does not know, or an account that may not send numbers: nothing is held."""
    how = {"key": "sk_test_of_another"} if why == "key" else {"switches": Switches(raw_cards=False)}
    told = "does not know STRIPE_API_KEY of the PCI process" if why == "key" else "check STRIPE_API_KEY"
    holding = start_on_stripe(STRIPE_CARD_ENTRY="authorize", **how)
    said = holding.call(*HELD)
    assert "This payment cannot be taken by phone. You were not charged." in said
    assert "bank" not in said
    assert holding.payment().state is State.DECLINED
    assert told in holding.told_operator
