"""The simulator itself: it finds what is planted, finds nothing where nothing is, and plays a world again."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.simulation.bugs import BUGS
from tests.simulation.runs import Simulation

ONE_IN_EACH_DEPLOYMENT = frozenset({bug.deployment: name for name, bug in BUGS.items()}.values())
WORLDS_MAX = 60
"""A bug that lives longer than this is not found."""


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str, simulation: Callable[[str], Simulation]) -> None:
    bug = BUGS[name]
    worlds = simulation(bug.deployment)
    with bug.planted():
        numbers = range(bug.first, bug.first + WORLDS_MAX)
        played = (worlds.play("bugs", number, **bug.rates) for number in numbers)
        found = next(one for one in played if any(bug.told in each for each in one.violations))
    assert f"--seed bugs --first {found.number} --worlds 1" in found.told()
    if name in ONE_IN_EACH_DEPLOYMENT:  # it is the bug that was found, and not the world
        again = worlds.play("bugs", found.number, **bug.rates)
        assert not again.violations, again.told()


@pytest.mark.parametrize("deployment", ["authorize", "stripe-tokenize"])
def test_the_same_seed_is_the_same_world(deployment: str, simulation: Callable[[str], Simulation]) -> None:
    worlds = simulation(deployment)
    first = worlds.play("again", 3, kills=0.02, gateway=0.4)
    other = worlds.play("again", 4)
    second = worlds.play("again", 3, kills=0.02, gateway=0.4)
    assert len(first.trace.lines) > 50
    assert first.trace.lines == second.trace.lines
    assert other.trace.lines != first.trace.lines


def test_the_printed_command_plays_the_same_world(simulation: Callable[[str], Simulation]) -> None:
    """In another process, whose sets and dictionaries of strings have another order."""
    played = simulation("authorize").play("again", 5)
    command = [sys.executable, "-m", "tests.simulation", "--seed", "again", "--first", "5", "--worlds", "1"]
    told = subprocess.run(
        [*command, "--house", "authorize", "--trace", "--quiet"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={**os.environ, "PYTHONHASHSEED": "1"},
    )
    assert played.trace.told() in told.stdout
