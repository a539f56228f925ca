"""Worlds in which everything goes wrong, in each deployment: the books hold."""

from collections.abc import Callable

import pytest

from tests.simulation.runs import DEPLOYMENTS, WORLDS_IN_TESTS, Simulation

CHARGES_MIN = 5
"""With fewer, these worlds would prove nothing."""


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_no_world_breaks_the_books(deployment: str, simulation: Callable[[str], Simulation]) -> None:
    charges = 0
    for played in simulation(deployment).worlds("tests", count=WORLDS_IN_TESTS):
        assert not played.violations, played.told()
        charges += played.charges
    assert charges >= CHARGES_MIN, "hardly anybody paid"
