"""The part of the contract suite about charges: one key is one charge, a lost reply is unknown and then found
or fenced, and a decline is certain.

What is believed are the gateway's own books, never its answers alone.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gateways.contract import Approved, Cancelled, Declined, Unknown
from gateways.declines import Decline
from tests.support.gateway_harness import LOOKUP, GatewayHarness
from tests.support.gateway_verbs import HARMS, GatewayVerbs, at_once, nothing_moved


class ChargeContract(GatewayVerbs):
    """Whatever its card entry, a gateway charges once."""

    def test_the_same_key_charges_once_and_answers_the_same(self, harness: GatewayHarness) -> None:
        first, again = self.pay(harness, "a-1"), self.pay(harness, "a-1")

        assert isinstance(first, Approved)
        assert again == first
        assert harness.books("a-1").taken_minor == 5000

    def test_the_same_key_at_once_charges_once(self, harness: GatewayHarness) -> None:
        results = at_once(self.first_times(harness, "a-1"))

        assert all(isinstance(result, self.done | Unknown) for result in results), results
        assert isinstance(self.look(harness, "a-1", cancel=True), self.found)
        books = harness.books("a-1")
        assert books.taken_minor + books.held_minor == 5000

    def test_a_second_request_while_the_first_is_under_way_is_unknown(self, harness: GatewayHarness) -> None:
        ask = self.first_times(harness, "a-1", times=2)
        with ThreadPoolExecutor() as threads:
            with harness.under_way(self.first) as held:
                first = threads.submit(ask[0])
                held.wait_until_reached()
                assert isinstance(ask[1](), Unknown)
            assert isinstance(first.result(), self.done)

    @pytest.mark.parametrize("changed", [{"amount_minor": 6000}, {"currency": "USD"}])
    def test_a_key_with_other_parameters_is_unknown_never_declined(
        self, harness: GatewayHarness, changed: dict[str, Any]
    ) -> None:
        self.pay(harness, "a-1")

        assert isinstance(self.ask_first(harness, "a-1", **changed), Unknown)
        assert harness.books("a-1").taken_minor == 5000
        assert isinstance(self.look(harness, "a-1", cancel=True), Approved)

    def test_two_keys_are_two_charges(self, harness: GatewayHarness) -> None:
        first, second = self.pay(harness, "a-1"), self.pay(harness, "a-2", 7000)

        assert isinstance(first, Approved)
        assert isinstance(second, Approved)
        assert first.gateway_reference != second.gateway_reference
        assert (harness.books("a-1").taken_minor, harness.books("a-2").taken_minor) == (5000, 7000)

    @pytest.mark.parametrize("harm", HARMS)
    def test_a_lost_answer_is_unknown_and_then_found(self, harness: GatewayHarness, harm: str) -> None:
        ask = self.first_times(harness, "a-1", times=1)[0]
        getattr(harness, harm)(self.first)

        lost = ask()
        assert isinstance(lost, Unknown)
        assert not lost.retry_same_key
        assert isinstance(self.look(harness, "a-1", cancel=False), self.found)
        assert isinstance(self.look(harness, "a-1", cancel=True), self.found)

    def test_an_unprocessed_charge_moves_nothing_and_can_be_repeated(self, harness: GatewayHarness) -> None:
        ask = self.first_times(harness, "a-1", times=2)
        harness.answer_not_processed(self.first)

        not_processed = ask[0]()
        assert isinstance(not_processed, Unknown)
        assert not_processed.retry_same_key
        assert nothing_moved(harness, "a-1")
        assert isinstance(ask[1](), self.done)
        books = harness.books("a-1")
        assert books.taken_minor + books.held_minor == 5000

    def test_a_lost_decline_is_unknown_and_then_found(self, harness: GatewayHarness) -> None:
        ask = self.first_times(harness, "a-1", times=1, card=harness.declining[Decline.INSUFFICIENT_FUNDS])[0]
        harness.lose_answer(self.first)

        assert isinstance(ask(), Unknown)
        found = self.look(harness, "a-1", cancel=True)
        assert isinstance(found, Declined)
        assert found.decline is Decline.INSUFFICIENT_FUNDS

    def test_a_lost_request_is_unknown_until_cancelled_and_then_never_charges(
        self, harness: GatewayHarness
    ) -> None:
        ask = self.first_times(harness, "a-1", times=2)
        harness.lose_request(self.first)

        assert isinstance(ask[0](), Unknown)
        assert isinstance(self.look(harness, "a-1", cancel=False), Unknown)
        assert self.look(harness, "a-1", cancel=True) == Cancelled()
        assert isinstance(ask[1](), Unknown), "a late request under a fenced key"
        assert self.look(harness, "a-1", cancel=False) == Cancelled()
        assert nothing_moved(harness, "a-1")

    def test_a_key_that_was_fenced_before_its_charge_never_charges(self, harness: GatewayHarness) -> None:
        ask = self.first_times(harness, "a-1", times=2)

        assert self.look(harness, "a-1", cancel=True) == Cancelled()
        assert all(isinstance(once(), Unknown) for once in ask)
        assert self.look(harness, "a-1", cancel=True) == Cancelled()
        assert nothing_moved(harness, "a-1")

    def test_a_charge_and_a_fence_at_once_agree(self, harness: GatewayHarness) -> None:
        for number in range(6):
            key = f"a-{number}"
            ask = self.first_times(harness, key, times=1)[0]
            asked, fenced = at_once([ask, lambda key=key: self.look(harness, key, cancel=True)])

            if isinstance(fenced, Cancelled):
                assert isinstance(asked, Unknown | self.undone_by_a_fence)
                assert nothing_moved(harness, key)
            else:
                assert isinstance(asked, self.done)
                assert isinstance(fenced, self.found | Unknown)

    def test_what_is_under_way_is_not_called_fenced_and_charged(self, harness: GatewayHarness) -> None:
        ask = self.first_times(harness, "a-1", times=1)[0]
        with ThreadPoolExecutor() as threads:
            with harness.under_way(self.first) as held:
                late = threads.submit(ask)
                held.wait_until_reached()
                looked = self.look(harness, "a-1", cancel=True)
            answered = late.result()

        if isinstance(looked, Cancelled):
            assert nothing_moved(harness, "a-1")
        else:
            assert isinstance(looked, Unknown)
            assert isinstance(answered, self.done)
        assert isinstance(self.look(harness, "a-1", cancel=True), Cancelled | self.found)

    def test_silence_is_unknown(self, harness: GatewayHarness) -> None:
        ask = self.first_times(harness, "a-1", times=1)[0]
        harness.be_impatient()
        with harness.under_way(self.first):
            assert isinstance(ask(), Unknown)

    @pytest.mark.parametrize("harm", HARMS)
    def test_a_lookup_whose_answer_is_lost_is_unknown_and_harmless(
        self, harness: GatewayHarness, harm: str
    ) -> None:
        self.pay(harness, "a-1")
        getattr(harness, harm)(LOOKUP)

        assert isinstance(self.look(harness, "a-1", cancel=True), Unknown)
        assert isinstance(self.look(harness, "a-1", cancel=True), Approved)

    def test_every_decline_is_normalised_certain_and_repeated(self, harness: GatewayHarness) -> None:
        for number, (decline, card) in enumerate(harness.declining.items()):
            key = f"a-{number}"
            first, again = self.pay(harness, key, card=card), self.pay(harness, key, card=card)

            assert isinstance(first, Declined)
            assert first.decline is decline
            assert again == first
            assert self.look(harness, key, cancel=True) == first
            assert nothing_moved(harness, key)
