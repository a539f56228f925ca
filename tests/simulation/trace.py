"""What happened in a world, in order: told when it fails, and compared when a world is played twice.

A line never holds what was keyed.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Trace:
    """Lines with their moment."""

    now_s: Callable[[], float]
    lines: list[tuple[float, str, str]] = field(default_factory=list)

    def __call__(self, who: str, what: str) -> None:
        self.lines.append((self.now_s(), who, what))

    def told(self, last: int | None = None) -> str:
        """As a person reads it."""
        shown = self.lines if last is None else self.lines[-last:]
        return "\n".join(f"{at_s:12.3f}  {who:<12} {what}" for at_s, who, what in shown)

    @property
    def digest(self) -> str:
        """The same for the same world."""
        return hashlib.sha256(repr(self.lines).encode()).hexdigest()
