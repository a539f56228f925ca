"""A refund as it is kept: a frozen record, and how it is read and locked."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ivr.payments import tables
from ivr.payments.refunds.states import RefundState


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
    verify_since: datetime | None = None
    """As on an attempt."""


_COLUMNS = [tables.refund.c[field.name] for field in fields(Refund)]
_OF_ID = sa.select(*_COLUMNS).where(tables.refund.c.id == sa.bindparam("wanted"))
_OF_ID_LOCKED = _OF_ID.with_for_update(key_share=True)


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
    return Refund(**{**row, "state": RefundState(row["state"])})


def attempt_id_of(tx: sa.Connection, refund_id: str) -> str | None:
    """The payment that this refund belongs to; None: there is no such refund."""
    query = sa.select(tables.refund.c.attempt_id).where(tables.refund.c.id == refund_id)
    return tx.execute(query).scalar_one_or_none()
