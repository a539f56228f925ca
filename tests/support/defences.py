"""The guard against card testing on a test's bench: the caps as they are by default, changed by name."""

from ivr.config import DEFENCES
from ivr.defences.caps import Caps
from ivr.settings import read_all


def usual_caps(**changes: int) -> Caps:
    """The caps of the default settings; `changes` are settings, by their names."""
    return Caps.from_settings({**read_all(DEFENCES, {}), **changes})
