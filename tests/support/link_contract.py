"""The part of the contract suite that every gateway with payment links inherits: one key, one page, one
charge.

Inherit `LinkContract` in a class named `Test...` beside the gateway's own, and give it a fixture `bench` that
is a `LinkBench`. What is believed are the gateway's own books.
"""

from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateways.capability import Verb
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
    UnsupportedError,
)
from tests.support.gateway_harness import Asked, Bench
from tests.support.gateway_verbs import HARMS

LOOKUP_LINK = "lookup_link"
"""What the line is asked to break, besides the verbs: a look-up of a link."""
AMOUNT_MINOR = 5000


class LinkBench(Bench):
    """A bench whose gateway has payment pages, and payers."""

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

    def open(self, bench: LinkBench, key: str = "a-1") -> LinkOpen:
        opened = bench.gateway.open_link(bench.link(key))
        assert isinstance(opened, LinkOpen), opened
        return opened

    def look(self, bench: LinkBench, key: str = "a-1", *, close: bool = False) -> LinkFound:
        """As a worker does that never heard the answer to the opening."""
        return bench.gateway.lookup_link(bench.link(key), close=close)

    def test_it_declares_links(self, bench: LinkBench) -> None:
        assert bench.gateway.capabilities.links

    def test_a_page_is_paid_once_and_found(self, bench: LinkBench) -> None:
        opened = self.open(bench)
        assert self.look(bench) == opened
        assert bench.books("a-1").taken_minor == 0
        assert bench.pay_page(opened.url)
        assert not bench.pay_page(opened.url)
        for close in (False, True):
            found = self.look(bench, close=close)
            assert isinstance(found, Approved)
            assert found.gateway_reference
            assert found.card == CardShown("visa", "4242")
        assert bench.books("a-1").taken_minor == AMOUNT_MINOR

    def test_it_is_found_by_its_reference_too(self, bench: LinkBench) -> None:
        opened = self.open(bench)
        bench.pay_page(opened.url)
        found = bench.gateway.lookup_link(bench.link("a-1"), close=False, reference=opened.gateway_reference)
        assert found == self.look(bench)

    def test_the_same_key_opens_one_page(self, bench: LinkBench) -> None:
        opened = [bench.gateway.open_link(bench.link("a-1")) for _ in range(3)]
        assert len({one.gateway_reference for one in opened if isinstance(one, LinkOpen)}) == 1
        assert all(isinstance(one, LinkOpen) for one in opened)

    def test_the_same_key_at_once_opens_one_page(self, bench: LinkBench) -> None:
        opened = _at_once([lambda: bench.gateway.open_link(bench.link("a-1"))] * 6)
        assert all(isinstance(one, LinkOpen | Unknown) for one in opened), opened
        assert len({one.gateway_reference for one in opened if isinstance(one, LinkOpen)}) == 1

    def test_a_key_with_another_amount_is_no_second_page(self, bench: LinkBench) -> None:
        opened = self.open(bench)
        other = replace(bench.link("a-1"), order=replace(order("a-1"), amount_minor=AMOUNT_MINOR + 1))
        assert isinstance(bench.gateway.open_link(other), Unknown)
        assert self.look(bench) == opened

    @pytest.mark.parametrize("harm", HARMS)
    def test_a_lost_answer_is_found_without_a_reference(self, bench: LinkBench, harm: str) -> None:
        _break(bench, harm, Verb.OPEN_LINK)
        assert isinstance(bench.gateway.open_link(bench.link("a-1")), Unknown)
        found = self.look(bench)
        assert isinstance(found, LinkOpen)
        assert bench.pay_page(found.url)
        assert isinstance(self.look(bench), Approved)
        assert bench.books("a-1").taken_minor == AMOUNT_MINOR

    def test_a_page_that_was_not_processed_opens_under_its_key(self, bench: LinkBench) -> None:
        bench.turn_away(Verb.OPEN_LINK)
        turned_away = bench.gateway.open_link(bench.link("a-1"))
        assert isinstance(turned_away, Unknown)
        assert turned_away.retry_same_key
        opened = self.open(bench)
        assert self.look(bench) == opened

    def test_a_lost_request_is_closed_and_can_never_be_paid(self, bench: LinkBench) -> None:
        bench.lose_request(Verb.OPEN_LINK)
        assert isinstance(bench.gateway.open_link(bench.link("a-1")), Unknown)
        assert self.look(bench, close=True) == Cancelled()
        late = bench.gateway.open_link(bench.link("a-1"))
        assert not isinstance(late, LinkOpen) or not bench.pay_page(late.url)
        assert self.look(bench) == Cancelled()
        assert bench.books("a-1").taken_minor == 0

    @pytest.mark.parametrize("harm", HARMS)
    def test_a_look_whose_answer_is_lost_is_unknown_and_can_be_repeated(
        self, bench: LinkBench, harm: str
    ) -> None:
        bench.pay_page(self.open(bench).url)
        _break(bench, harm, LOOKUP_LINK)
        assert isinstance(self.look(bench, close=True), Unknown)
        assert isinstance(self.look(bench, close=True), Approved)

    def test_what_is_closed_cannot_be_paid(self, bench: LinkBench) -> None:
        opened = self.open(bench)
        assert self.look(bench, close=True) == Cancelled()
        assert not bench.pay_page(opened.url)
        assert self.look(bench, close=True) == Cancelled()
        assert not isinstance(bench.gateway.open_link(bench.link("a-1")), LinkOpen)
        assert bench.books("a-1").taken_minor == 0

    def test_what_has_expired_cannot_be_paid(self, bench: LinkBench) -> None:
        opened = self.open(bench)
        bench.pass_time(3601)
        assert not bench.pay_page(opened.url)
        assert self.look(bench, close=True) == Cancelled()
        assert bench.books("a-1").taken_minor == 0

    def test_what_was_paid_before_its_expiry_stays_paid(self, bench: LinkBench) -> None:
        bench.pay_page(self.open(bench).url)
        bench.pass_time(7200)
        assert isinstance(self.look(bench, close=True), Approved)

    def test_a_card_that_is_declined_leaves_the_page_open(self, bench: LinkBench) -> None:
        opened = self.open(bench)
        bench.decline_page(opened.url)
        assert self.look(bench) == opened
        assert bench.pay_page(opened.url)
        assert isinstance(self.look(bench), Approved)
        assert bench.books("a-1").taken_minor == AMOUNT_MINOR

    def test_paying_and_closing_at_once_agree(self, bench: LinkBench) -> None:
        for number in range(6):
            key = f"a-{number}"
            opened = self.open(bench, key)
            paid, closed = _at_once(
                [
                    lambda url=opened.url: bench.pay_page(url),
                    lambda key=key: self.look(bench, key, close=True),
                ]
            )
            found = closed if not isinstance(closed, Unknown) else self.look(bench, key, close=True)
            assert isinstance(found, Approved) == paid
            assert bench.books(key).taken_minor == (AMOUNT_MINOR if paid else 0)

    def test_what_was_paid_by_link_can_be_given_back(self, bench: LinkBench) -> None:
        bench.pay_page(self.open(bench).url)
        found = self.look(bench)
        assert isinstance(found, Approved)
        assert bench.gateway.verify_charge(order("a-1"), found.gateway_reference) == replace(found, card=None)
        refund = RefundRequest("r-1", found.gateway_reference, AMOUNT_MINOR, "EUR")
        assert isinstance(bench.gateway.refund(refund), Approved)
        assert bench.books("a-1").refunded_minor == AMOUNT_MINOR

    def test_a_currency_that_is_not_taken_is_refused_before_anything_is_sent(self, bench: LinkBench) -> None:
        sent = bench.requests()
        foreign = replace(bench.link("a-1"), order=replace(order("a-1"), currency=bench.foreign_currency))
        with pytest.raises(UnsupportedError, match=bench.foreign_currency):
            bench.gateway.open_link(foreign)
        assert bench.requests() == sent

    def test_a_gateway_that_is_gone_is_unknown(self, bench: LinkBench) -> None:
        link = bench.link("a-1")
        self.open(bench)
        bench.close()
        assert isinstance(bench.gateway.open_link(link), Unknown)
        assert isinstance(bench.gateway.lookup_link(link, close=True), Unknown)


HOUR = timedelta(hours=1)


def _break(bench: Bench, harm: str, asked: Asked) -> None:
    getattr(bench, harm)(asked)


def _at_once(asks: list[Callable[[], Any]]) -> list[Any]:
    with ThreadPoolExecutor(len(asks)) as threads:
        return [future.result() for future in [threads.submit(ask) for ask in asks]]
