"""What the bank stands on, passed in: its ledger, the time, how it waits, and where its ids come from.

The process gives real ones; a test gives a clock of its own, and a `sleep` that takes no time, or one that
holds a charge under way for as long as the test needs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateways.sandbox.bank.ledger import Ledger


class BankIds(Protocol):
    """Where the bank gets names and secrets."""

    def new(self, prefix: str) -> str: ...

    def secret(self) -> str: ...


def _tell_nobody(_kind: str, _key: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class BankDependencies:
    ledger: Ledger
    now: Callable[[], datetime]
    sleep: Callable[[float], object]
    ids: BankIds
    tell: Callable[[str, str], None] = _tell_nobody
    """What happened (`link.paid`) and the key it happened to; returns at once, and may be lost."""
