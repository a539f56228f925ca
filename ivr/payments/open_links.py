"""Links that a payer was sent and that may still be paid, by their number: what a call asks before it offers
anything else.

May import `ivr.payments.records`, `states` and `ivr.storage.schema`. A link that is being closed is among
them: until the gateway has said so, it may be paid.
"""

import sqlalchemy as sa

from ivr.payments import records
from ivr.payments.records import Attempt, Method
from ivr.payments.states import State
from ivr.storage import schema

OPEN = frozenset({State.LINK_OPEN, State.LINK_CLOSING})


def open_links(
    tx: sa.Connection, *, payer_phone: str | None, bill_reference: str | None = None
) -> list[Attempt]:
    """The payer's open links, the newest first; of one bill, where it is named. None of a withheld number."""
    if payer_phone is None:
        return []
    attempts, bills = schema.attempt.c, schema.bill.c
    query = (
        sa.select(attempts.id)
        .join(schema.bill, bills.id == attempts.bill_id)
        .where(
            attempts.payer_phone == payer_phone,
            attempts.method == Method.LINK,
            attempts.state.in_(OPEN),
        )
        .order_by(attempts.created_at.desc(), attempts.id)
    )
    if bill_reference is not None:
        query = query.where(bills.reference == bill_reference)
    return [records.get(tx, attempt_id) for attempt_id in tx.execute(query).scalars()]
