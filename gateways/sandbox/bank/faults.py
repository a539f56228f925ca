"""What can go wrong with an answer: by the amount, always the same, or on demand for the next requests.

Amounts that end in 71 to 79 go wrong; the last two digits of the minor units count, whatever the currency:
10.75 EUR and 1075 JPY behave alike. That holds for charges, authorizations and refunds; a card that declines
does so whatever the amount. Faults on demand are kept in the bank's memory, first asked first served, and
gone with the process. A fault strikes before the work (nothing happened) or after it (it happened, and
nobody heard).
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


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the issuer, and the line to it, treat one amount."""

    says: str
    """A sentence for the documentation."""
    fault: BankFault = NO_FAULT
    decline: str | None = None
    pending_lookups: int = 0
    """How many lookups still hear `pending` before the outcome is told; 0: told at once."""


ORDINARY = Behaviour("approved")

BY_ENDING = {
    71: Behaviour("approved, after 3 seconds", BankFault(delay_s=3.0)),
    72: Behaviour("approved, and the answer is lost", BankFault(Harm.DROP_AFTER)),
    73: Behaviour("the request is lost: the bank never received it", BankFault(Harm.DROP_BEFORE)),
    74: Behaviour("declined: insufficient_funds", decline="insufficient_funds"),
    75: Behaviour("pending; the second lookup says approved", pending_lookups=1),
    76: Behaviour("pending; the second lookup says declined", decline="generic_decline", pending_lookups=1),
    77: Behaviour("pending for five lookups, then approved", pending_lookups=5),
    78: Behaviour("the bank fails (HTTP 500), and nothing was done", BankFault(Harm.ERROR_BEFORE)),
    79: Behaviour("approved after 20 seconds, when nobody waits any more", BankFault(delay_s=20.0)),
}


def behaviour(amount_minor: int) -> Behaviour:
    """How this amount is treated."""
    return BY_ENDING.get(amount_minor % 100, ORDINARY)


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
