"""What is asked of a gateway, in the same words by whoever asks: made of what the books hold, and of nothing
that can change between two processes or two releases of the settings. What the payer reads of it is in the
attempt's language, and was written down when it was made; what programs and finance read, the metadata, is
in none.

What could go wrong is a word that differs: a gateway that is asked again under a key then answers "seen
before, and otherwise", and nobody learns what became of the first.
"""

import sqlalchemy as sa

from gateways.contract import Order
from ivr.bills import views as bills_views
from ivr.payments.attempts.order_words import OrderWords, words_before
from ivr.payments.attempts.states import Method
from ivr.payments.attempts.store import Attempt

_REFERENCE = sa.select(bills_views.bill.c.reference).where(bills_views.bill.c.id == sa.bindparam("wanted"))


def order_of(tx: sa.Connection, attempt: Attempt) -> Order:
    """The attempt as the gateway hears of it; finance finds call, bill and payment in its dashboard."""
    bill = tx.execute(_REFERENCE, {"wanted": attempt.bill_id}).scalar_one()
    words = _words(attempt, bill)
    metadata = {
        "attempt": attempt.id,
        "payment": attempt.reference,
        "bill": bill,
        "call": attempt.call_id or "",
        "channel": _channel(attempt),
    }
    return Order(
        key=attempt.id,
        amount_minor=attempt.amount_minor,
        currency=attempt.currency,
        description=words.description,
        metadata=metadata,
        statement=words.statement,
        placed_at=attempt.created_at,
    )


def _words(attempt: Attempt, bill: str) -> OrderWords:
    if attempt.order_description is None or attempt.order_statement is None:
        return words_before(attempt.language, bill=bill, payment=attempt.reference)
    return OrderWords(attempt.order_description, attempt.order_statement)


def _channel(attempt: Attempt) -> str:
    if attempt.method is Method.LINK:
        return "link"
    return "phone" if attempt.call_id else "api"
