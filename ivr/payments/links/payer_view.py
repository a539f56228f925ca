"""What the payer behind a link may see of its payment, found by the link's token alone; and how it was sent.

A payment is `PAID` only once its ledger entry is written, and only refunds in the ledger count as refunded.
How a link was sent is shown without the text, which holds the token.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from ivr.bills import views as bills_views
from ivr.bills.views import OVER_BY_ITS_SOURCE
from ivr.calls import views as calls_views
from ivr.messaging import messages
from ivr.messaging.messages import Purpose
from ivr.payments import tables
from ivr.payments.attempts.states import State
from ivr.payments.links.store import minutes_left
from ivr.payments.refunds.store import RefundState


class Stage(StrEnum):
    """What a payer can do, or is told."""

    OPEN = "open"
    PAID = "paid"
    REFUNDED = "refunded"
    """It was paid, and all of it was given back."""
    CONFIRMING = "confirming"
    """It may have been paid; nobody can say yet."""
    OVER = "over"
    """It expired, was closed, or never came to be."""


@dataclass(frozen=True, slots=True)
class PayerView:
    """The payment behind a link."""

    stage: Stage
    url: str | None = field(repr=False)
    """The gateway's page."""
    language: str
    amount_minor: int
    refunded_minor: int
    """Given back for certain."""
    currency: str
    reference: str
    bill_reference: str
    minutes_left: int
    """That it can still be paid, while it is open; 0: less than one."""
    paid_at: datetime | None = None
    """When the ledger was written; None: it is not paid."""
    brand: str | None = None
    """Of the card that paid, where the gateway says it."""
    last_four: str | None = None
    called: str | None = None
    """The number that was called when the link was made."""


def view_of(tx: sa.Connection, token: str, now: datetime) -> PayerView | None:
    """The payment behind this token; None where there is none."""
    link, attempt, bill, refund = tables.pay_link.c, tables.attempt.c, bills_views.bill.c, tables.refund.c
    refunded = (
        sa.select(sa.func.coalesce(sa.func.sum(refund.amount_minor), 0))
        .where(refund.attempt_id == attempt.id, refund.state == RefundState.APPROVED)
        .scalar_subquery()
    )
    row = tx.execute(
        sa.select(
            link.url,
            link.expires_at,
            attempt.state,
            attempt.language,
            attempt.amount_minor,
            attempt.currency,
            attempt.reference,
            attempt.settled_at,
            attempt.brand,
            attempt.last_four,
            calls_views.call.c.to_number,
            bill.reference.label("bill_reference"),
            refunded.label("refunded_minor"),
            OVER_BY_ITS_SOURCE.label("is_over"),
        )
        .join(tables.attempt, attempt.id == link.attempt_id)
        .join(bills_views.bill, bill.id == attempt.bill_id)
        .outerjoin(calls_views.call, calls_views.call.c.id == attempt.call_id)
        .where(link.token == token)
    ).one_or_none()
    if row is None:
        return None
    refunded_minor = int(row.refunded_minor)
    return PayerView(
        stage=stage_of(
            State(row.state),
            is_past=row.is_over or now >= row.expires_at,
            is_given_back=refunded_minor >= row.amount_minor,
        ),
        url=row.url,
        language=row.language,
        amount_minor=row.amount_minor,
        refunded_minor=refunded_minor,
        currency=row.currency,
        reference=row.reference,
        bill_reference=row.bill_reference,
        minutes_left=minutes_left(row.expires_at, now),
        paid_at=row.settled_at if row.state == State.APPROVED else None,
        brand=row.brand,
        last_four=row.last_four,
        called=row.to_number,
    )


@dataclass(frozen=True, slots=True)
class LinkMessage:
    """The text that carried a link, without its words: who reads them may pay."""

    state: str
    """See `ivr.messaging.states`."""
    channel: str
    recipient: str | None
    sent_at: datetime | None


def message_of(tx: sa.Connection, attempt_id: str) -> LinkMessage | None:
    """How this attempt's link was sent; None where no text was asked for."""
    text = messages.of_payment(tx, attempt_id, Purpose.LINK)
    return None if text is None else LinkMessage(text.state, text.channel, text.recipient, text.sent_at)


def stage_of(state: State, *, is_past: bool, is_given_back: bool = False) -> Stage:
    """What a state means to whoever holds the link."""
    match state:
        case State.APPROVED:
            return Stage.REFUNDED if is_given_back else Stage.PAID
        case State.LINK_OPEN if not is_past:
            return Stage.OPEN
        case State.LINK_OPEN | State.LINK_CLOSING | State.UNKNOWN | State.NEEDS_REVIEW:
            return Stage.CONFIRMING
        case _:
            return Stage.OVER
