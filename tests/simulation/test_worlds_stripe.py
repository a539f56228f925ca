"""Worlds in which everything goes wrong, with Stripe: cards keyed here or at the carrier; the books hold."""

from collections.abc import Callable

import pytest

from tests.simulation.runs import STRIPES_WORLDS_IN_TESTS, Simulation


@pytest.mark.parametrize("house", ["stripe-tokenize", "stripe-authorize", "stripe-pay"])
def test_no_world_breaks_the_house(house: str, simulation: Callable[[str], Simulation]) -> None:
    charges = 0
    for played in simulation(house).worlds("tests", count=STRIPES_WORLDS_IN_TESTS):
        assert not played.violations, played.told()
        charges += played.charges
    assert charges, "nobody paid: these worlds prove nothing"
