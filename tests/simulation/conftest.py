"""A simulation of one deployment, on databases in memory."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.simulation.runs import Simulation
from tests.support.databases import memory


@pytest.fixture
def simulation() -> Iterator[Callable[[str], Simulation]]:
    with ExitStack() as stack:

        def begin(deployment: str) -> Simulation:
            folder = stack.enter_context(tempfile.TemporaryDirectory(dir=memory()))
            return stack.enter_context(Simulation(Path(folder), [deployment]))

        yield begin
