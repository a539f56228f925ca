"""Calls and their turns in the database: found, locked, and kept with the very TwiML that was sent.

A call's row is the lock of its turn: the webhook that holds it takes the turn, every other waits
and then finds the stored answer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ivr.calls.tables import CallStatus, call, call_turn

KEPT = timedelta(days=7)
"""How long the answers of a call's turns are kept after its end: they hold what was said to one person. The
carrier may repeat a webhook, and some days later they help to understand a complaint.
"""
FORGOTTEN_AT_ONCE_MAX = 500
"""Calls whose turns are forgotten in one transaction."""

# Built once: each turn of a call needs them, and to build one takes longer than to run it.
_OF_ID = sa.select(call).where(call.c.id == sa.bindparam("wanted"))
_OF_SID = sa.select(call).where(call.c.call_sid == sa.bindparam("wanted"))
_UPDATE = sa.update(call).where(call.c.id == sa.bindparam("wanted"))
_KEEP_ANSWER = sa.insert(call_turn)
_TURN = (call_turn.c.call_id == sa.bindparam("of_call"), call_turn.c.turn == sa.bindparam("at_turn"))
_ANSWER = sa.select(call_turn.c.twiml).where(*_TURN)
_ANSWERED_AT = sa.select(call_turn.c.at).where(*_TURN)
_ANSWERED_AGAIN = sa.update(call_turn).where(*_TURN)
# Held against other turns alone. A job that holds an attempt of this call refers to the call whenever it
# writes the attempt a second time; it must not wait for us, who may be waiting for the attempt.
_HELD_OF_ID, _HELD_OF_SID = (query.with_for_update(key_share=True) for query in (_OF_ID, _OF_SID))


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call as it is kept."""

    id: str
    call_sid: str
    account_sid: str
    from_number: str | None
    to_number: str
    flow: str
    turn: int
    """The turn that the next webhook answers."""
    session: dict[str, Any]
    intent: dict[str, Any] | None
    status: str
    ended_because: str | None
    started_at: datetime
    ended_at: datetime | None
    stir_verstat: str | None = None
    """What the carrier says of the caller's number."""

    @property
    def is_active(self) -> bool:
        return self.status == CallStatus.ACTIVE


def _read(row: sa.Row[Any] | None) -> CallRow | None:
    return None if row is None else CallRow(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping


def find(connection: sa.Connection, call_id: str) -> CallRow | None:
    """The call as it stands."""
    return _read(connection.execute(_OF_ID, {"wanted": call_id}).one_or_none())


def lock(tx: sa.Connection, call_id: str) -> CallRow | None:
    """The call, held until the transaction ends."""
    return _read(tx.execute(_HELD_OF_ID, {"wanted": call_id}).one_or_none())


def id_of_sid(tx: sa.Connection, call_sid: str) -> str | None:
    query = sa.select(call.c.id).where(call.c.call_sid == call_sid)
    found: str | None = tx.execute(query).scalar_one_or_none()
    return found


def lock_by_sid(tx: sa.Connection, call_sid: str) -> CallRow | None:
    """The call of the carrier's name, held until the transaction ends."""
    return _read(tx.execute(_HELD_OF_SID, {"wanted": call_sid}).one_or_none())


def begin(tx: sa.Connection, row: CallRow) -> bool:
    """Keeps a call that begins; False where the carrier's repeat was faster (the transaction goes on)."""
    try:
        with tx.begin_nested():
            tx.execute(
                sa.insert(call).values({one: getattr(row, one) for one in CallRow.__dataclass_fields__})
            )
    except IntegrityError:
        return False
    return True


def save(
    tx: sa.Connection, call_id: str, *, turn: int, session: dict[str, Any], intent: dict[str, Any] | None
) -> None:
    tx.execute(_UPDATE, {"wanted": call_id, "turn": turn, "session": session, "intent": intent})


def end(tx: sa.Connection, call_id: str, *, because: str, session: dict[str, Any], now: datetime) -> None:
    ended = {
        "status": CallStatus.ENDED,
        "ended_because": because,
        "ended_at": now,
        "session": session,
        "intent": None,
    }
    tx.execute(_UPDATE, {"wanted": call_id, **ended})


def keep_answer(tx: sa.Connection, call_id: str, turn: int, twiml: str, now: datetime) -> None:
    tx.execute(_KEEP_ANSWER, {"call_id": call_id, "turn": turn, "twiml": twiml, "at": now})


def answer(tx: sa.Connection, call_id: str, turn: int) -> str | None:
    """The TwiML that was sent at this turn."""
    return tx.execute(_ANSWER, {"of_call": call_id, "at_turn": turn}).scalar_one_or_none()


def answered_again(tx: sa.Connection, call_id: str, turn: int, now: datetime) -> None:
    """The same TwiML is sent now once more."""
    tx.execute(_ANSWERED_AGAIN, {"of_call": call_id, "at_turn": turn, "at": now})


def answered_at(tx: sa.Connection, call_id: str, turn: int) -> datetime | None:
    """When the answer was sent, the last time of several."""
    return tx.execute(_ANSWERED_AT, {"of_call": call_id, "at_turn": turn}).scalar_one_or_none()


def count_active(tx: sa.Connection) -> int:
    """How many calls are under way."""
    return tx.execute(sa.select(sa.func.count()).where(call.c.status == CallStatus.ACTIVE)).scalar_one()


def count_ended(tx: sa.Connection) -> dict[str, int]:
    """How many calls ended, by the reason."""
    query = sa.select(call.c.ended_because, sa.func.count()).where(call.c.status != CallStatus.ACTIVE)
    rows = tx.execute(query.group_by(call.c.ended_because))
    return {because or "none": count for because, count in rows}


def forget_turns(engine: sa.Engine, now: datetime) -> int:
    """Forgets the turns of calls that ended long enough ago; how many turns there were."""
    long_over = (
        sa.select(call.c.id)
        .where(call.c.ended_at < now - KEPT, sa.exists().where(call_turn.c.call_id == call.c.id))
        .limit(FORGOTTEN_AT_ONCE_MAX)
    )
    with engine.begin() as tx:
        calls = list(tx.execute(long_over).scalars())
        return tx.execute(sa.delete(call_turn).where(call_turn.c.call_id.in_(calls))).rowcount
