"""How a bug is planted into the server: its patches, the fault rates that bring it to light, how it is told.

At a planted bug's rates nobody but callers, payers and the server does anything, unless it says so: what is
drawn where others act moves what is drawn after it.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Any

Patches = list[AbstractContextManager[Any]]
ALONE = {"source": 0.0, "by_hand": 0.0, "ahead": 0.0, "late_s": 0.0}
"""Nobody but callers, payers and the server does anything."""
QUIET = ALONE | dict.fromkeys(("carrier", "internal", "gateway", "kills", "database", "queue"), 0.0)
GATEWAY_FAILS = {**QUIET, "gateway": 0.6}
QUEUE_FAILS = {**QUIET, "queue": 0.5}
SOURCE_SPEAKS = {**QUIET, "source": 0.9}
AHEAD = {**QUIET, "ahead": 0.2, "late_s": 4.0}
BY_HAND = {**QUIET, "by_hand": 0.8}


@dataclass(frozen=True)
class Bug:
    """`plant` gives the patches; `rates` bring it to light."""

    plant: Callable[[], Patches]
    told: str
    """Part of the sentence by which it is found."""
    rates: Mapping[str, float] = field(default_factory=lambda: ALONE)
    deployment: str = "tokenize"
    first: int = 0
    """The number of the world to begin with: one near to where it was found before saves time."""

    def planted(self) -> ExitStack:
        """The server has the bug for the length of a block."""
        with ExitStack() as stack:
            for patch in self.plant():
                stack.enter_context(patch)
            return stack.pop_all()
