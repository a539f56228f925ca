"""A payment that nobody could resolve for a day."""

from ivr.payments import timeouts as patience
from ivr.payments.attempts.states import State
from tests.support.fake_gateway import Fate
from tests.support.payment_services import PaymentServices


def for_a_person(services: PaymentServices, fate: Fate) -> str:
    """The attempt's id; `fate` is that of its charge, and nobody answers afterwards."""
    services.bank.fates.extend([fate, Fate.NEVER, Fate.NEVER])
    attempt_id = services.confirmed()
    services.run_due()
    services.clock.advance(patience.NEEDS_REVIEW_AFTER_S)
    services.run_due()
    assert services.state(attempt_id) is State.NEEDS_REVIEW
    return attempt_id
