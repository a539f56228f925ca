"""A lockout: this card, or any card of this call, caller or bill, is refused until a given moment.

Web and the PCI process each keep their own lockouts and share this record and its rules. Nothing of a card
is in it: the subject of a card's lockout is the beginning of a keyed hash.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from gateways.declines import Decline

KEPT = timedelta(days=30)
"""How long a lockout can be read after its end."""
NOT_ABOUT_THE_CARD = frozenset({Decline.CONFIG_ERROR, Decline.ISSUER_UNAVAILABLE})
"""Declines that lead to no lockout: the fault is ours, or the bank's."""
_SHOWN_DIGITS = 4
_DOCUMENT = ("id", "kind", "subject", "since", "until", "why", "lifted_at", "lifted_by")


class LockoutKind(StrEnum):
    """What is locked out. The PCI process locks out cards and BINs, web all others."""

    CALL = "call"
    CALLER = "caller"
    BILL = "bill"
    BREAKER = "breaker"
    """Everybody, because most charges were declined."""
    CARD = "card"
    BIN = "bin"


class LockoutState(StrEnum):
    """Where a lockout stands, as people see it."""

    LOCKED_OUT = "locked_out"
    HALF_OPEN = "half_open"
    """Of the breaker: its pause is over, and a few cards are let through as a trial."""
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Lockout:
    """One lockout. `subject` is as it is counted; people see `shown`."""

    id: str
    kind: LockoutKind
    subject: str
    since: datetime
    until: datetime
    why: str
    lifted_at: datetime | None = None
    lifted_by: str | None = None
    call_id: str | None = None
    """The call in which it began."""
    number: int = 1
    """Of the subject's lockouts, counted from 1. The PCI process does not number them."""

    @property
    def shown(self) -> str:
        """A caller's number by its last digits alone; other subjects, and `withheld`, as they are."""
        if self.kind is not LockoutKind.CALLER or self.subject.isalpha():
            return self.subject
        return f"...{self.subject[-_SHOWN_DIGITS:]}"

    @property
    def ended_at(self) -> datetime:
        """When it ended, or will end."""
        return self.until if self.lifted_at is None else min(self.lifted_at, self.until)

    def is_active(self, now: datetime) -> bool:
        return self.lifted_at is None and now < self.until

    def state(self, now: datetime) -> LockoutState:
        if self.is_active(now):
            return LockoutState.LOCKED_OUT
        is_on_trial = self.kind is LockoutKind.BREAKER and self.lifted_at is None
        return LockoutState.HALF_OPEN if is_on_trial else LockoutState.OVER

    def document(self) -> dict[str, Any]:
        """What the PCI process answers to web. Web of the last release takes no other fields."""
        return {name: getattr(self, name) for name in _DOCUMENT}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "Lockout":
        """The lockout in an answer of the PCI process."""
        moments = {
            name: datetime.fromisoformat(document[name]) if document[name] else None
            for name in ("since", "until", "lifted_at")
        }
        values = {name: document[name] for name in _DOCUMENT}
        return cls(**{**values, **moments, "kind": LockoutKind(values["kind"])})


def is_counted(decline: str | None) -> bool:
    """Whether a decline for this reason says that somebody tried a card that is not good."""
    return decline not in NOT_ABOUT_THE_CARD
