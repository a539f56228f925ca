"""A card that its bank wants approved: the payer gets a link by text, and pays on Stripe's page."""

import pytest

from ivr.payments.attempts.states import State
from tests.support import schema
from tests.support.phone import CALLER
from tests.support.server_checks import CARDS
from tests.support.server_on_stripe import StripeHouse
from tests.support.stripe import checkout
from tests.support.stripe.line import Harm

LINK_COMES = "Your bank asks you to approve this payment. I am texting you a link for that."


def asked_to_approve(house: StripeHouse) -> str:
    return house.pay(CARDS["authentication"])


def test_a_link_is_texted_and_paid(house: StripeHouse) -> None:
    said = asked_to_approve(house)
    assert LINK_COMES in said
    assert "The link is on its way" in said
    first, linked = house.payments()
    assert (first.state, linked.state, linked.method) == (State.DECLINED, State.LINK_OPEN, "link")
    page = house.open_link()
    assert "4990 EUR" in page.text
    assert "is being confirmed" in house.pay_on_page()
    assert house.payments()[1].state is State.LINK_OPEN
    house.hear("checkout.session.completed")
    paid = house.payments()[1]
    assert paid.state is State.APPROVED
    assert paid.gateway_reference is not None
    intent = house.stripe.account.objects[paid.gateway_reference]
    assert intent["metadata"]["channel"] == "link"
    assert intent["metadata"]["payment"] == paid.reference
    assert intent["statement_descriptor_suffix"] == "B 10203040"
    receipts = [(one.purpose, one.recipient) for one in house.rows(schema.confirmation)]
    assert receipts == [("link", CALLER), ("receipt", CALLER)]
    assert "We have received your payment." in house.receipt_page()
    house.hear()


def test_paid_and_the_webhook_is_lost(house: StripeHouse) -> None:
    asked_to_approve(house)
    house.pay_on_page()
    house.webhooks.lose()
    house.server.pass_time(2 * 3600)
    assert house.payments()[1].state is State.APPROVED


def test_declined_on_the_page_and_paid_by_another(house: StripeHouse) -> None:
    asked_to_approve(house)
    assert "declined" in house.pay_on_page("generic_decline")
    house.hear()
    assert house.payments()[1].state is State.LINK_OPEN
    house.pay_on_page()
    house.hear()
    assert house.payments()[1].state is State.APPROVED


def test_nobody_pays(house: StripeHouse) -> None:
    """It ends by itself; the bill can be paid again."""
    asked_to_approve(house)
    house.server.pass_time(2 * 3600)
    house.hear()
    assert house.payments()[1].state is State.CANCELLED
    assert "You have paid" in house.pay(CARDS["visa"])


@pytest.mark.parametrize("harm", [Harm.DROP_AFTER, Harm.DROP_BEFORE])
def test_the_answer_to_the_opening_is_lost(house: StripeHouse, harm: Harm) -> None:
    """Made again under its key: one page, and one text."""
    house.harm(harm, "checkout.sessions.create")
    assert "The link is on its way" in asked_to_approve(house)
    assert len(house.stripe.account.of("checkout.session")) == 1
    house.pay_on_page()
    house.hear()
    assert house.payments()[1].state is State.APPROVED


def test_a_limit_of_stripes_is_waited_out_while_the_link_is_opened(house: StripeHouse) -> None:
    house.harm(Harm.RATE_LIMIT, "checkout.sessions.create", times=2)
    assert "The link is on its way" in asked_to_approve(house)
    assert len(house.stripe.account.of("checkout.session")) == 1
    house.pay_on_page()
    house.hear()
    assert house.payments()[1].state is State.APPROVED


def test_rings_again_and_pays_by_card(house: StripeHouse) -> None:
    """Nothing else is paid before Stripe has ended the link."""
    asked_to_approve(house)
    said = house.call("1", CARDS["visa"], "0931", "973", "1")
    assert "You have paid" in said
    [session] = house.stripe.account.of("checkout.session")
    assert session["status"] == "expired"
    house.hear()


def test_paid_on_the_page_while_the_link_is_closed(house: StripeHouse) -> None:
    asked_to_approve(house)
    [session] = house.stripe.account.of("checkout.session")

    def pay() -> None:
        checkout.pay(house.stripe.account, session["id"])

    house.stripe.harm(Harm.TELL_FIRST, "checkout.sessions.retrieve", act=pay)
    said = house.call("1")
    assert "already paid" in said
    house.hear()
