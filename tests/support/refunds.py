"""Refunds of a till's payments, for the tests of what becomes of them."""

from ivr.payments.refunds import store as refund_store
from tests.support.payment_services import Till


def ask(till: Till, attempt_id: str, amount_minor: int | None = None) -> str:
    """The refund's id; without an amount it is all that is left."""
    with till.engine.begin() as tx:
        return till.cashier.refunds.ask(tx, attempt_id, amount_minor, asked_by="ana").id


def refund_of(till: Till, refund_id: str) -> refund_store.Refund:
    with till.engine.begin() as tx:
        return refund_store.get(tx, refund_id)
