"""What each file of worlds asks of its deployment. A file for each, so that the workers share them."""

from collections.abc import Callable

from tests.simulation.runs import WORLDS_IN_TESTS, Simulation


def no_world_breaks(simulation: Callable[[str], Simulation], deployment: str, *, charges_least: int) -> None:
    """Plays this deployment's worlds; `charges_least`: with fewer they would prove nothing."""
    charges = 0
    for played in simulation(deployment).worlds("tests", count=WORLDS_IN_TESTS):
        assert not played.violations, played.told()
        charges += played.charges
    assert charges >= charges_least, "hardly anybody paid: these worlds prove nothing"
