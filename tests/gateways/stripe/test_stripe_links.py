"""Payment links: paid once, closed for good, and found again without their reference."""

import dataclasses
from collections.abc import Callable
from datetime import timedelta

import pytest

from gateways.contract import Approved, Cancelled, Declined, LinkOpen, Order, PayLink, RefundRequest, Unknown
from gateways.stripe.links import CheckoutLinks
from ivr.platform.clock import ManualClock
from tests.support.stripe import checkout
from tests.support.stripe.harness import StripeBench
from tests.support.stripe.line import Harm

ORDER = Order("attempt_1", 4990, "EUR", "Bill 12345678", {"attempt": "attempt_1"}, "BILL 12345678")


@pytest.fixture
def link(stripe_clock: ManualClock) -> PayLink:
    ends = stripe_clock.now() + timedelta(hours=2)
    return PayLink(ORDER, ends, "es", "https://pay.example/done", "https://pay.example/left")


def opened(bench: StripeBench, link: PayLink) -> str:
    made = bench.gateway.open_link(link)
    assert isinstance(made, LinkOpen)
    return made.gateway_reference


def test_a_link_is_one_order_with_an_end(bench: StripeBench, link: PayLink) -> None:
    made = bench.gateway.open_link(link)

    assert isinstance(made, LinkOpen)
    assert bench.gateway.open_link(link) == made
    session = bench.account.objects[made.gateway_reference]
    assert session["expires_at"] == int(link.expires_at.timestamp())
    assert (session["locale"], session["client_reference_id"]) == ("es", "attempt_1")
    assert made.url == session["url"]
    assert bench.gateway.lookup_link(link, close=False, reference=made.gateway_reference) == made
    assert bench.gateway.lookup_link(link, close=False) == made
    assert len(bench.account.of("checkout.session")) == 1


def test_a_paid_link_is_approved_and_can_be_refunded(bench: StripeBench, link: PayLink) -> None:
    reference = opened(bench, link)
    checkout.pay(bench.account, reference)
    found = bench.gateway.lookup_link(link, close=True, reference=reference)

    assert isinstance(found, Approved)
    assert found.gateway_reference.startswith("pi_")
    assert found.authorisation_code
    assert bench.gateway.lookup_link(link, close=True) == found
    intent = bench.account.objects[found.gateway_reference]
    assert intent["metadata"] == {"attempt": "attempt_1", "paybycall_key": "attempt_1"}
    assert intent["statement_descriptor_suffix"] == "B 12345678"
    assert isinstance(bench.gateway.open_link(link), Unknown), "not open any more, and no second one"
    refunded = bench.gateway.refund(RefundRequest("refund_1", found.gateway_reference, 4990, "EUR"))
    assert isinstance(refunded, Approved)


def test_a_link_that_is_complete_and_not_paid_yet_is_not_approved(bench: StripeBench, link: PayLink) -> None:
    bench.account.switches.slow_issuer = True
    reference = opened(bench, link)
    session = checkout.pay(bench.account, reference)

    assert (session["status"], session["payment_status"]) == ("complete", "unpaid")
    assert isinstance(bench.gateway.lookup_link(link, close=True, reference=reference), Unknown)


def test_a_link_whose_payer_was_declined_stays_open(bench: StripeBench, link: PayLink) -> None:
    reference = opened(bench, link)
    checkout.pay(bench.account, reference, "4000000000000002")

    assert isinstance(bench.gateway.lookup_link(link, close=False, reference=reference), LinkOpen)


@pytest.mark.parametrize("known", [True, False])
def test_a_closed_link_can_never_be_paid(bench: StripeBench, link: PayLink, known: bool) -> None:
    reference = opened(bench, link)

    given = reference if known else None
    assert bench.gateway.lookup_link(link, close=True, reference=given) == Cancelled()
    checkout.pay(bench.account, reference)
    assert bench.gateway.lookup_link(link, close=False, reference=given) == Cancelled()
    assert bench.account.books().taken_minor == 0


def test_a_link_ends_by_itself(bench: StripeBench, link: PayLink, stripe_clock: ManualClock) -> None:
    reference = opened(bench, link)
    stripe_clock.advance(timedelta(hours=2).total_seconds())

    assert bench.gateway.lookup_link(link, close=False, reference=reference) == Cancelled()


def test_a_link_that_is_paid_while_we_close_it_is_approved(bench: StripeBench, link: PayLink) -> None:
    reference = opened(bench, link)
    bench.server.harm(
        Harm.TELL_FIRST,
        "checkout.sessions.retrieve",
        act=lambda: checkout.pay(bench.account, reference) and None,
    )

    assert isinstance(bench.gateway.lookup_link(link, close=True, reference=reference), Approved)


@pytest.mark.parametrize("kind", ["checkout.sessions.retrieve", "checkout.sessions.expire"])
@pytest.mark.parametrize("harm", [Harm.DROP_BEFORE, Harm.DROP_AFTER, Harm.ERROR_AFTER])
def test_an_answer_that_is_lost_proves_nothing(
    bench: StripeBench, link: PayLink, kind: str, harm: Harm
) -> None:
    reference = opened(bench, link)
    bench.server.harm(harm, kind, times=3)

    assert isinstance(bench.gateway.lookup_link(link, close=True, reference=reference), Unknown)
    assert bench.gateway.lookup_link(link, close=True, reference=reference) == Cancelled()


def test_a_link_whose_opening_was_lost_is_found_and_closed(bench: StripeBench, link: PayLink) -> None:
    bench.server.harm(Harm.DROP_AFTER, "checkout.sessions.create", times=3)

    assert isinstance(bench.gateway.open_link(link), Unknown)
    assert bench.gateway.lookup_link(link, close=True) == Cancelled()
    assert len(bench.account.of("checkout.session")) == 1


@pytest.mark.parametrize("ends_in", [timedelta(minutes=29), timedelta(hours=25)])
def test_an_end_that_stripe_does_not_take_is_refused(
    bench: StripeBench, link: PayLink, ends_in: timedelta, stripe_clock: ManualClock
) -> None:
    odd = dataclasses.replace(link, expires_at=stripe_clock.now() + ends_in)
    assert isinstance(bench.gateway.open_link(odd), Declined)


def test_a_link_that_never_was_is_fenced_once_it_cannot_be_made_any_more(
    bench: StripeBench, link: PayLink, stripe_clock: ManualClock
) -> None:
    placed = dataclasses.replace(ORDER, placed_at=stripe_clock.now())
    lost = dataclasses.replace(link, order=placed)
    bench.server.harm(Harm.DROP_BEFORE, "checkout.sessions.create", times=3)
    assert isinstance(bench.gateway.open_link(lost), Unknown)
    stripe_clock.advance(timedelta(minutes=91).total_seconds())
    links = _at(stripe_clock)

    with bench.gateway._stripe.session() as api:
        assert isinstance(links.lookup(api, lost, close=False, reference=None), Unknown)
        assert isinstance(links.lookup(api, link, close=True, reference=None), Unknown), (
            "how old, nobody says"
        )
        assert links.lookup(api, lost, close=True, reference=None) == Cancelled()


def test_a_paid_link_whose_key_stripe_forgot_is_not_called_fenced(
    bench: StripeBench, link: PayLink, stripe_clock: ManualClock
) -> None:
    placed = dataclasses.replace(link, order=dataclasses.replace(ORDER, placed_at=stripe_clock.now()))
    checkout.pay(bench.account, opened(bench, placed))
    stripe_clock.advance(timedelta(hours=25).total_seconds())

    with bench.gateway._stripe.session() as api:
        assert isinstance(_at(stripe_clock).lookup(api, placed, close=True, reference=None), Unknown)


def test_another_orders_link_proves_nothing(bench: StripeBench, link: PayLink) -> None:
    reference = opened(bench, link)
    other = dataclasses.replace(link, order=dataclasses.replace(ORDER, key="attempt_2"))

    assert isinstance(bench.gateway.lookup_link(other, close=True, reference=reference), Unknown)
    assert bench.account.objects[reference]["status"] == "open"


def _at(clock: ManualClock) -> CheckoutLinks:
    now: Callable[[], object] = clock.now
    return CheckoutLinks(now)  # type: ignore[arg-type]
