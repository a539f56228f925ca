"""Links that a payer was sent and that may still be paid, by their number: what a call asks before it offers
anything else.

A link that is being closed is among them: until the gateway has said so, it may be paid. One whose bill was
withdrawn, or is paid by its source's word, is not: its payer is not led to it any more.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

from ivr.bills import views as bills_views
from ivr.bills.views import OVER_BY_ITS_SOURCE
from ivr.payments import tables
from ivr.payments.attempts import store as attempt_store
from ivr.payments.attempts.states import Method, State
from ivr.payments.attempts.store import Attempt
from ivr.payments.links import store
from ivr.platform.phone_numbers import forms_of

OPEN = frozenset({State.LINK_OPEN, State.LINK_CLOSING})
A_DAY = timedelta(days=1)
LINKS_A_DAY_MAX = 10
"""To one number: whoever shows it in a call has texts sent to it, at the merchant's cost."""


def open_links(
    tx: sa.Connection, *, payer_phone: str | None, bill_reference: str | None = None
) -> list[Attempt]:
    """The payer's open links, the newest first; of one bill, where it is named. None of a withheld number."""
    if payer_phone is None:
        return []
    attempts, bills = tables.attempt.c, bills_views.bill.c
    query = (
        sa.select(attempts.id)
        .join(bills_views.bill, bills.id == attempts.bill_id)
        .where(
            attempts.payer_phone.in_(forms_of(payer_phone)),
            attempts.method == Method.LINK,
            attempts.state.in_(OPEN),
            sa.not_(OVER_BY_ITS_SOURCE),
        )
        .order_by(attempts.created_at.desc(), attempts.id)
    )
    if bill_reference is not None:
        query = query.where(bills.reference == bill_reference)
    return [attempt_store.get(tx, attempt_id) for attempt_id in tx.execute(query).scalars()]


def count_since(tx: sa.Connection, payer_phone: str, since: datetime) -> int:
    """How many links were made for this number since then, whatever became of them."""
    attempts = tables.attempt.c
    query = sa.select(sa.func.count()).where(
        attempts.payer_phone.in_(forms_of(payer_phone)),
        attempts.method == Method.LINK,
        attempts.created_at >= since,
    )
    return tx.execute(query).scalar_one()


def had_enough(tx: sa.Connection, payer_phone: str, now: datetime) -> bool:
    """Whether this number is sent no other link today."""
    return count_since(tx, payer_phone, now - A_DAY) >= LINKS_A_DAY_MAX


def was_texted(tx: sa.Connection, attempt: Attempt) -> bool:
    """Whether its page was opened, and so its text asked for: the payer knows of this link."""
    link = store.of(tx, attempt)
    return link is not None and link.opened_at is not None
