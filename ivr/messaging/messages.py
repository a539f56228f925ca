"""The messages to a payer about a payment: a receipt, word that nothing was charged, or a link to pay by.

They are recorded in the transaction of what they tell, and a database constraint allows one of each purpose.
Every change takes the row's lock and asks the graph of `states`, so that a worker and a callback that meet
cannot undo each other.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
import structlog

from ivr.customers import timeline
from ivr.jobs.job_list import SEND_MESSAGE, Work
from ivr.messaging.states import MessageEvent, MessageState, after
from ivr.messaging.tables import confirmation
from ivr.payments.views import IS_LINK_OPEN, attempt, pay_link
from ivr.platform.clock import Clock
from ivr.platform.database.engine import count_by
from ivr.platform.ids import Ids

SPOKEN = "spoken"
log = structlog.get_logger()


class Purpose(StrEnum):
    """What a text is for."""

    OUTCOME = "receipt"
    """What became of the payment: a receipt, or word that nothing was charged."""
    LINK = "link"
    """A link to pay by."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message to a payer, and how far it is."""

    id: str
    attempt_id: str
    channel: str
    """sms, console or spoken."""
    recipient: str | None
    language: str
    body: str
    state: MessageState
    tries: int
    provider_id: str | None
    error_code: str | None
    tried_at: datetime | None
    purpose: Purpose = Purpose.OUTCOME
    sent_at: datetime | None = None


_COLUMNS = [confirmation.c[name] for name in Message.__slots__]


def record(
    tx: sa.Connection,
    *,
    attempt_id: str,
    purpose: Purpose,
    body: str,
    language: str,
    recipient: str | None,
    channel: str,
    work: Work,
    clock: Clock,
    ids: Ids,
) -> Message:
    """Records a message about a payment and asks for its sending; again gives the first one.

    `channel` is sms or console. Without a recipient it is `spoken`: the reference that the caller heard.
    """
    known = of_payment(tx, attempt_id, purpose)
    if known:
        return known
    made = Message(
        id=ids.new("confirmation"),
        attempt_id=attempt_id,
        channel=channel if recipient is not None else SPOKEN,
        recipient=recipient,
        language=language,
        body=body,
        state=MessageState.QUEUED if recipient is not None else MessageState.SPOKEN,
        tries=0,
        provider_id=None,
        error_code=None,
        tried_at=None,
        purpose=purpose,
    )
    values = {name: getattr(made, name) for name in Message.__slots__}
    tx.execute(confirmation.insert().values(**values, created_at=clock.now()))
    if recipient is not None:
        work.enqueue(tx, SEND_MESSAGE, made.id)
    return made


def find(tx: sa.Connection, confirmation_id: str, *, lock: bool = False) -> Message | None:
    return _one(tx, confirmation.c.id == confirmation_id, lock=lock)


def mark(tx: sa.Connection, confirmation_id: str) -> str:
    """What stands in this text and in no other: the payment's reference, or the secret in its link."""
    marks = (
        sa.select(confirmation.c.purpose, attempt.c.reference, pay_link.c.token)
        .join(attempt, attempt.c.id == confirmation.c.attempt_id)
        .outerjoin(pay_link, pay_link.c.attempt_id == attempt.c.id)
    )
    row = tx.execute(marks.where(confirmation.c.id == confirmation_id)).one()
    return str(row.token if row.purpose == Purpose.LINK else row.reference)


def is_still_true(tx: sa.Connection, found: Message, now: datetime) -> bool:
    """Whether what the text says is still true: a link may no longer be payable."""
    if found.purpose is not Purpose.LINK:
        return True
    open_link = (
        sa.select(attempt.c.id)
        .join(pay_link, pay_link.c.attempt_id == attempt.c.id)
        .where(attempt.c.id == found.attempt_id, IS_LINK_OPEN, pay_link.c.expires_at > now)
    )
    return tx.execute(open_link).first() is not None


def apply_event(
    tx: sa.Connection,
    confirmation_id: str,
    event: MessageEvent,
    now: datetime,
    *,
    at_try: int | None = None,
    error_code: str | None = None,
    **values: Any,
) -> Message | None:
    """Moves it by this event and writes `values` with it; None where the event comes too late.

    `at_try` is the try that the event belongs to: where another has begun since, it comes too late. `TAKEN`
    for a `provider_id` that we have already is ignored: a later status of that copy may be recorded.
    `error_code` stands until the next event.
    """
    found = _one(tx, confirmation.c.id == confirmation_id, lock=True)
    if found is None or (at_try is not None and found.tries != at_try):
        return None
    state = after(found.state, event)
    is_known = event is MessageEvent.TAKEN and found.provider_id is not None
    if state is None or (is_known and found.provider_id == values.get("provider_id")):
        return None
    if state is MessageState.SENT:
        values["sent_at"] = now
    if state is MessageState.DELIVERED:
        values["delivered_at"] = now
    tx.execute(
        confirmation.update()
        .where(confirmation.c.id == confirmation_id)
        .values(state=state, error_code=error_code, **values)
    )
    _note(tx, found, state, now, error_code)
    return _one(tx, confirmation.c.id == confirmation_id)


def _note(
    tx: sa.Connection, found: Message, state: MessageState, now: datetime, error_code: str | None
) -> None:
    """Adds a line to the payer's timeline, but not for a message that is only queued or being sent."""
    call_id = tx.execute(sa.select(attempt.c.call_id).where(attempt.c.id == found.attempt_id)).scalar_one()
    moved = {"confirmation": found.id, "state": str(state), "error_code": error_code}
    log.info("confirmation_moved", call_id=call_id, **moved)
    if state in {MessageState.QUEUED, MessageState.SENDING}:
        return
    kind = "confirmation" if found.purpose is Purpose.OUTCOME else "link_text"
    facts = {"channel": found.channel} | ({"error_code": error_code} if error_code else {})
    timeline.add(tx, f"{kind}.{state}", at=now, call_id=call_id, attempt_id=found.attempt_id, facts=facts)


def _one(tx: sa.Connection, where: sa.ColumnElement[bool], *, lock: bool = False) -> Message | None:
    query = sa.select(*_COLUMNS).where(where)
    row = tx.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    return None if row is None else _read(row)


def _read(row: sa.RowMapping) -> Message:
    return Message(**{**row, "state": MessageState(row["state"]), "purpose": Purpose(row["purpose"])})


def of_payment(tx: sa.Connection, attempt_id: str, purpose: Purpose) -> Message | None:
    """The message of this purpose about this payment."""
    return _one(tx, sa.and_(confirmation.c.attempt_id == attempt_id, confirmation.c.purpose == purpose))


def count_by_state(tx: sa.Connection) -> list[tuple[str, int]]:
    """The states that there are, and how many messages are in each."""
    return count_by(tx, confirmation.c.state)


def not_arrived(tx: sa.Connection, *, failed_since: datetime, pending_before: datetime) -> list[Message]:
    """Messages that are held, failed since then, or have been on their way since before then; the oldest
    first.
    """
    state = confirmation.c.state
    pending = state.in_([MessageState.QUEUED, MessageState.SENDING, MessageState.MAYBE_SENT])
    which = sa.or_(
        state == MessageState.HELD,
        sa.and_(state == MessageState.FAILED, confirmation.c.tried_at >= failed_since),
        sa.and_(pending, confirmation.c.created_at < pending_before),
    )
    rows = tx.execute(sa.select(*_COLUMNS).where(which).order_by(confirmation.c.created_at))
    return [_read(row) for row in rows.mappings()]


def attempt_id_of(tx: sa.Connection, confirmation_id: str) -> str | None:
    """The payment that this message belongs to; None: there is no such message."""
    query = sa.select(confirmation.c.attempt_id).where(confirmation.c.id == confirmation_id)
    return tx.execute(query).scalar_one_or_none()
