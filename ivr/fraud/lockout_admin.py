"""Where people see lockouts and lift them: ours, and those of the PCI process, in one list.

What comes from the PCI process is an opaque id and the beginning of a keyed hash. Who lifted what is kept in
the row and as a line of the timeline. A PCI process that is silent, or refuses, takes its part off the list,
and the list says so and why.
"""

import re
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
import structlog

from ivr.customers import timeline
from ivr.fraud import lockouts
from ivr.fraud.breaker import Position, position
from ivr.fraud.limits import Kind
from ivr.fraud.lockouts import Lockout
from ivr.integrations.pci_client import PciClient, PciLockout, PciRefusedError, PciUnreachableError
from ivr.platform.clock import Clock
from ivr.platform.database.engine import reading

_OURS = re.compile(r"lockout_[0-9a-z]{1,30}")
_OF_PCI = re.compile(r"cardlock_[0-9a-z]{1,30}")
_FORBIDDEN = 403
_NOT_FOUND = 404
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Shown:
    """A lockout as people see it. `subject` is masked; `state` is locked_out, half_open or over."""

    id: str
    kind: str
    subject: str
    state: str
    since: datetime
    until: datetime
    why: str
    call_id: str | None
    lifted_at: datetime | None
    lifted_by: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """The newest first."""

    lockouts: list[Shown]
    missing_because: str | None = None
    """Why those of cards and BINs are not here, where they are not."""

    @property
    def complete(self) -> bool:
        return self.missing_because is None


class Office:
    """Lists and lifts. `pci` is None where the carrier takes the cards: there is no PCI process then."""

    def __init__(self, engine: sa.Engine, pci: PciClient | None, clock: Clock) -> None:
        self._engine = engine
        self._pci = pci
        self._clock = clock

    def listed(self, *, also_over: bool = False) -> Listing:
        """The lockouts that stand; `also_over`: also those of the last 30 days."""
        now = self._clock.now()
        with reading(self._engine) as tx:
            found = [_ours(one, now) for one in lockouts.listed(tx, now, also_over=also_over)]
        missing_because = None
        if self._pci is not None:
            try:
                found += [_of_pci(one, now) for one in self._pci.lockouts(also_over=also_over)]
            except (PciUnreachableError, PciRefusedError) as fault:
                missing_because = _why(fault)
        return Listing(sorted(found, key=lambda one: one.since, reverse=True), missing_because)

    def lift(self, lockout_id: str, *, by: str) -> Shown | None:
        """The lockout, lifted from this moment on; None where there is none of this id.

        Raises PciUnreachableError where it is the PCI process's, and it does not answer.
        """
        now = self._clock.now()
        if _OURS.fullmatch(lockout_id):
            with self._engine.begin() as tx:
                lifted = lockouts.lift(tx, lockout_id, by=by, now=now)
                if lifted is None:
                    return None
                if lifted.lifted_at == now:
                    self._write_down(tx, lockout_id, lifted.kind, by, now)
            return _ours(lifted, now)
        if self._pci is None or not _OF_PCI.fullmatch(lockout_id):
            return None
        try:
            of_pci = self._pci.lift_lockout(lockout_id, by=_nameable(by))
        except PciRefusedError as refused:
            if refused.status == _NOT_FOUND:
                return None
            raise
        with self._engine.begin() as tx:
            self._write_down(tx, lockout_id, of_pci.kind, by, now)
        return _of_pci(of_pci, now)

    def _write_down(self, tx: sa.Connection, lockout_id: str, kind: str, by: str, now: datetime) -> None:
        facts = {"lockout": lockout_id, "kind": str(kind), "by": by}
        timeline.add(tx, "lockout.lifted", at=now, facts=facts)
        log.info("lockout_lifted", **facts)


def _ours(one: Lockout, now: datetime) -> Shown:
    if one.kind is Kind.BREAKER:
        states = {Position.OPEN: "locked_out", Position.HALF_OPEN: "half_open", Position.CLOSED: "over"}
        state = states[position(one, now)]
    else:
        state = "locked_out" if one.stands(now) else "over"
    return Shown(
        id=one.id,
        kind=one.kind,
        subject=one.shown,
        state=state,
        since=one.since,
        until=one.until,
        why=one.why,
        call_id=one.call_id,
        lifted_at=one.lifted_at,
        lifted_by=one.lifted_by,
    )


def _of_pci(one: PciLockout, now: datetime) -> Shown:
    return Shown(
        id=one.id,
        kind=one.kind,
        subject=one.subject,
        state="locked_out" if one.lifted_at is None and now < one.until else "over",
        since=one.since,
        until=one.until,
        why=one.why,
        call_id=None,
        lifted_at=one.lifted_at,
        lifted_by=one.lifted_by,
    )


def _why(fault: PciUnreachableError | PciRefusedError) -> str:
    if isinstance(fault, PciRefusedError) and fault.status == _FORBIDDEN:
        return f"{fault}: INTERNAL_SECRET differs, or the clocks of the two machines differ"
    return str(fault)


def _nameable(by: str) -> str:
    """As the PCI process takes a name."""
    return "".join(char if char.isprintable() else "?" for char in by)[:80] or "?"
