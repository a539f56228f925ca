"""Where people see lockouts and lift them: web's own and those of the PCI process, in one list.

Who lifted what is kept in the lockout's row and in the timeline. If the PCI process does not answer, or
refuses, its lockouts are missing from the list, and the list says so and why.
"""

import re
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
import structlog

from ivr.customers import timeline
from ivr.fraud import lockouts
from ivr.integrations.pci_client import PciClient, PciRefusedError, PciUnreachableError
from ivr.platform.clock import Clock
from ivr.platform.database.engine import reading
from ivr.platform.lockout import Lockout, LockoutKind

_OF_WEB = re.compile(r"lockout_[0-9a-z]{1,30}")
_OF_PCI = re.compile(r"cardlock_[0-9a-z]{1,30}")
_FORBIDDEN = 403
_NOT_FOUND = 404
_NAME_LENGTH_MAX = 80
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LockoutList:
    """Lockouts, newest first, as they were at that moment."""

    lockouts: list[Lockout]
    at: datetime
    missing_because: str | None = None
    """Why the lockouts of cards and BINs are missing, if they are."""

    @property
    def complete(self) -> bool:
        return self.missing_because is None


@dataclass(frozen=True, slots=True)
class LockoutAdmin:
    """Lists and lifts. `pci` is None if the carrier takes the cards: then there is no PCI process."""

    engine: sa.Engine
    pci: PciClient | None
    clock: Clock

    def listed(self, *, also_over: bool = False) -> LockoutList:
        """The active lockouts; `also_over`: also those of the last 30 days."""
        now = self.clock.now()
        with reading(self.engine) as tx:
            found = lockouts.listed(tx, now, also_over=also_over)
        missing_because = None
        if self.pci is not None:
            try:
                found += self.pci.lockouts(also_over=also_over)
            except (PciUnreachableError, PciRefusedError) as fault:
                missing_because = _why(fault)
        found.sort(key=lambda one: one.since, reverse=True)
        return LockoutList(found, now, missing_because)

    def lift(self, lockout_id: str, *, by: str) -> Lockout | None:
        """The lockout, lifted now; None if there is none of this id.

        Raises PciUnreachableError if it is the PCI process's lockout, and that process does not answer.
        """
        if _OF_WEB.fullmatch(lockout_id):
            return self._lift_of_web(lockout_id, by)
        if self.pci is None or not _OF_PCI.fullmatch(lockout_id):
            return None
        try:
            lifted = self.pci.lift_lockout(lockout_id, by=_printable(by))
        except PciRefusedError as refused:
            if refused.status == _NOT_FOUND:
                return None
            raise
        with self.engine.begin() as tx:
            _record(tx, lockout_id, lifted.kind, by, self.clock.now())
        return lifted

    def _lift_of_web(self, lockout_id: str, by: str) -> Lockout | None:
        now = self.clock.now()
        with self.engine.begin() as tx:
            lifted = lockouts.lift(tx, lockout_id, by=by, now=now)
            if lifted is not None and lifted.lifted_at == now:
                _record(tx, lockout_id, lifted.kind, by, now)
        return lifted


def _record(tx: sa.Connection, lockout_id: str, kind: LockoutKind, by: str, now: datetime) -> None:
    facts = {"lockout": lockout_id, "kind": str(kind), "by": by}
    timeline.add(tx, "lockout.lifted", at=now, facts=facts)
    log.info("lockout_lifted", **facts)


def _why(fault: PciUnreachableError | PciRefusedError) -> str:
    if isinstance(fault, PciRefusedError) and fault.status == _FORBIDDEN:
        return f"{fault}: INTERNAL_SECRET differs, or the clocks of the two machines differ"
    return str(fault)


def _printable(by: str) -> str:
    """The name in the form that the PCI process accepts."""
    return "".join(char if char.isprintable() else "?" for char in by)[:_NAME_LENGTH_MAX] or "?"
