"""The job behind a notice that contradicts our books: the gateway is asked once more, and believed.

May import the rest of `ivr.payments`. A notice says that money was taken for an attempt that is over without
a charge, or waits for a person. The answer goes the same way as every other: it resolves what waits, and a
contradiction is kept, and told as loudly as can be.
"""

import sqlalchemy as sa

from ivr.payments import answers, pay_link, records
from ivr.payments.asking import Asking
from ivr.payments.moves import Moves
from ivr.payments.order import order_of
from ivr.payments.states import FINAL, State
from ivr.storage import schema
from ivr.storage.engine import reading

VERIFIED = (FINAL | {State.FOR_A_PERSON}) - {State.APPROVED}
"""States in which a notice of money taken is looked into; in the others our own answer is on its way."""


class Verifying:
    """Asks one gateway about what it said unasked."""

    def __init__(self, engine: sa.Engine, moves: Moves, asking: Asking) -> None:
        self._engine = engine
        self._moves = moves
        self._asking = asking

    def run(self, attempt_id: str, _nth: int) -> None:
        """One look; nothing is fenced."""
        with reading(self._engine) as tx:
            attempt = records.get(tx, attempt_id)
            order = order_of(tx, attempt)
            link = pay_link.of(tx, attempt)
        if attempt.state not in VERIFIED:
            return
        answer = self._asking.lookup(attempt, order, fence=False, link=link)
        with self._engine.begin() as tx:
            before = records.locked(tx, attempt_id)
            answers.record(self._moves, tx, before, answer, note="found after a notice")
            tx.execute(
                sa.update(schema.attempt)
                .where(schema.attempt.c.id == attempt_id, schema.attempt.c.state.in_(VERIFIED))
                .values(look_at=None)
            )
