"""What other packages may read of payments, refunds, links and saved cards."""

import sqlalchemy as sa

from ivr.payments import tables
from ivr.payments.attempts.states import Method, State
from ivr.platform.database.metadata import view

attempt = view(
    tables.attempt,
    "id",
    "reference",
    "bill_id",
    "call_id",
    "gateway",
    "gateway_reference",
    "state",
    "method",
    "amount_minor",
    "settled_at",
)
refund = view(tables.refund, "id", "attempt_id", "gateway_reference")
pay_link = view(tables.pay_link, "attempt_id", "token", "expires_at")

IS_LINK_NOT_ENDED = sa.and_(attempt.c.method == Method.LINK, attempt.c.settled_at.is_(None))
"""A payment by link that can still be paid: its link is sent, open or being closed."""
IS_LINK_OPEN = attempt.c.state == State.LINK_OPEN
"""A payment whose link can be paid."""
