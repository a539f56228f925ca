"""Worlds in which everything goes wrong, and the merchant changes from one gateway to the other."""

from collections.abc import Callable

from tests.simulation.holding import no_world_breaks
from tests.simulation.runs import Simulation


def test_no_world_breaks_the_books(simulation: Callable[[str], Simulation]) -> None:
    no_world_breaks(simulation, "two-gateways", charges_least=5)
