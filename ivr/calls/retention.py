"""What of a call is not kept for ever: the answers of its turns, which hold what was said to one person.

They are needed while the carrier may repeat a webhook, and for some days to understand a complaint; the
worker forgets them then. What was keyed goes sooner, when the call ends (`hang_up`).
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

from ivr.calls.tables import call, call_turn

KEPT = timedelta(days=7)
AT_ONCE_MAX = 500
"""Calls forgotten in one transaction."""


def forget_turns(engine: sa.Engine, now: datetime) -> int:
    """Forgets the turns of calls that ended long enough ago; how many turns there were."""
    long_over = (
        sa.select(call.c.id)
        .where(call.c.ended_at < now - KEPT, sa.exists().where(call_turn.c.call_id == call.c.id))
        .limit(AT_ONCE_MAX)
    )
    with engine.begin() as tx:
        calls = list(tx.execute(long_over).scalars())
        return tx.execute(sa.delete(call_turn).where(call_turn.c.call_id.in_(calls))).rowcount
