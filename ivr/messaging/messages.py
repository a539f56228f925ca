"""The texts about a payment, one of each purpose: recorded with what they tell of, moved along their graph,
never made twice.

A database constraint holds that an attempt has one of each purpose: a receipt, and a link to pay by. Every
change takes the row's lock and asks the graph, so that a worker and a callback that meet cannot undo each
other.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
import structlog

from ivr.customers import timeline
from ivr.jobs.job_list import SEND_CONFIRMATION, Work
from ivr.messaging import templates as texts
from ivr.messaging.states import Event, State, after
from ivr.messaging.tables import confirmation
from ivr.payments.views import IS_LINK_OPEN, attempt, pay_link
from ivr.platform.clock import Clock
from ivr.platform.database.engine import count_by
from ivr.platform.ids import Ids

SPOKEN = "spoken"
log = structlog.get_logger()


class Purpose(StrEnum):
    """What a text is for."""

    RECEIPT = "receipt"
    """What became of the payment."""
    LINK = "link"
    """A link to pay by."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """How a payer is told of one payment, and how far that is."""

    id: str
    attempt_id: str
    channel: str
    """sms, console or spoken."""
    recipient: str | None
    language: str
    body: str
    state: State
    tries: int
    provider_id: str | None
    error_code: str | None
    tried_at: datetime | None
    purpose: Purpose = Purpose.RECEIPT


_COLUMNS = [confirmation.c[name] for name in Confirmation.__slots__]


def record(
    tx: sa.Connection,
    *,
    attempt_id: str,
    receipt: texts.Receipt,
    charged: bool = True,
    may_be_pending: bool = False,
    language: str,
    payer_phone: str | None,
    can_text: bool,
    channel: str,
    work: Work,
    clock: Clock,
    ids: Ids,
) -> Confirmation:
    """Records the confirmation of an approved attempt, and asks for its sending; again gives the first one.

    `may_be_pending`: not charged, and the bank may show an amount that was held and let go.
    Where no text is possible it is `spoken`: the reference that the caller heard. `channel` is sms or
    console.
    """
    return _record(
        tx,
        attempt_id=attempt_id,
        purpose=Purpose.RECEIPT,
        body=texts.receipt(receipt, language)
        if charged
        else texts.not_charged(receipt, language, may_be_pending=may_be_pending),
        language=language,
        recipient=payer_phone if can_text else None,
        channel=channel,
        work=work,
        clock=clock,
        ids=ids,
    )


def record_link(
    tx: sa.Connection,
    *,
    attempt_id: str,
    offer: texts.LinkOffer,
    language: str,
    payer_phone: str,
    channel: str,
    work: Work,
    clock: Clock,
    ids: Ids,
) -> Confirmation:
    """Records the text that carries an attempt's link, and asks for its sending; again: the first one."""
    return _record(
        tx,
        attempt_id=attempt_id,
        purpose=Purpose.LINK,
        body=texts.link(offer, language),
        language=language,
        recipient=payer_phone,
        channel=channel,
        work=work,
        clock=clock,
        ids=ids,
    )


def _record(
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
) -> Confirmation:
    known = _one(tx, sa.and_(confirmation.c.attempt_id == attempt_id, confirmation.c.purpose == purpose))
    if known:
        return known
    made = Confirmation(
        id=ids.new("confirmation"),
        attempt_id=attempt_id,
        channel=channel if recipient is not None else SPOKEN,
        recipient=recipient,
        language=language,
        body=body,
        state=State.QUEUED if recipient is not None else State.SPOKEN,
        tries=0,
        provider_id=None,
        error_code=None,
        tried_at=None,
        purpose=purpose,
    )
    values = {name: getattr(made, name) for name in Confirmation.__slots__}
    tx.execute(confirmation.insert().values(**values, created_at=clock.now()))
    if recipient is not None:
        work.enqueue(tx, SEND_CONFIRMATION, made.id)
    return made


def find(tx: sa.Connection, confirmation_id: str, *, lock: bool = False) -> Confirmation | None:
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


def still_holds(tx: sa.Connection, found: Confirmation, now: datetime) -> bool:
    """Whether what the text says is still so: a link that cannot be paid any more helps nobody."""
    if found.purpose is not Purpose.LINK:
        return True
    open_link = (
        sa.select(attempt.c.id)
        .join(pay_link, pay_link.c.attempt_id == attempt.c.id)
        .where(attempt.c.id == found.attempt_id, IS_LINK_OPEN, pay_link.c.expires_at > now)
    )
    return tx.execute(open_link).first() is not None


def shift(
    tx: sa.Connection,
    confirmation_id: str,
    event: Event,
    now: datetime,
    *,
    at_try: int | None = None,
    error_code: str | None = None,
    **values: Any,
) -> Confirmation | None:
    """Moves it by this event and writes `values` with it; None where the event comes too late.

    `at_try` is the try that the event belongs to: where another has begun since, it comes too late. So does
    "taken" of a copy whose news came before: the carrier may have said since that it could not deliver it.
    `error_code` stands until the next event.
    """
    found = _one(tx, confirmation.c.id == confirmation_id, lock=True)
    if found is None or (at_try is not None and found.tries != at_try):
        return None
    state = after(found.state, event)
    is_known = event is Event.TAKEN and found.provider_id is not None
    if state is None or (is_known and found.provider_id == values.get("provider_id")):
        return None
    if state is State.SENT:
        values["sent_at"] = now
    if state is State.DELIVERED:
        values["delivered_at"] = now
    tx.execute(
        confirmation.update()
        .where(confirmation.c.id == confirmation_id)
        .values(state=state, error_code=error_code, **values)
    )
    _note(tx, found, state, now, error_code)
    return _one(tx, confirmation.c.id == confirmation_id)


def _note(
    tx: sa.Connection, found: Confirmation, state: State, now: datetime, error_code: str | None
) -> None:
    """What the payer's timeline should tell; that it is being sent is nobody's news."""
    call_id = tx.execute(sa.select(attempt.c.call_id).where(attempt.c.id == found.attempt_id)).scalar_one()
    moved = {"confirmation": found.id, "state": str(state), "error_code": error_code}
    log.info("confirmation_moved", call_id=call_id, **moved)
    if state in {State.QUEUED, State.SENDING}:
        return
    kind = "confirmation" if found.purpose is Purpose.RECEIPT else "link_text"
    facts = {"channel": found.channel} | ({"error_code": error_code} if error_code else {})
    timeline.add(tx, f"{kind}.{state}", at=now, call_id=call_id, attempt_id=found.attempt_id, facts=facts)


def _one(tx: sa.Connection, where: sa.ColumnElement[bool], *, lock: bool = False) -> Confirmation | None:
    query = sa.select(*_COLUMNS).where(where)
    row = tx.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    if row is None:
        return None
    return _read(row)


def _read(row: sa.RowMapping) -> Confirmation:
    return Confirmation(**{**row, "state": State(row["state"]), "purpose": Purpose(row["purpose"])})


def of_payment(tx: sa.Connection, attempt_id: str, purpose: Purpose) -> Confirmation | None:
    """The message of this purpose about this payment."""
    return _one(tx, sa.and_(confirmation.c.attempt_id == attempt_id, confirmation.c.purpose == purpose))


def count_by_state(tx: sa.Connection) -> list[tuple[str, int]]:
    """The states that there are, and how many messages are in each."""
    return count_by(tx, confirmation.c.state)


def not_arrived(tx: sa.Connection, *, failed_since: datetime, pending_before: datetime) -> list[Confirmation]:
    """Messages that are held, failed since then, or have been on their way since before then; the oldest
    first.
    """
    state = confirmation.c.state
    pending = state.in_([State.QUEUED, State.SENDING, State.MAYBE_SENT])
    which = sa.or_(
        state == State.HELD,
        sa.and_(state == State.FAILED, confirmation.c.tried_at >= failed_since),
        sa.and_(pending, confirmation.c.created_at < pending_before),
    )
    rows = tx.execute(sa.select(*_COLUMNS).where(which).order_by(confirmation.c.created_at))
    return [_read(row) for row in rows.mappings()]


def attempt_id_of(tx: sa.Connection, confirmation_id: str) -> str | None:
    """The payment that this message belongs to; None: there is no such message."""
    query = sa.select(confirmation.c.attempt_id).where(confirmation.c.id == confirmation_id)
    return tx.execute(query).scalar_one_or_none()
