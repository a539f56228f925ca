"""Worlds, one after the other: the houses that they are played in, and the first that is not clean.

May import its own folder. World by world the houses take turns, one for each way of taking cards. A world
whose number is even is played in the first house, so a number names the same world in every run.
"""

import gc
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from tests.simulation.bank import SandboxBank
from tests.simulation.house import House, quick_starts
from tests.simulation.world import Played, World

CARD_ENTRIES = ("tokenize", "authorize")
WORLDS_IN_TESTS = 75
"""In each file of tests, at every run of the tests: 300 in all, in four files that workers share among them.
`make simulate` plays as many as asked.
"""


def memory() -> str | None:
    """A directory in memory, where the machine has one: databases live as long as the run."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a directory of its own is made in it


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """For the length of a block, the garbage collector runs seldom and does not look at what was there
    before: each world leaves little, and looking through all modules again and again takes longer.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


class Simulation:
    """Houses that stand for the length of a block."""

    def __init__(self, folder: Path, card_entries: Sequence[str] = CARD_ENTRIES) -> None:
        self._folder = folder
        self._ways = tuple(card_entries)
        self._houses: dict[str, House] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(quick_starts())
        for way in self._ways:
            folder = self._folder / way
            folder.mkdir()
            bank = SandboxBank(folder)
            self._stack.callback(bank.close)
            house = House(folder, bank, way)
            self._stack.callback(house.close)
            self._houses[way] = house
        self._stack.enter_context(_seldom_collected())
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def worlds(self, seed: str, *, first: int = 0, count: int) -> Iterator[Played]:
        for number in range(first, first + count):
            yield self.play(seed, number)

    def play(self, seed: str, number: int, **weather: float) -> Played:
        """`weather`: rates that are fixed, whatever the seed draws; see `chance.Weather`."""
        way = self._ways[number % len(self._ways)]
        return World(self._houses[way], seed, number, **weather).play()
