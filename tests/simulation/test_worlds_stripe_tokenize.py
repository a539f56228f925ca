"""Worlds in which everything goes wrong, with Stripe, charged in two steps: the books hold."""

from collections.abc import Callable

from tests.simulation.holding import no_world_breaks
from tests.simulation.runs import Simulation


def test_no_world_breaks_the_books(simulation: Callable[[str], Simulation]) -> None:
    no_world_breaks(simulation, "stripe-tokenize", charges_least=5)
