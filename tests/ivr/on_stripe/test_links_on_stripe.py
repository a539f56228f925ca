"""A card that its bank wants approved: the payer gets a link by text, and pays on Stripe's page."""

import pytest

from ivr.payments.attempts.states import State
from tests.support import schema
from tests.support.phone import CALLER
from tests.support.server_checks import CARDS
from tests.support.server_on_stripe import ServerOnStripe
from tests.support.stripe import checkout
from tests.support.stripe.line import Harm

LINK_COMES = "Your bank asks you to approve this payment. I am texting you a link for that."


def asked_to_approve(on_stripe: ServerOnStripe) -> str:
    return on_stripe.pay(CARDS["authentication"])


def test_a_link_is_texted_and_paid(on_stripe: ServerOnStripe) -> None:
    said = asked_to_approve(on_stripe)
    assert LINK_COMES in said
    assert "The link is on its way" in said
    first, linked = on_stripe.payments()
    assert (first.state, linked.state, linked.method) == (State.DECLINED, State.LINK_OPEN, "link")
    page = on_stripe.open_link()
    assert "4990 EUR" in page.text
    assert "is being confirmed" in on_stripe.pay_on_page()
    assert on_stripe.payments()[1].state is State.LINK_OPEN
    on_stripe.hear("checkout.session.completed")
    paid = on_stripe.payments()[1]
    assert paid.state is State.APPROVED
    assert paid.gateway_reference is not None
    intent = on_stripe.stripe.account.objects[paid.gateway_reference]
    assert intent["metadata"]["channel"] == "link"
    assert intent["metadata"]["payment"] == paid.reference
    assert intent["statement_descriptor_suffix"] == "B 10203040"
    receipts = [(one.purpose, one.recipient) for one in on_stripe.rows(schema.confirmation)]
    assert receipts == [("link", CALLER), ("receipt", CALLER)]
    assert "We have received your payment." in on_stripe.receipt_page()
    on_stripe.hear()


def test_paid_and_the_webhook_is_lost(on_stripe: ServerOnStripe) -> None:
    asked_to_approve(on_stripe)
    on_stripe.pay_on_page()
    on_stripe.webhooks.lose()
    on_stripe.server.pass_time(2 * 3600)
    assert on_stripe.payments()[1].state is State.APPROVED


def test_declined_on_the_page_and_paid_by_another(on_stripe: ServerOnStripe) -> None:
    asked_to_approve(on_stripe)
    assert "declined" in on_stripe.pay_on_page("generic_decline")
    on_stripe.hear()
    assert on_stripe.payments()[1].state is State.LINK_OPEN
    on_stripe.pay_on_page()
    on_stripe.hear()
    assert on_stripe.payments()[1].state is State.APPROVED


def test_nobody_pays(on_stripe: ServerOnStripe) -> None:
    """It ends by itself; the bill can be paid again."""
    asked_to_approve(on_stripe)
    on_stripe.server.pass_time(2 * 3600)
    on_stripe.hear()
    assert on_stripe.payments()[1].state is State.CANCELLED
    assert "You have paid" in on_stripe.pay(CARDS["visa"])


@pytest.mark.parametrize("harm", [Harm.DROP_AFTER, Harm.DROP_BEFORE])
def test_the_answer_to_the_opening_is_lost(on_stripe: ServerOnStripe, harm: Harm) -> None:
    """Made again under its key: one page, and one text."""
    on_stripe.harm(harm, "checkout.sessions.create")
    assert "The link is on its way" in asked_to_approve(on_stripe)
    assert len(on_stripe.stripe.account.of("checkout.session")) == 1
    on_stripe.pay_on_page()
    on_stripe.hear()
    assert on_stripe.payments()[1].state is State.APPROVED


def test_a_limit_of_stripes_is_waited_out_while_the_link_is_opened(on_stripe: ServerOnStripe) -> None:
    on_stripe.harm(Harm.RATE_LIMIT, "checkout.sessions.create", times=2)
    assert "The link is on its way" in asked_to_approve(on_stripe)
    assert len(on_stripe.stripe.account.of("checkout.session")) == 1
    on_stripe.pay_on_page()
    on_stripe.hear()
    assert on_stripe.payments()[1].state is State.APPROVED


def test_rings_again_and_pays_by_card(on_stripe: ServerOnStripe) -> None:
    """Nothing else is paid before Stripe has ended the link."""
    asked_to_approve(on_stripe)
    said = on_stripe.call("1", CARDS["visa"], "0931", "973", "1")
    assert "You have paid" in said
    [session] = on_stripe.stripe.account.of("checkout.session")
    assert session["status"] == "expired"
    on_stripe.hear()


def test_paid_on_the_page_while_the_link_is_closed(on_stripe: ServerOnStripe) -> None:
    asked_to_approve(on_stripe)
    [session] = on_stripe.stripe.account.of("checkout.session")

    def pay() -> None:
        checkout.pay(on_stripe.stripe.account, session["id"])

    on_stripe.stripe.harm(Harm.TELL_FIRST, "checkout.sessions.retrieve", act=pay)
    said = on_stripe.call("1")
    assert "already paid" in said
    on_stripe.hear()
