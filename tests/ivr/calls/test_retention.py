"""The answers of a call's turns are forgotten a week after it ended; those of a call under way never."""

import pytest
import sqlalchemy as sa

from ivr.calls.store import KEPT, forget_turns
from ivr.platform.database.engine import reading
from tests.support import schema
from tests.support.time_and_ids import ManualClock


def _call(tx: sa.Connection, clock: ManualClock, name: str, *, ended: bool) -> None:
    now = clock.now()
    tx.execute(
        sa.insert(schema.call).values(
            id=name,
            call_sid=f"CA{name}",
            account_sid="AC1",
            to_number="+34910000000",
            flow="pay_bill",
            turn=2,
            session={"step": "receipt", "language": "en"},
            status="ended" if ended else "active",
            started_at=now,
            ended_at=now if ended else None,
        )
    )
    for turn in range(2):
        tx.execute(sa.insert(schema.call_turn).values(call_id=name, turn=turn, twiml="<Response/>", at=now))


@pytest.mark.postgres
def test_turns_go_a_week_after_the_end(engine: sa.Engine, clock: ManualClock) -> None:
    with engine.begin() as tx:
        _call(tx, clock, "over", ended=True)
        _call(tx, clock, "under_way", ended=False)
    clock.advance(KEPT.total_seconds() - 1)
    assert forget_turns(engine, clock.now()) == 0
    clock.advance(2)
    assert forget_turns(engine, clock.now()) == 2
    with reading(engine) as connection:
        left = set(connection.execute(sa.select(schema.call_turn.c.call_id)).scalars())
    assert left == {"under_way"}
    assert forget_turns(engine, clock.now()) == 0
