"""Refunds of payments, for the tests of what becomes of them."""

from ivr.payments.refunds import store as refund_store
from tests.support.payment_services import PaymentServices


def ask(services: PaymentServices, attempt_id: str, amount_minor: int | None = None) -> str:
    """The refund's id; without an amount it is all that is left."""
    with services.engine.begin() as tx:
        return services.payments.refunds.ask(tx, attempt_id, amount_minor, asked_by="ana").id


def refund_of(services: PaymentServices, refund_id: str) -> refund_store.Refund:
    with services.engine.begin() as tx:
        return refund_store.get(tx, refund_id)
