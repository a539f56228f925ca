"""What came of a world, and how to play it again.

A world without violations is clean.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.simulation.trace import Trace


@dataclass
class PlayedWorld:
    """What came of a world."""

    seed: str
    number: int
    deployment: str
    violations: list[str]
    trace: Trace
    calls: int
    charges: int
    links: int
    """Payments by link."""
    cards: int
    """Cards that somebody agreed to have kept."""
    attempts: int
    words: int
    """What sources said of their bills once they were there."""
    differences: Mapping[str, int]
    """How often finance was told of what, by the difference's name."""

    def told(self) -> str:
        """The violations, how to play it again, and what happened."""
        again = f"--seed {self.seed} --first {self.number} --worlds 1 --house {self.deployment}"
        return "\n".join(
            [
                *(f"VIOLATION: {each}" for each in self.violations),
                f"world {self.number} of seed {self.seed}, {self.deployment}; to play it again:",
                f"  python -m tests.simulation {again}",
                "what happened:",
                self.trace.told(),
            ]
        )
