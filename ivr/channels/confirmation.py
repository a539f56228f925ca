"""The one confirmation of a payment: recorded with the charge, moved along its graph, never made twice.

May import `ivr.storage`, `ivr.work`, `ivr.customers.timeline` and its own room. A database constraint holds
that an attempt has one. Every change takes the row's lock and asks the graph, so that a worker and a callback
that meet cannot undo each other.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog

from ivr.channels import texts
from ivr.channels.states import Event, State, after
from ivr.clock import Clock
from ivr.customers import timeline
from ivr.ids import Ids
from ivr.storage.schema import attempt, confirmation
from ivr.work.jobs import SEND_CONFIRMATION, Work

SPOKEN = "spoken"
log = structlog.get_logger()


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


_COLUMNS = [confirmation.c[name] for name in Confirmation.__slots__]


def record(
    tx: sa.Connection,
    *,
    attempt_id: str,
    receipt: texts.Receipt,
    charged: bool = True,
    language: str,
    payer_phone: str | None,
    can_text: bool,
    channel: str,
    work: Work,
    clock: Clock,
    ids: Ids,
) -> Confirmation:
    """Records the confirmation of an approved attempt, and asks for its sending; again gives the first one.

    Where no text is possible it is `spoken`: the reference that the caller heard. `channel` is sms or
    console.
    """
    known = _one(tx, confirmation.c.attempt_id == attempt_id)
    if known:
        return known
    texted = can_text and payer_phone is not None
    made = Confirmation(
        id=ids.new("confirmation"),
        attempt_id=attempt_id,
        channel=channel if texted else SPOKEN,
        recipient=payer_phone if texted else None,
        language=language,
        body=(texts.receipt if charged else texts.not_charged)(receipt, language),
        state=State.QUEUED if texted else State.SPOKEN,
        tries=0,
        provider_id=None,
        error_code=None,
        tried_at=None,
    )
    values = {name: getattr(made, name) for name in Confirmation.__slots__}
    tx.execute(confirmation.insert().values(**values, created_at=clock.now()))
    if texted:
        work.enqueue(tx, SEND_CONFIRMATION, made.id)
    return made


def find(tx: sa.Connection, confirmation_id: str) -> Confirmation | None:
    return _one(tx, confirmation.c.id == confirmation_id)


def reference(tx: sa.Connection, confirmation_id: str) -> str:
    """The payment's reference, as the caller heard it."""
    of_attempt = sa.select(attempt.c.reference).join(confirmation, confirmation.c.attempt_id == attempt.c.id)
    return str(tx.execute(of_attempt.where(confirmation.c.id == confirmation_id)).scalar_one())


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

    `at_try` is the try that the event belongs to: where another has begun since, it comes too late.
    `error_code` stands until the next event.
    """
    found = _one(tx, confirmation.c.id == confirmation_id, lock=True)
    if found is None or (at_try is not None and found.tries != at_try):
        return None
    state = after(found.state, event)
    if state is None:
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
    log.info("confirmation_moved", confirmation=found.id, state=str(state), error_code=error_code)
    if state in {State.QUEUED, State.SENDING}:
        return
    call_id = tx.execute(sa.select(attempt.c.call_id).where(attempt.c.id == found.attempt_id)).scalar_one()
    facts = {"channel": found.channel} | ({"error_code": error_code} if error_code else {})
    timeline.add(
        tx, f"confirmation.{state}", at=now, call_id=call_id, attempt_id=found.attempt_id, facts=facts
    )


def _one(tx: sa.Connection, where: sa.ColumnElement[bool], *, lock: bool = False) -> Confirmation | None:
    query = sa.select(*_COLUMNS).where(where)
    row = tx.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    return Confirmation(**{**row, "state": State(row["state"])}) if row else None
