"""Lockouts as rows: when one began, why, until when, and who lifted it.

Every function that takes `tx` writes in the caller's transaction. A subject's lockouts are numbered, so two
that would begin the same one at once begin it once. What counted towards a lockout counts no more once it is
over: `last_end` says from when on.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from ivr.customers import timeline
from ivr.fraud.identity import SHARED
from ivr.fraud.limits import Kind
from ivr.platform.database.schema import lockout
from ivr.platform.ids import Ids

KEPT = timedelta(days=30)
"""How long one that is over can still be read."""
EVERYBODY = "everybody"
"""The breaker's subject."""
_SHOWN_DIGITS = 4
_NEWEST = (
    sa.select(lockout)
    .where(lockout.c.kind == sa.bindparam("kind"), lockout.c.subject == sa.bindparam("subject"))
    .order_by(lockout.c.number.desc())
    .limit(1)
)
"""Built once: it is asked for at each card, for each that is counted."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Lockout:
    """One lockout. `subject` is as it is counted; `shown` is for people."""

    id: str
    kind: Kind
    subject: str
    number: int
    since: datetime
    until: datetime
    why: str
    call_id: str | None
    lifted_at: datetime | None
    lifted_by: str | None

    @property
    def shown(self) -> str:
        """A caller's number by its last digits alone; ids as they are."""
        if self.kind is not Kind.CALLER or self.subject in SHARED:
            return self.subject
        return f"...{self.subject[-_SHOWN_DIGITS:]}"

    def stands(self, now: datetime) -> bool:
        return self.lifted_at is None and now < self.until

    @property
    def ended_at(self) -> datetime:
        """When it ended, or will."""
        return self.until if self.lifted_at is None else min(self.lifted_at, self.until)


def last(tx: sa.Connection, kind: Kind, subject: str) -> Lockout | None:
    """The subject's newest lockout, over or not."""
    return _read(tx.execute(_NEWEST, {"kind": kind, "subject": subject}).one_or_none())


def begin(
    tx: sa.Connection,
    kind: Kind,
    subject: str,
    *,
    number: int,
    now: datetime,
    until: datetime,
    why: str,
    call_id: str | None,
    ids: Ids,
) -> bool:
    """Begins the subject's lockout of that number; False where another transaction was faster."""
    try:
        with tx.begin_nested():
            tx.execute(
                lockout.insert().values(
                    id=(lockout_id := ids.new("lockout")),
                    kind=kind,
                    subject=subject,
                    number=number,
                    since=now,
                    until=until,
                    why=why,
                    call_id=call_id,
                )
            )
    except sa.exc.IntegrityError:
        return False
    timeline.add(
        tx, "lockout.began", at=now, call_id=call_id, facts={"lockout": lockout_id, "kind": str(kind)}
    )
    say = log.error if kind is Kind.BREAKER else log.warning
    say("lockout_began", lockout_id=lockout_id, kind=str(kind), until=until.isoformat(), why=why)
    return True


def lift(tx: sa.Connection, lockout_id: str, *, by: str, now: datetime) -> Lockout | None:
    """The lockout, lifted; one that is lifted already stays as it is. None where there is none."""
    found = _read(
        tx.execute(sa.select(lockout).where(lockout.c.id == lockout_id).with_for_update()).one_or_none()
    )
    if found is None or found.lifted_at is not None:
        return found
    tx.execute(lockout.update().where(lockout.c.id == lockout_id).values(lifted_at=now, lifted_by=by[:80]))
    return _read(tx.execute(sa.select(lockout).where(lockout.c.id == lockout_id)).one())


def listed(tx: sa.Connection, now: datetime, *, also_over: bool = False, limit: int = 500) -> list[Lockout]:
    """Those that stand, the newest first; a breaker that is half-open stands too. `also_over`: all."""
    query = sa.select(lockout).order_by(lockout.c.since.desc(), lockout.c.id).limit(limit)
    if not also_over:
        breaker = lockout.c.kind == Kind.BREAKER
        query = query.where(lockout.c.lifted_at.is_(None), sa.or_(lockout.c.until > now, breaker))
    return [one for row in tx.execute(query) if (one := _read(row)) is not None]


def forget(tx: sa.Connection, now: datetime) -> int:
    """Forgets those that were over long ago; how many."""
    return tx.execute(lockout.delete().where(lockout.c.until < now - KEPT)).rowcount


def _read(row: sa.Row[tuple[object, ...]] | None) -> Lockout | None:
    if row is None:
        return None
    held = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    return Lockout(**{**held, "kind": Kind(held["kind"])})
