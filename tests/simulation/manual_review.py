"""The person of a world, who is asked a day later what became of a payment.

They look into the gateway's dashboard, and say what stands there. What the gateway would have told us itself
must not come to them.
"""

from collections.abc import Iterator

import sqlalchemy as sa

from ivr.payments.attempts.manual_review import Word
from ivr.payments.attempts.states import State
from ivr.payments.refunds.store import RefundState
from ivr.payments.service import PaymentService
from tests.simulation.simulated_gateway import SimulatedGateway
from tests.support import schema


def decide(
    engine: sa.Engine, payments: PaymentService, bank: SimulatedGateway, *, whatever: bool
) -> Iterator[str]:
    """Decides all that waits for them; yields a sentence for what should not, unless `whatever` may."""
    attempts, refunds = schema.attempt.c, schema.refund.c
    with engine.begin() as tx:
        unclear = sa.select(attempts.id).where(attempts.state == State.NEEDS_REVIEW)
        owed = sa.select(refunds.id).where(refunds.state == RefundState.NEEDS_REVIEW)
        waiting, waiting_back = list(tx.execute(unclear).scalars()), list(tx.execute(owed).scalars())
        for key in [*waiting, *waiting_back]:
            bank.let_go(key)
            if not whatever and key not in bank.repeats_a_fault_for:
                yield f"{key} waits for a person, and the gateway would have told"
        truth = bank.truth()
        taken = {one.key: one.reference for one in truth.taken}
        for key in waiting:
            word = Word.APPROVED if key in taken else Word.NOT_CHARGED
            payments.manual_review.decide(tx, key, word, who="ana", gateway_reference=taken.get(key))
        given = {one.key for one in truth.given_back}
        for key in waiting_back:
            payments.refunds.decide(tx, key, refunded=key in given, who="ana")
