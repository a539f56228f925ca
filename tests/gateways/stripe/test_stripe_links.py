"""Payment links: paid once, closed for good, and found again without their reference."""

import dataclasses
from collections.abc import Callable
from datetime import timedelta

import pytest

from gateways.contract import Approved, Cancelled, Declined, LinkOpen, Order, PayLink, RefundRequest, Unknown
from gateways.stripe.links import CheckoutLinks
from tests.support.stripe import checkout
from tests.support.stripe.harness import StripeHarness
from tests.support.stripe.line import Harm
from tests.support.time_and_ids import ManualClock

ORDER = Order("attempt_1", 4990, "EUR", "Bill 12345678", {"attempt": "attempt_1"}, "BILL 12345678")


@pytest.fixture
def link(stripe_clock: ManualClock) -> PayLink:
    ends = stripe_clock.now() + timedelta(hours=2)
    return PayLink(ORDER, ends, "es", "https://pay.example/done", "https://pay.example/left")


def opened(harness: StripeHarness, link: PayLink) -> str:
    made = harness.gateway.open_link(link)
    assert isinstance(made, LinkOpen)
    return made.gateway_reference


def test_a_link_is_one_order_with_an_end(harness: StripeHarness, link: PayLink) -> None:
    made = harness.gateway.open_link(link)

    assert isinstance(made, LinkOpen)
    assert harness.gateway.open_link(link) == made
    session = harness.account.objects[made.gateway_reference]
    assert session["expires_at"] == int(link.expires_at.timestamp())
    assert (session["locale"], session["client_reference_id"]) == ("es", "attempt_1")
    assert made.url == session["url"]
    assert harness.gateway.lookup_link(link, close=False, reference=made.gateway_reference) == made
    assert harness.gateway.lookup_link(link, close=False) == made
    assert len(harness.account.of("checkout.session")) == 1


def test_a_paid_link_is_approved_and_can_be_refunded(harness: StripeHarness, link: PayLink) -> None:
    reference = opened(harness, link)
    checkout.pay(harness.account, reference)
    found = harness.gateway.lookup_link(link, close=True, reference=reference)

    assert isinstance(found, Approved)
    assert found.gateway_reference.startswith("pi_")
    assert found.authorisation_code
    assert harness.gateway.lookup_link(link, close=True) == found
    intent = harness.account.objects[found.gateway_reference]
    assert intent["metadata"] == {"attempt": "attempt_1", "paybycall_key": "attempt_1"}
    assert intent["statement_descriptor_suffix"] == "B 12345678"
    assert isinstance(harness.gateway.open_link(link), Unknown), "not open any more, and no second one"
    refunded = harness.gateway.refund(RefundRequest("refund_1", found.gateway_reference, 4990, "EUR"))
    assert isinstance(refunded, Approved)


def test_a_link_that_is_complete_and_not_paid_yet_is_not_approved(
    harness: StripeHarness, link: PayLink
) -> None:
    harness.account.switches.slow_issuer = True
    reference = opened(harness, link)
    session = checkout.pay(harness.account, reference)

    assert (session["status"], session["payment_status"]) == ("complete", "unpaid")
    assert isinstance(harness.gateway.lookup_link(link, close=True, reference=reference), Unknown)


def test_a_link_whose_payer_was_declined_stays_open(harness: StripeHarness, link: PayLink) -> None:
    reference = opened(harness, link)
    checkout.pay(harness.account, reference, "4000000000000002")

    assert isinstance(harness.gateway.lookup_link(link, close=False, reference=reference), LinkOpen)


@pytest.mark.parametrize("known", [True, False])
def test_a_closed_link_can_never_be_paid(harness: StripeHarness, link: PayLink, known: bool) -> None:
    reference = opened(harness, link)

    given = reference if known else None
    assert harness.gateway.lookup_link(link, close=True, reference=given) == Cancelled()
    checkout.pay(harness.account, reference)
    assert harness.gateway.lookup_link(link, close=False, reference=given) == Cancelled()
    assert harness.account.books().taken_minor == 0


def test_a_link_ends_by_itself(harness: StripeHarness, link: PayLink, stripe_clock: ManualClock) -> None:
    reference = opened(harness, link)
    stripe_clock.advance(timedelta(hours=2).total_seconds())

    assert harness.gateway.lookup_link(link, close=False, reference=reference) == Cancelled()


def test_a_link_that_is_paid_while_we_close_it_is_approved(harness: StripeHarness, link: PayLink) -> None:
    reference = opened(harness, link)
    harness.server.harm(
        Harm.TELL_FIRST,
        "checkout.sessions.retrieve",
        act=lambda: checkout.pay(harness.account, reference) and None,
    )

    assert isinstance(harness.gateway.lookup_link(link, close=True, reference=reference), Approved)


@pytest.mark.parametrize("kind", ["checkout.sessions.retrieve", "checkout.sessions.expire"])
@pytest.mark.parametrize("harm", [Harm.DROP_BEFORE, Harm.DROP_AFTER, Harm.ERROR_AFTER])
def test_an_answer_that_is_lost_proves_nothing(
    harness: StripeHarness, link: PayLink, kind: str, harm: Harm
) -> None:
    reference = opened(harness, link)
    harness.server.harm(harm, kind, times=3)

    assert isinstance(harness.gateway.lookup_link(link, close=True, reference=reference), Unknown)
    assert harness.gateway.lookup_link(link, close=True, reference=reference) == Cancelled()


def test_a_link_whose_opening_was_lost_is_found_and_closed(harness: StripeHarness, link: PayLink) -> None:
    harness.server.harm(Harm.DROP_AFTER, "checkout.sessions.create", times=3)

    assert isinstance(harness.gateway.open_link(link), Unknown)
    assert harness.gateway.lookup_link(link, close=True) == Cancelled()
    assert len(harness.account.of("checkout.session")) == 1


@pytest.mark.parametrize("ends_in", [timedelta(minutes=29), timedelta(hours=25)])
def test_an_end_that_stripe_does_not_take_is_refused(
    harness: StripeHarness, link: PayLink, ends_in: timedelta, stripe_clock: ManualClock
) -> None:
    odd = dataclasses.replace(link, expires_at=stripe_clock.now() + ends_in)
    assert isinstance(harness.gateway.open_link(odd), Declined)


def test_a_link_never_opened_is_cancelled_once_it_cannot_be_opened(
    harness: StripeHarness, link: PayLink, stripe_clock: ManualClock
) -> None:
    placed = dataclasses.replace(ORDER, placed_at=stripe_clock.now())
    lost = dataclasses.replace(link, order=placed)
    harness.server.harm(Harm.DROP_BEFORE, "checkout.sessions.create", times=3)
    assert isinstance(harness.gateway.open_link(lost), Unknown)
    stripe_clock.advance(timedelta(minutes=91).total_seconds())
    links = _at(stripe_clock)

    api = harness.gateway._stripe.session()
    assert isinstance(links.lookup(api, lost, close=False, reference=None), Unknown)
    assert isinstance(links.lookup(api, link, close=True, reference=None), Unknown), "how old, nobody says"
    assert links.lookup(api, lost, close=True, reference=None) == Cancelled()


def test_a_paid_link_whose_key_stripe_forgot_is_not_called_fenced(
    harness: StripeHarness, link: PayLink, stripe_clock: ManualClock
) -> None:
    placed = dataclasses.replace(link, order=dataclasses.replace(ORDER, placed_at=stripe_clock.now()))
    checkout.pay(harness.account, opened(harness, placed))
    stripe_clock.advance(timedelta(hours=25).total_seconds())

    api = harness.gateway._stripe.session()
    assert isinstance(_at(stripe_clock).lookup(api, placed, close=True, reference=None), Unknown)


def test_another_orders_link_proves_nothing(harness: StripeHarness, link: PayLink) -> None:
    reference = opened(harness, link)
    other = dataclasses.replace(link, order=dataclasses.replace(ORDER, key="attempt_2"))

    assert isinstance(harness.gateway.lookup_link(other, close=True, reference=reference), Unknown)
    assert harness.account.objects[reference]["status"] == "open"


def _at(clock: ManualClock) -> CheckoutLinks:
    now: Callable[[], object] = clock.now
    return CheckoutLinks(now)  # type: ignore[arg-type]
