"""What can go wrong with an answer, on demand: the next requests are slow, dropped, failed or garbled.

BankFaults are kept in the bank's memory, first asked first served, and gone with the process. A fault strikes
before the work (nothing happened) or after it (it happened, and nobody heard).
"""

from collections import deque
from dataclasses import dataclass, replace
from enum import StrEnum
from threading import Lock


class Harm(StrEnum):
    """What happens to the answer."""

    NONE = "none"
    DROP_BEFORE = "drop_before"
    """The line breaks, and nothing was done."""
    DROP_AFTER = "drop_after"
    """It was done, and the line breaks."""
    ERROR_BEFORE = "error_before"
    """500, and nothing was done."""
    NOT_PROCESSED = "not_processed"
    """429, and the bank says that nothing was done: the same request may be sent again."""
    ERROR_AFTER = "error_after"
    """It was done, and the answer is 500."""
    GARBAGE_AFTER = "garbage_after"
    """It was done, and the answer is a page of HTML with status 200."""


@dataclass(frozen=True, slots=True)
class BankFault:
    """One thing that goes wrong, `times` times; on one path, or on every one."""

    harm: Harm = Harm.NONE
    delay_s: float = 0.0
    """How long the bank thinks before it decides."""
    path: str | None = None
    times: int = 1


NO_FAULT = BankFault()


class BankFaults:
    """The faults still to strike. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: deque[BankFault] = deque()

    def add(self, fault: BankFault) -> None:
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def take(self, path: str) -> BankFault | None:
        """The fault that strikes this request, counted down; None where there is none."""
        with self._lock:
            for place, fault in enumerate(self._waiting):
                if fault.path in {None, path}:
                    if fault.times > 1:
                        self._waiting[place] = replace(fault, times=fault.times - 1)
                    else:
                        del self._waiting[place]
                    return fault
            return None
