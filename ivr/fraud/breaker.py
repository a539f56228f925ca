"""The breaker: where too many of all charges are declined, cards are not taken for a while.

It is a lockout of everybody. When its pause is over it is half-open: a few cards are let through, and what
becomes of them closes it, or opens it for twice as long. Only charges count that an issuer answered about the
card: a gateway's outage opens nothing. What could go wrong is that it hurts callers more than testers; so it
needs a number of charges and a share of declines, and a person may lift it at any moment.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
import structlog

from ivr.fraud import lockouts
from ivr.fraud.limits import BreakerCap, Kind
from ivr.fraud.lockouts import EVERYBODY, Lockout
from ivr.fraud.velocity import NOT_FOR_THE_BREAKER, OPEN_COUNTS, TryState, hold_names
from ivr.platform.database.schema import card_try
from ivr.platform.ids import Ids

PROBES = 4
"""How many cards a half-open breaker lets through before it decides."""
PAUSE_MAX = timedelta(hours=4)
HALF_OPENED = "automatic: enough cards were approved again"
log = structlog.get_logger()


class Position(StrEnum):
    """Where the breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class _Charges:
    approved: int
    declined: int
    under_way: int = 0

    @property
    def ended(self) -> int:
        return self.approved + self.declined


@dataclass(frozen=True, slots=True)
class Breaker:
    """Looks and decides; its state is in the database alone."""

    cap: BreakerCap
    ids: Ids

    def refuses(self, tx: sa.Connection, now: datetime) -> bool:
        """Whether no card is taken now. A half-open one holds its lock until the transaction ends, so that
        no more than its few are let through.
        """
        last = lockouts.last(tx, Kind.BREAKER, EVERYBODY)
        if position(last, now) is Position.HALF_OPEN:
            self._decide(tx, now)
            last = lockouts.last(tx, Kind.BREAKER, EVERYBODY)
        match position(last, now):
            case Position.HALF_OPEN if last is not None:
                probes = _since(tx, last.until, now)
                return probes.ended + probes.under_way >= PROBES
            case where:
                return where is Position.OPEN

    def observe(self, tx: sa.Connection, now: datetime, call_id: str | None) -> None:
        """A charge has ended."""
        last = lockouts.last(tx, Kind.BREAKER, EVERYBODY)
        match position(last, now):
            case Position.HALF_OPEN:
                self._decide(tx, now, call_id)
            case Position.CLOSED:
                since = now - self.cap.window
                charges = _ended_since(tx, max(since, last.ended_at) if last else since)
                if charges.ended >= self.cap.charges_min and self._too_many(charges):
                    self._open(tx, last, charges, now, self.cap.pause, call_id=call_id)
            case Position.OPEN:
                pass

    def _decide(self, tx: sa.Connection, now: datetime, call_id: str | None = None) -> None:
        """Closes or opens a half-open one, once enough of its cards have ended."""
        hold_names(tx, [Kind.BREAKER])
        last = lockouts.last(tx, Kind.BREAKER, EVERYBODY)
        if last is None or position(last, now) is not Position.HALF_OPEN:
            return
        probes = _since(tx, last.until, now)
        if probes.ended < PROBES:
            return
        if self._too_many(probes):
            pause = min(2 * (last.until - last.since), PAUSE_MAX)
            self._open(tx, last, probes, now, pause, call_id=call_id)
        else:
            lockouts.lift(tx, last.id, by=HALF_OPENED, now=now)
            log.info("breaker_closed", lockout_id=last.id)

    def _too_many(self, charges: _Charges) -> bool:
        return charges.declined * 100 > self.cap.declines_percent * charges.ended

    def _open(
        self,
        tx: sa.Connection,
        last: Lockout | None,
        charges: _Charges,
        now: datetime,
        pause: timedelta,
        *,
        call_id: str | None,
    ) -> None:
        lockouts.begin(
            tx,
            Kind.BREAKER,
            EVERYBODY,
            number=last.number + 1 if last else 1,
            now=now,
            until=now + pause,
            why=f"{charges.declined} of the last {charges.ended} charges were declined",
            call_id=call_id,
            ids=self.ids,
        )


def position(last: Lockout | None, now: datetime) -> Position:
    """Where the breaker stands by its newest lockout."""
    if last is None or last.lifted_at is not None:
        return Position.CLOSED
    return Position.OPEN if now < last.until else Position.HALF_OPEN


def _counts() -> sa.ColumnElement[bool]:
    soft = card_try.c.decline.in_(sorted(NOT_FOR_THE_BREAKER))
    return (card_try.c.state == TryState.DECLINED) & sa.or_(card_try.c.decline.is_(None), sa.not_(soft))


def _ended_since(tx: sa.Connection, since: datetime) -> _Charges:
    """Charges that ended after `since`."""
    query = sa.select(
        sa.func.count().filter(card_try.c.state == TryState.APPROVED), sa.func.count().filter(_counts())
    ).where(card_try.c.ended_at > since)
    return _Charges(*tx.execute(query).one())


def _since(tx: sa.Connection, since: datetime, now: datetime) -> _Charges:
    """Charges that were let through from `since` on."""
    fresh = (card_try.c.state == TryState.OPEN) & (card_try.c.at > now - OPEN_COUNTS)
    query = sa.select(
        sa.func.count().filter(card_try.c.state == TryState.APPROVED),
        sa.func.count().filter(_counts()),
        sa.func.count().filter(fresh),
    ).where(card_try.c.at >= since)
    return _Charges(*tx.execute(query).one())
