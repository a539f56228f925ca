"""More of the worlds of `test_worlds_authorize`: a file of its own, so that another worker can play them."""

from collections.abc import Callable

from tests.simulation.runs import WORLDS_IN_TESTS, Simulation


def test_no_world_breaks_the_house(simulation: Callable[[str], Simulation]) -> None:
    charges = 0
    for played in simulation("authorize").worlds("tests", first=WORLDS_IN_TESTS, count=WORLDS_IN_TESTS):
        assert not played.violations, played.told()
        charges += played.charges
    assert charges > WORLDS_IN_TESTS / 2, "hardly anybody paid: these worlds prove nothing"
