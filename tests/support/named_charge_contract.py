"""The part of the contract suite about charges that a person names: taken only where they are of this order.

Every adapter inherits it with `GatewayContract`.
"""

from dataclasses import replace
from typing import Any

import pytest

from gateways.contract import Approved, Declined, NotThisCharge, Unknown
from gateways.declines import Decline
from tests.support.gateway_harness import LOOKUP, GatewayHarness
from tests.support.gateway_verbs import HARMS, GatewayVerbs, order_of


class NamedChargeContract(GatewayVerbs):
    """What must hold of `find_charge`."""

    def test_the_charge_of_an_order_is_known_by_its_reference(self, harness: GatewayHarness) -> None:
        paid = self.pay(harness, "a-1")
        assert isinstance(paid, Approved)
        assert harness.gateway.verify_charge(order_of("a-1"), paid.gateway_reference) == paid

    @pytest.mark.parametrize(
        "other",
        [{"key": "a-2"}, {"amount_minor": 5001}, {"currency": "USD"}],
        ids=["another order", "another amount", "another currency"],
    )
    def test_the_charge_of_another_order_is_not_taken_for_it(
        self, harness: GatewayHarness, other: dict[str, Any]
    ) -> None:
        paid, second = self.pay(harness, "a-1"), self.pay(harness, "a-2")
        assert isinstance(paid, Approved)
        assert isinstance(second, Approved)
        found = harness.gateway.verify_charge(replace(order_of("a-1"), **other), paid.gateway_reference)
        assert isinstance(found, NotThisCharge)
        assert found.reason
        assert not found.reason.endswith((".", "approved", "succeeded")), "no reason why it is another's"

    def test_what_took_no_money_is_no_charge(self, harness: GatewayHarness) -> None:
        declined = self.pay(harness, "a-1", card=harness.declining[Decline.INSUFFICIENT_FUNDS])
        assert isinstance(declined, Declined)
        for reference in (declined.gateway_reference or "none", "pi_nobodys", "ch_nobodys", "../x", ""):
            assert isinstance(harness.gateway.verify_charge(order_of("a-1"), reference), NotThisCharge)

    @pytest.mark.parametrize("harm", HARMS)
    def test_silence_about_a_named_charge_is_unknown(self, harness: GatewayHarness, harm: str) -> None:
        paid = self.pay(harness, "a-1")
        assert isinstance(paid, Approved)
        getattr(harness, harm)(LOOKUP)
        assert isinstance(harness.gateway.verify_charge(order_of("a-1"), paid.gateway_reference), Unknown)
        assert harness.gateway.verify_charge(order_of("a-1"), paid.gateway_reference) == paid
