"""The lockouts that web keeps, as rows: of calls, callers, bills, and of everybody (the breaker).

A function that takes `tx` writes in the caller's transaction. A subject's lockouts are numbered, so two
transactions that begin the same one at once begin it once.
"""

from datetime import datetime

import sqlalchemy as sa
import structlog

from ivr.customers import timeline
from ivr.fraud.tables import lockout
from ivr.platform.ids import Ids
from ivr.platform.lockout import KEPT, Lockout, LockoutKind

KINDS = (LockoutKind.CALL, LockoutKind.CALLER, LockoutKind.BILL, LockoutKind.BREAKER)
EVERYBODY = "everybody"
"""The breaker's subject."""
_LISTED_MAX = 500
# Built once: each card asks for it, for each subject that is counted.
_NEWEST = (
    sa.select(lockout)
    .where(lockout.c.kind == sa.bindparam("kind"), lockout.c.subject == sa.bindparam("subject"))
    .order_by(lockout.c.number.desc())
    .limit(1)
)
_OF_ID = sa.select(lockout).where(lockout.c.id == sa.bindparam("wanted"))
log = structlog.get_logger()


def last(tx: sa.Connection, kind: LockoutKind, subject: str) -> Lockout | None:
    """The subject's newest lockout, active or over."""
    return _first(tx.execute(_NEWEST, {"kind": kind, "subject": subject}))


def last_of_breaker(tx: sa.Connection) -> Lockout | None:
    return last(tx, LockoutKind.BREAKER, EVERYBODY)


def begin(
    tx: sa.Connection,
    kind: LockoutKind,
    subject: str,
    *,
    number: int,
    now: datetime,
    until: datetime,
    why: str,
    call_id: str | None,
    ids: Ids,
) -> bool:
    """Begins the subject's lockout of that number; False if another transaction was faster."""
    lockout_id = ids.new("lockout")
    row = {
        "id": lockout_id,
        "kind": kind,
        "subject": subject,
        "number": number,
        "since": now,
        "until": until,
        "why": why,
        "call_id": call_id,
    }
    try:
        with tx.begin_nested():
            tx.execute(lockout.insert(), row)
    except sa.exc.IntegrityError:
        return False
    facts = {"lockout": lockout_id, "kind": str(kind)}
    timeline.add(tx, "lockout.began", at=now, call_id=call_id, facts=facts)
    write_log = log.error if kind is LockoutKind.BREAKER else log.warning
    write_log("lockout_began", lockout_id=lockout_id, kind=str(kind), until=until.isoformat(), why=why)
    return True


def lift(tx: sa.Connection, lockout_id: str, *, by: str, now: datetime) -> Lockout | None:
    """The lockout, lifted; None if there is none. One that is lifted already stays as it is."""
    found = _first(tx.execute(_OF_ID.with_for_update(), {"wanted": lockout_id}))
    if found is None or found.lifted_at is not None:
        return found
    tx.execute(lockout.update().where(lockout.c.id == lockout_id).values(lifted_at=now, lifted_by=by[:80]))
    return _first(tx.execute(_OF_ID, {"wanted": lockout_id}))


def listed(
    tx: sa.Connection, now: datetime, *, also_over: bool = False, limit: int = _LISTED_MAX
) -> list[Lockout]:
    """The active ones, newest first, with a breaker that is half-open; `also_over`: all that are kept."""
    query = sa.select(lockout).order_by(lockout.c.since.desc(), lockout.c.id).limit(limit)
    if not also_over:
        breaker = lockout.c.kind == LockoutKind.BREAKER
        query = query.where(lockout.c.lifted_at.is_(None), sa.or_(lockout.c.until > now, breaker))
    return [_lockout(row) for row in tx.execute(query).mappings()]


def count_active(tx: sa.Connection, now: datetime) -> dict[LockoutKind, int]:
    """How many are active, by kind."""
    active = (lockout.c.lifted_at.is_(None)) & (lockout.c.until > now)
    query = sa.select(lockout.c.kind, sa.func.count()).where(active).group_by(lockout.c.kind)
    counts = {LockoutKind(kind): int(count) for kind, count in tx.execute(query)}
    return {kind: counts.get(kind, 0) for kind in KINDS}


def forget(tx: sa.Connection, now: datetime) -> int:
    """Deletes those that were over long ago; returns how many."""
    return tx.execute(lockout.delete().where(lockout.c.until < now - KEPT)).rowcount


def _first(found: sa.CursorResult[tuple[object, ...]]) -> Lockout | None:
    row = found.mappings().one_or_none()
    return None if row is None else _lockout(row)


def _lockout(row: sa.RowMapping) -> Lockout:
    return Lockout(**{**row, "kind": LockoutKind(row["kind"])})
