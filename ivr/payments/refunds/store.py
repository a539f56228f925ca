"""Refunds as they are stored: a frozen record, and all statements on their tables.

A refund that is to be changed is read by `locked`, before its attempt.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from ivr.payments import tables
from ivr.payments.attempts.states import PublicState


class RefundState(StrEnum):
    """The state of a refund. The words in quotes stand in the database: they are never renamed."""

    ASKED = "asked"
    """Its amount is taken off what can still be refunded; nothing was sent."""
    UNKNOWN = "unknown"
    """It may have been sent, and the outcome is not known yet."""
    NEEDS_REVIEW = "for_a_person"
    """Unknown for a day: a person decides, with the gateway's dashboard open."""
    APPROVED = "approved"
    DECLINED = "declined"

    @property
    def public(self) -> PublicState:
        """The word for everyone but operators."""
        return _PUBLIC[self]


REFUND_FINAL = frozenset({RefundState.APPROVED, RefundState.DECLINED})
_PUBLIC: dict[RefundState, PublicState] = {
    RefundState.ASKED: PublicState.PENDING,
    RefundState.UNKNOWN: PublicState.UNKNOWN,
    RefundState.NEEDS_REVIEW: PublicState.NEEDS_REVIEW,
    RefundState.APPROVED: PublicState.APPROVED,
    RefundState.DECLINED: PublicState.DECLINED,
}


class NoSuchRefundError(LookupError):
    """There is no refund of that id."""


@dataclass(frozen=True, slots=True)
class Refund:
    """All or a part of a charge, given back. Its id is the gateway's idempotency key."""

    id: str
    attempt_id: str
    amount_minor: int
    currency: str
    state: RefundState
    gateway_reference: str | None
    gateway_code: str | None
    asked_by: str | None
    created_at: datetime
    sent_at: datetime | None
    settled_at: datetime | None
    jobs: int
    """The number of the job that was scheduled last."""
    verify_since: datetime | None = None
    """Since when the gateway is asked about a webhook that contradicts our books."""


_COLUMNS = [tables.refund.c[field.name] for field in fields(Refund)]
_OF_ID = sa.select(*_COLUMNS).where(tables.refund.c.id == sa.bindparam("wanted"))
_OF_ID_LOCKED = _OF_ID.with_for_update(key_share=True)


def _record(row: sa.RowMapping) -> Refund:
    return Refund(**{**row, "state": RefundState(row["state"])})


# Reading ----------------------------------------------------------------------------------------------------


def get(tx: sa.Connection, refund_id: str) -> Refund:
    """The refund as it stands; raises NoSuchRefundError."""
    return _one(tx, _OF_ID, refund_id)


def locked(tx: sa.Connection, refund_id: str) -> Refund:
    """The refund, held until the transaction ends. Lock it before its attempt."""
    return _one(tx, _OF_ID_LOCKED, refund_id)


def _one(tx: sa.Connection, query: sa.Select[Any], refund_id: str) -> Refund:
    row = tx.execute(query, {"wanted": refund_id}).mappings().one_or_none()
    if row is None:
        raise NoSuchRefundError(f"there is no refund {refund_id}")
    return _record(row)


def overdue(tx: sa.Connection, since: datetime, limit: int) -> list[str]:
    """IDs of refunds whose job should have run before that moment."""
    columns = tables.refund.c
    has_job = sa.or_(columns.state.not_in(REFUND_FINAL), columns.verify_since.is_not(None))
    query = sa.select(columns.id).where(columns.look_at < since, has_job)
    return list(tx.execute(query.order_by(columns.look_at).limit(limit)).scalars())


def requested(tx: sa.Connection, attempt_id: str, key: str) -> tuple[str, int | None] | None:
    """The refund that was requested under this idempotency key, by its id, and the amount that was requested
    (None: all that was left).
    """
    request = tables.refund_request.c
    query = sa.select(request.refund_id, request.amount_minor)
    row = tx.execute(
        query.where(request.attempt_id == attempt_id, request.idempotency_key == key)
    ).one_or_none()
    return None if row is None else (row.refund_id, row.amount_minor)


# Writing ----------------------------------------------------------------------------------------------------


def insert(tx: sa.Connection, **values: Any) -> Refund:
    """A new refund, not sent yet."""
    new = sa.insert(tables.refund).values(**values, state=RefundState.ASKED)
    return _record(tx.execute(new.returning(*_COLUMNS)).mappings().one())


def keep_request(tx: sa.Connection, refund: Refund, key: str, requested_minor: int | None) -> None:
    """The refund was requested under this idempotency key."""
    tx.execute(
        sa.insert(tables.refund_request).values(
            attempt_id=refund.attempt_id,
            idempotency_key=key,
            amount_minor=requested_minor,
            refund_id=refund.id,
            created_at=refund.created_at,
        )
    )


def move(tx: sa.Connection, refund: Refund, state: RefundState, **values: Any) -> Refund:
    """The refund in its new state; raises RuntimeError where it is no longer in the state it was read in."""
    columns = tables.refund.c
    moved = (
        sa.update(tables.refund)
        .where(columns.id == refund.id, columns.state == refund.state)
        .values(**values, state=state)
        .returning(*_COLUMNS)
    )
    row = tx.execute(moved).mappings().one_or_none()
    if row is None:
        raise RuntimeError(f"refund {refund.id} is no longer {refund.state}: it was moved without its lock")
    return _record(row)


def update(tx: sa.Connection, refund_id: str, **values: Any) -> None:
    """Sets these columns; none of them is the state."""
    tx.execute(sa.update(tables.refund).where(tables.refund.c.id == refund_id).values(**values))


def attempt_id_of(tx: sa.Connection, refund_id: str) -> str | None:
    """The payment that this refund belongs to; None: there is no such refund."""
    query = sa.select(tables.refund.c.attempt_id).where(tables.refund.c.id == refund_id)
    return tx.execute(query).scalar_one_or_none()
