"""Messages that wait for the operator, and sending them again once the fault is mended.

Only what the carrier refused, or said that it could not deliver, is sent again; never what it may have taken.
A link that can no longer be paid is not sent.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from ivr.jobs.job_list import SEND_MESSAGE, Work
from ivr.messaging import messages, tables
from ivr.messaging.delivery_errors import Refusal, kind_of_stored_code
from ivr.messaging.messages import Message
from ivr.messaging.states import MessageEvent, MessageState
from ivr.payments import views as payments_views
from ivr.platform.clock import Clock


class Resent(StrEnum):
    """What became of a wish to send a text again."""

    QUEUED = "queued"
    TOO_LATE = "too_late"
    """Its link can no longer be paid. The message is marked failed."""
    NOT_HELD = "not_held"
    """It was sent, is being sent, or its payer cannot or does not want to be texted."""


@dataclass(frozen=True, slots=True)
class Held:
    """A text that waits for the operator."""

    id: str
    purpose: str
    payment: str
    """The payment's reference."""
    error_code: str | None
    created_at: datetime
    tried_at: datetime | None


def held(tx: sa.Connection) -> list[Held]:
    """The texts that wait for the operator, the oldest first."""
    text, attempt = tables.confirmation.c, payments_views.attempt.c
    rows = tx.execute(
        sa.select(text.id, text.purpose, attempt.reference, text.error_code, text.created_at, text.tried_at)
        .join(payments_views.attempt, attempt.id == text.attempt_id)
        .where(text.state == MessageState.HELD)
        .order_by(text.created_at, text.id)
    )
    return [Held(*row) for row in rows]


def resend(tx: sa.Connection, confirmation_id: str, *, work: Work, clock: Clock) -> Resent | None:
    """Asks for it to be sent again; None where there is no such text. Twice asks once."""
    found = messages.find(tx, confirmation_id)
    if found is None:
        return None
    if not _may_be_sent_again(found):
        return Resent.NOT_HELD
    now = clock.now()
    if not messages.is_still_true(tx, found, now):
        messages.apply_event(tx, found.id, MessageEvent.TOO_LATE, now, error_code="too_late")
        return Resent.TOO_LATE
    nth = found.tries + 1  # the work after the last try may have been asked for already, and done nothing
    if messages.apply_event(tx, found.id, MessageEvent.RESEND, now, at_try=found.tries, tries=nth) is None:
        return Resent.NOT_HELD
    work.enqueue(tx, SEND_MESSAGE, found.id, nth=nth)
    return Resent.QUEUED


def _may_be_sent_again(found: Message) -> bool:
    """True if held. True if failed too, unless its link is over, the number is withheld, or the payer cannot
    be texted.
    """
    if found.state is MessageState.HELD:
        return True
    is_over = found.error_code in {"too_late", "withheld"}
    return (
        found.state is MessageState.FAILED
        and not is_over
        and kind_of_stored_code(found.error_code) is not Refusal.PERMANENT
    )
