"""The part of the contract suite about refunds: never more than was charged, each once, a lost one is found.

What is believed are the gateway's own books, never its answers alone.
"""

import pytest

from gateways.capability import GatewayVerb
from gateways.contract import Approved, Cancelled, Declined, RefundNotFound, RefundRequest, Unknown
from gateways.declines import Decline
from tests.support.gateway_harness import GatewayHarness
from tests.support.gateway_verbs import AT_ONCE, HARMS, GatewayVerbs, at_once, nothing_moved


class RefundContract(GatewayVerbs):
    """Whatever its card entry, a gateway gives back what it took and no more."""

    def test_refunds_in_parts_never_exceed_the_charge(self, harness: GatewayHarness) -> None:
        reference = self.paid(harness, "a-1", 5000)
        results = [harness.gateway.refund(RefundRequest(f"r-{n}", reference, 2000, "EUR")) for n in range(3)]

        assert [type(result) for result in results] == [Approved, Approved, Declined]
        assert harness.books("a-1").refunded_minor == 4000
        assert isinstance(harness.gateway.refund(RefundRequest("r-9", reference, 1000, "EUR")), Approved)
        assert isinstance(harness.gateway.refund(RefundRequest("r-10", reference, 1, "EUR")), Declined)
        assert harness.books("a-1").refunded_minor == 5000

    def test_refunds_at_once_never_exceed_the_charge(self, harness: GatewayHarness) -> None:
        reference = self.paid(harness, "a-1", 5000)
        results = at_once(
            [
                lambda n=n: harness.gateway.refund(RefundRequest(f"r-{n}", reference, 3000, "EUR"))
                for n in range(AT_ONCE)
            ]
        )

        assert sum(isinstance(result, Approved) for result in results) == 1, results
        assert harness.books("a-1").refunded_minor == 3000

    def test_the_same_refund_again_refunds_once(self, harness: GatewayHarness) -> None:
        reference = self.paid(harness, "a-1", 5000)
        refund = RefundRequest("r-1", reference, 2000, "EUR")
        first = harness.gateway.refund(refund)

        assert harness.gateway.refund(refund) == first
        assert isinstance(harness.gateway.refund(RefundRequest("r-1", reference, 2500, "EUR")), Unknown)
        assert harness.books("a-1").refunded_minor == 2000

    def test_a_refund_of_a_charge_that_was_declined_or_never_was_moves_nothing(
        self, harness: GatewayHarness
    ) -> None:
        declined = self.pay(harness, "a-1", card=harness.declining[Decline.GENERIC])
        assert isinstance(declined, Declined)

        for number, reference in enumerate([declined.gateway_reference or "none", "ch_none"]):
            refunded = harness.gateway.refund(RefundRequest(f"r-{number}", reference, 100, "EUR"))
            assert isinstance(refunded, Declined | Unknown)
        assert nothing_moved(harness, "a-1")

    def test_a_refund_in_another_currency_moves_nothing(self, harness: GatewayHarness) -> None:
        reference = self.paid(harness, "a-1", 5000)

        assert not isinstance(harness.gateway.refund(RefundRequest("r-1", reference, 100, "USD")), Approved)
        assert harness.books("a-1").refunded_minor == 0

    @pytest.mark.parametrize("harm", HARMS)
    def test_a_refund_whose_answer_is_lost_is_unknown_and_then_found(
        self, harness: GatewayHarness, harm: str
    ) -> None:
        reference = self.paid(harness, "a-1", 5000)
        getattr(harness, harm)(GatewayVerb.REFUND)

        refund = RefundRequest("r-1", reference, 2000, "EUR")
        assert isinstance(harness.gateway.refund(refund), Unknown)
        assert isinstance(harness.gateway.lookup_refund(refund, cancel=False), Approved)
        assert isinstance(harness.gateway.lookup_refund(refund, cancel=True), Approved)
        assert harness.books("a-1").refunded_minor == 2000

    def test_a_refund_that_was_not_processed_goes_through_under_its_key(
        self, harness: GatewayHarness
    ) -> None:
        refund = RefundRequest("r-1", self.paid(harness, "a-1", 5000), 2000, "EUR")
        harness.answer_not_processed(GatewayVerb.REFUND)

        not_processed = harness.gateway.refund(refund)
        assert isinstance(not_processed, Unknown)
        assert not_processed.retry_same_key
        assert harness.books("a-1").refunded_minor == 0
        assert isinstance(harness.gateway.refund(refund), Approved)
        assert harness.books("a-1").refunded_minor == 2000

    def test_a_refund_that_was_lost_is_fenced_or_sent_again_once(self, harness: GatewayHarness) -> None:
        reference = self.paid(harness, "a-1", 5000)
        harness.lose_request(GatewayVerb.REFUND)
        refund = RefundRequest("r-1", reference, 2000, "EUR")

        assert isinstance(harness.gateway.refund(refund), Unknown)
        assert isinstance(harness.gateway.lookup_refund(refund, cancel=False), Unknown | RefundNotFound)
        found = harness.gateway.lookup_refund(refund, cancel=True)
        if found == Cancelled():
            assert isinstance(harness.gateway.refund(refund), Unknown)
            assert harness.books("a-1").refunded_minor == 0
        else:
            assert found == RefundNotFound()
            assert isinstance(harness.gateway.refund(refund), Approved)
            assert isinstance(harness.gateway.refund(refund), Approved)
            assert harness.books("a-1").refunded_minor == 2000
