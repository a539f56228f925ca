"""A payment of a till that nobody could resolve for a day."""

from ivr.payments import timeouts as patience
from ivr.payments.attempts.states import State
from tests.support.fake_gateway import Fate
from tests.support.payment_services import Till


def for_a_person(till: Till, fate: Fate) -> str:
    """The attempt's id; `fate` is that of its charge, and nobody answers afterwards."""
    till.bank.fates.extend([fate, Fate.NEVER, Fate.NEVER])
    attempt_id = till.confirmed()
    till.run_due()
    till.clock.advance(patience.NEEDS_REVIEW_AFTER_S)
    till.run_due()
    assert till.state(attempt_id) is State.NEEDS_REVIEW
    return attempt_id
