"""The breaker: while too many of all charges are declined, no card is taken.

It is a lockout of everybody. When its pause is over it is half-open: a few cards are let through, and their
outcomes close it, or open it for twice as long. Only what an issuer said about a card counts, so a gateway's
outage opens nothing. A breaker can hurt callers more than card testers: it needs a number of charges and a
share of declines, and a person can lift it at any moment.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
import structlog

from ivr.fraud import lockouts, velocity
from ivr.fraud.lockouts import EVERYBODY
from ivr.fraud.velocity import ChargeCounts
from ivr.platform.ids import Ids
from ivr.platform.lockout import Lockout, LockoutKind, LockoutState

PROBES = 4
"""How many cards a half-open breaker lets through before it decides."""
PAUSE_MAX = timedelta(hours=4)
LIFTED_BY_ITSELF = "automatic: enough cards were approved again"
log = structlog.get_logger()


class BreakerState(StrEnum):
    """Where the breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


_STATES = {
    LockoutState.OVER: BreakerState.CLOSED,
    LockoutState.LOCKED_OUT: BreakerState.OPEN,
    LockoutState.HALF_OPEN: BreakerState.HALF_OPEN,
}


def state_at(tx: sa.Connection, now: datetime) -> BreakerState:
    """Where the breaker stands by its newest lockout."""
    return _state(lockouts.last_of_breaker(tx), now)


def _state(last: Lockout | None, now: datetime) -> BreakerState:
    return BreakerState.CLOSED if last is None else _STATES[last.state(now)]


@dataclass(frozen=True, slots=True)
class BreakerLimit:
    """At `charges_min` charges within `window`, more than `declines_percent` of them declined."""

    window: timedelta
    charges_min: int
    declines_percent: int
    pause: timedelta


@dataclass(frozen=True, slots=True)
class Breaker:
    """Looks and decides; its state is in the database alone."""

    limit: BreakerLimit
    ids: Ids

    def refuses(self, tx: sa.Connection, now: datetime) -> bool:
        """Whether no card is taken now. If it is half-open, it holds its lock until the transaction ends, so
        that no more than `PROBES` cards are let through.
        """
        last = lockouts.last_of_breaker(tx)
        if _state(last, now) is BreakerState.HALF_OPEN:
            self._decide(tx, now)
            last = lockouts.last_of_breaker(tx)
        if last is None or _state(last, now) is not BreakerState.HALF_OPEN:
            return _state(last, now) is BreakerState.OPEN
        probes = velocity.charges_begun_since(tx, last.until, now)
        return probes.ended + probes.under_way >= PROBES

    def observe(self, tx: sa.Connection, now: datetime, call_id: str | None) -> None:
        """After a charge has ended, opens or closes the breaker if its counts say so."""
        last = lockouts.last_of_breaker(tx)
        match _state(last, now):
            case BreakerState.HALF_OPEN:
                self._decide(tx, now, call_id)
            case BreakerState.CLOSED:
                since = now - self.limit.window
                charges = velocity.charges_ended_since(tx, max(since, last.ended_at) if last else since)
                if charges.ended >= self.limit.charges_min and self._too_many(charges):
                    self._open(tx, last, charges, now, self.limit.pause, call_id=call_id)
            case BreakerState.OPEN:
                pass

    def _decide(self, tx: sa.Connection, now: datetime, call_id: str | None = None) -> None:
        """Closes or opens a half-open breaker, once enough of its cards have ended."""
        velocity.hold_subjects(tx, [LockoutKind.BREAKER])
        last = lockouts.last_of_breaker(tx)
        if last is None or _state(last, now) is not BreakerState.HALF_OPEN:
            return
        probes = velocity.charges_begun_since(tx, last.until, now)
        if probes.ended < PROBES:
            return
        if self._too_many(probes):
            pause = min(2 * (last.until - last.since), PAUSE_MAX)
            self._open(tx, last, probes, now, pause, call_id=call_id)
        else:
            lockouts.lift(tx, last.id, by=LIFTED_BY_ITSELF, now=now)
            log.info("breaker_closed", lockout_id=last.id)

    def _too_many(self, charges: ChargeCounts) -> bool:
        return charges.declined * 100 > self.limit.declines_percent * charges.ended

    def _open(
        self,
        tx: sa.Connection,
        last: Lockout | None,
        charges: ChargeCounts,
        now: datetime,
        pause: timedelta,
        *,
        call_id: str | None,
    ) -> None:
        lockouts.begin(
            tx,
            LockoutKind.BREAKER,
            EVERYBODY,
            number=last.number + 1 if last else 1,
            now=now,
            until=now + pause,
            why=f"{charges.declined} of the last {charges.ended} charges were declined",
            call_id=call_id,
            ids=self.ids,
        )
