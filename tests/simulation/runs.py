"""Worlds, one after the other: the deployments that they are played in, and the first that is not clean.

World by world the deployments take turns: one for each gateway and each way of taking cards. Which one a
world is played in follows from its number, so a number names the same world in every run.
"""

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.simulation.deployment import Deployment, quick_starts
from tests.simulation.played_world import PlayedWorld
from tests.simulation.simulated_gateway import SimulatedGateway, SimulatedSandbox
from tests.simulation.simulated_stripe import SimulatedStripe
from tests.simulation.two_gateways import TwoGateways
from tests.simulation.world import World


@dataclass(frozen=True)
class DeploymentPlan:
    """A deployment as it is to be made: its gateway, given a folder, and its settings."""

    bank: Callable[[Path], SimulatedGateway]
    settings: Mapping[str, str] = field(default_factory=dict)


_SAVES = {"SAVED_CARDS": "yes"}
DEPLOYMENTS: Mapping[str, DeploymentPlan] = {
    "tokenize": DeploymentPlan(lambda folder: SimulatedSandbox(folder, "tokenize"), _SAVES),
    "authorize": DeploymentPlan(lambda folder: SimulatedSandbox(folder, "authorize")),
    "stripe-tokenize": DeploymentPlan(lambda _: SimulatedStripe("tokenize", moto=True), _SAVES),
    "stripe-authorize": DeploymentPlan(lambda _: SimulatedStripe("authorize", moto=False)),
    "stripe-pay": DeploymentPlan(
        lambda _: SimulatedStripe("tokenize", moto=False), {**_SAVES, "CARD_ENTRY": "pay"}
    ),
    "two-gateways": DeploymentPlan(TwoGateways, _SAVES),
}
WORLDS_IN_TESTS = 7
"""In each deployment, at every run of the tests; `make simulate` plays as many as asked."""


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
    """Deployments for the length of a block."""

    def __init__(self, folder: Path, names: Sequence[str] = tuple(DEPLOYMENTS)) -> None:
        self._folder = folder
        self._names = tuple(names)
        self._deployments: dict[str, Deployment] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(quick_starts())
        for name in self._names:
            folder = self._folder / name
            folder.mkdir()
            bank = DEPLOYMENTS[name].bank(folder)
            self._stack.callback(bank.close)
            deployment = Deployment(folder, bank, name, DEPLOYMENTS[name].settings)
            self._stack.callback(deployment.close)
            self._deployments[name] = deployment
        self._stack.enter_context(_seldom_collected())
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def worlds(self, seed: str, *, first: int = 0, count: int, **rates: float) -> Iterator[PlayedWorld]:
        """`rates`: as in `play`."""
        for number in range(first, first + count):
            yield self.play(seed, number, **rates)

    def play(self, seed: str, number: int, **rates: float) -> PlayedWorld:
        """`rates`: those that are fixed, whatever the seed draws; see `chance.FaultRates`."""
        name = self._names[number % len(self._names)]
        return World(self._deployments[name], seed, number, **rates).play()
