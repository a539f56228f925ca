"""Waiting for what another thread or process does, with a limit, instead of sleeping for a guess."""

import time
from collections.abc import Callable


def eventually(
    condition: Callable[[], bool], *, timeout_s: float = 30.0, what: str = "it", every_s: float = 0.01
) -> None:
    """Returns as soon as `condition` holds; fails where it does not within the time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {timeout_s} s"
        time.sleep(every_s)
