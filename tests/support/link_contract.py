"""The part of the contract suite that every gateway with payment links inherits: one key, one page, one
charge.

Inherit `LinkContract` in a class named `Test...` beside the gateway's own, and give it a fixture `harness`
that is a `LinkHarness`. What is believed are the gateway's own books.
"""

from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateways.capability import GatewayVerb, UnsupportedError
from gateways.contract import (
    Approved,
    Cancelled,
    CardShown,
    LinkFound,
    LinkOpen,
    Order,
    PayLink,
    RefundRequest,
    Unknown,
)
from tests.support.gateway_harness import AskedVerb, GatewayHarness
from tests.support.gateway_verbs import HARMS

LOOKUP_LINK = "lookup_link"
"""What the line is asked to break, besides the verbs: a look-up of a link."""
AMOUNT_MINOR = 5000


class LinkHarness(GatewayHarness):
    """A harness whose gateway has payment pages, and payers."""

    @abstractmethod
    def link(self, key: str, **changed: Any) -> PayLink:
        """A link for 50.00 euros that ends in an hour, by the gateway's clock."""

    @abstractmethod
    def pay_page(self, url: str) -> bool:
        """A payer pays on the page, as far as it lets them; True where they paid."""

    @abstractmethod
    def decline_page(self, url: str) -> None:
        """A payer tries a card that is declined."""

    @abstractmethod
    def pass_time(self, duration_s: float) -> None:
        """The gateway's clock goes on."""


def order(key: str) -> Order:
    """What a link in these tests is for."""
    return Order(key, AMOUNT_MINOR, "EUR", "Water bill 12345678", {"attempt": key, "channel": "link"})


class LinkContract:
    """What must hold of payment links, whoever opens the page."""

    def open(self, harness: LinkHarness, key: str = "a-1") -> LinkOpen:
        opened = harness.gateway.open_link(harness.link(key))
        assert isinstance(opened, LinkOpen), opened
        return opened

    def look(self, harness: LinkHarness, key: str = "a-1", *, close: bool = False) -> LinkFound:
        """As a worker does that never heard the answer to the opening."""
        return harness.gateway.lookup_link(harness.link(key), close=close)

    def test_it_declares_links(self, harness: LinkHarness) -> None:
        assert harness.gateway.capabilities.links

    def test_a_page_is_paid_once_and_found(self, harness: LinkHarness) -> None:
        opened = self.open(harness)
        assert self.look(harness) == opened
        assert harness.books("a-1").taken_minor == 0
        assert harness.pay_page(opened.url)
        assert not harness.pay_page(opened.url)
        for close in (False, True):
            found = self.look(harness, close=close)
            assert isinstance(found, Approved)
            assert found.gateway_reference
            assert found.card == CardShown("visa", "4242")
        assert harness.books("a-1").taken_minor == AMOUNT_MINOR

    def test_it_is_found_by_its_reference_too(self, harness: LinkHarness) -> None:
        opened = self.open(harness)
        harness.pay_page(opened.url)
        found = harness.gateway.lookup_link(
            harness.link("a-1"), close=False, reference=opened.gateway_reference
        )
        assert found == self.look(harness)

    def test_the_same_key_opens_one_page(self, harness: LinkHarness) -> None:
        opened = [harness.gateway.open_link(harness.link("a-1")) for _ in range(3)]
        assert len({one.gateway_reference for one in opened if isinstance(one, LinkOpen)}) == 1
        assert all(isinstance(one, LinkOpen) for one in opened)

    def test_the_same_key_at_once_opens_one_page(self, harness: LinkHarness) -> None:
        opened = _at_once([lambda: harness.gateway.open_link(harness.link("a-1"))] * 6)
        assert all(isinstance(one, LinkOpen | Unknown) for one in opened), opened
        assert len({one.gateway_reference for one in opened if isinstance(one, LinkOpen)}) == 1

    def test_a_key_with_another_amount_is_no_second_page(self, harness: LinkHarness) -> None:
        opened = self.open(harness)
        other = replace(harness.link("a-1"), order=replace(order("a-1"), amount_minor=AMOUNT_MINOR + 1))
        assert isinstance(harness.gateway.open_link(other), Unknown)
        assert self.look(harness) == opened

    @pytest.mark.parametrize("harm", HARMS)
    def test_a_lost_answer_is_found_without_a_reference(self, harness: LinkHarness, harm: str) -> None:
        _break(harness, harm, GatewayVerb.OPEN_LINK)
        assert isinstance(harness.gateway.open_link(harness.link("a-1")), Unknown)
        found = self.look(harness)
        assert isinstance(found, LinkOpen)
        assert harness.pay_page(found.url)
        assert isinstance(self.look(harness), Approved)
        assert harness.books("a-1").taken_minor == AMOUNT_MINOR

    def test_a_page_that_was_not_processed_opens_under_its_key(self, harness: LinkHarness) -> None:
        harness.answer_not_processed(GatewayVerb.OPEN_LINK)
        not_processed = harness.gateway.open_link(harness.link("a-1"))
        assert isinstance(not_processed, Unknown)
        assert not_processed.retry_same_key
        opened = self.open(harness)
        assert self.look(harness) == opened

    def test_a_lost_request_is_closed_and_can_never_be_paid(self, harness: LinkHarness) -> None:
        harness.lose_request(GatewayVerb.OPEN_LINK)
        assert isinstance(harness.gateway.open_link(harness.link("a-1")), Unknown)
        assert self.look(harness, close=True) == Cancelled()
        late = harness.gateway.open_link(harness.link("a-1"))
        assert not isinstance(late, LinkOpen) or not harness.pay_page(late.url)
        assert self.look(harness) == Cancelled()
        assert harness.books("a-1").taken_minor == 0

    @pytest.mark.parametrize("harm", HARMS)
    def test_a_look_whose_answer_is_lost_is_unknown_and_can_be_repeated(
        self, harness: LinkHarness, harm: str
    ) -> None:
        harness.pay_page(self.open(harness).url)
        _break(harness, harm, LOOKUP_LINK)
        assert isinstance(self.look(harness, close=True), Unknown)
        assert isinstance(self.look(harness, close=True), Approved)

    def test_what_is_closed_cannot_be_paid(self, harness: LinkHarness) -> None:
        opened = self.open(harness)
        assert self.look(harness, close=True) == Cancelled()
        assert not harness.pay_page(opened.url)
        assert self.look(harness, close=True) == Cancelled()
        assert not isinstance(harness.gateway.open_link(harness.link("a-1")), LinkOpen)
        assert harness.books("a-1").taken_minor == 0

    def test_what_has_expired_cannot_be_paid(self, harness: LinkHarness) -> None:
        opened = self.open(harness)
        harness.pass_time(3601)
        assert not harness.pay_page(opened.url)
        assert self.look(harness, close=True) == Cancelled()
        assert harness.books("a-1").taken_minor == 0

    def test_what_was_paid_before_its_expiry_stays_paid(self, harness: LinkHarness) -> None:
        harness.pay_page(self.open(harness).url)
        harness.pass_time(7200)
        assert isinstance(self.look(harness, close=True), Approved)

    def test_a_card_that_is_declined_leaves_the_page_open(self, harness: LinkHarness) -> None:
        opened = self.open(harness)
        harness.decline_page(opened.url)
        assert self.look(harness) == opened
        assert harness.pay_page(opened.url)
        assert isinstance(self.look(harness), Approved)
        assert harness.books("a-1").taken_minor == AMOUNT_MINOR

    def test_paying_and_closing_at_once_agree(self, harness: LinkHarness) -> None:
        for number in range(6):
            key = f"a-{number}"
            opened = self.open(harness, key)
            paid, closed = _at_once(
                [
                    lambda url=opened.url: harness.pay_page(url),
                    lambda key=key: self.look(harness, key, close=True),
                ]
            )
            found = closed if not isinstance(closed, Unknown) else self.look(harness, key, close=True)
            assert isinstance(found, Approved) == paid
            assert harness.books(key).taken_minor == (AMOUNT_MINOR if paid else 0)

    def test_what_was_paid_by_link_can_be_given_back(self, harness: LinkHarness) -> None:
        harness.pay_page(self.open(harness).url)
        found = self.look(harness)
        assert isinstance(found, Approved)
        assert harness.gateway.verify_charge(order("a-1"), found.gateway_reference) == replace(
            found, card=None
        )
        refund = RefundRequest("r-1", found.gateway_reference, AMOUNT_MINOR, "EUR")
        assert isinstance(harness.gateway.refund(refund), Approved)
        assert harness.books("a-1").refunded_minor == AMOUNT_MINOR

    def test_a_currency_that_is_not_taken_is_refused_before_anything_is_sent(
        self, harness: LinkHarness
    ) -> None:
        sent = harness.requests()
        foreign = replace(harness.link("a-1"), order=replace(order("a-1"), currency=harness.foreign_currency))
        with pytest.raises(UnsupportedError, match=harness.foreign_currency):
            harness.gateway.open_link(foreign)
        assert harness.requests() == sent

    def test_a_gateway_that_is_gone_is_unknown(self, harness: LinkHarness) -> None:
        link = harness.link("a-1")
        self.open(harness)
        harness.close()
        assert isinstance(harness.gateway.open_link(link), Unknown)
        assert isinstance(harness.gateway.lookup_link(link, close=True), Unknown)


HOUR = timedelta(hours=1)


def _break(harness: GatewayHarness, harm: str, asked: AskedVerb) -> None:
    getattr(harness, harm)(asked)


def _at_once(asks: list[Callable[[], Any]]) -> list[Any]:
    with ThreadPoolExecutor(len(asks)) as threads:
        return [future.result() for future in [threads.submit(ask) for ask in asks]]
