"""Disputes: a payer's bank wants money back, and the merchant has to answer in time.

A dispute is kept as the gateway reports it and moves no money in our ledger: the payout's lines show what it
costs. Webhooks come late, twice and out of order:

- a decided dispute is never open again; of two decisions the later one counts;
- of two reports of an open dispute, the one with the later deadline counts;
- a dispute that comes before its payment is known is tied to it afterwards.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog

from gateways.events import DisputeState, DisputeUpdated
from ivr.bills.views import bill
from ivr.finance.payout_queries import attempt_of_charge
from ivr.finance.tables import dispute
from ivr.payments.views import attempt
from ivr.platform.database import change_feed as feed

log = structlog.get_logger()
_DECIDED = frozenset({DisputeState.WON, DisputeState.LOST})


@dataclass(frozen=True, slots=True)
class DisputeShown:
    """A dispute as finance reads it."""

    reference: str
    """The dispute's own, in the gateway's dashboard."""
    gateway: str
    state: DisputeState
    amount_minor: int
    currency: str
    reason: str
    answer_by: datetime | None
    payment: str | None
    """The reference that the payer was told; None: no payment of ours."""
    payment_id: str | None
    bill_reference: str | None
    opened_at: datetime
    updated_at: datetime


_ATTEMPT = sa.func.coalesce(
    dispute.c.attempt_id, attempt_of_charge(dispute.c.gateway, dispute.c.charge_reference)
)
"""A dispute can be reported before the charge's own answer is kept: then its reference finds the attempt."""


def keep(
    tx: sa.Connection, gateway: str, told: DisputeUpdated, now: datetime, told_at: datetime | None = None
) -> str | None:
    """Stores the dispute. Returns the attempt's id if the dispute is new, its state changed, or its attempt
    was not known before; otherwise None, as for a charge that is not ours. `told_at`: the event's time at the
    gateway.
    """
    here = sa.and_(dispute.c.gateway == gateway, dispute.c.reference == told.reference)
    names = ("state", "attempt_id", "answer_by", "told_at")
    known = tx.execute(
        sa.select(*(dispute.c[name] for name in names)).where(here).with_for_update()
    ).one_or_none()
    if known is None:
        attempt_id = attempt_id_of(tx, gateway, told.charge_reference)
        new = {"gateway": gateway, "reference": told.reference, "attempt_id": attempt_id, "opened_at": now}
        tx.execute(sa.insert(dispute).values(**new, **_facts(told, told_at), updated_at=now))
        return attempt_id
    if known.state in _DECIDED and known.state != told.state and not _overturns(told, told_at, known.told_at):
        return None
    is_same = known.state == told.state
    is_news = not is_same or known.attempt_id is None
    is_newer = not is_same or _ends_later(told, known.answer_by)
    stood_at = _later(told_at, known.told_at) if is_same else told_at
    if not is_news and not is_newer and stood_at == known.told_at:
        return None
    attempt_id = known.attempt_id or attempt_id_of(tx, gateway, told.charge_reference)
    facts = _facts(told, stood_at) if is_newer else {"told_at": stood_at}
    tx.execute(sa.update(dispute).where(here).values(**facts, attempt_id=attempt_id, updated_at=now))
    return attempt_id if is_news else None


def _overturns(told: DisputeUpdated, told_at: datetime | None, decided_at: datetime | None) -> bool:
    """Whether it is a decision, and not known to be older than the stored one: a bank may change its
    decision.
    """
    is_late = told_at is not None and decided_at is not None and told_at < decided_at
    return told.state in _DECIDED and not is_late


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    """The later of the two times; None if both are."""
    return max((at for at in (one, other) if at is not None), default=None)


def _facts(told: DisputeUpdated, told_at: datetime | None) -> dict[str, object]:
    return {
        "charge_reference": told.charge_reference,
        "amount_minor": told.amount_minor,
        "currency": told.currency,
        "reason": told.reason[:80],
        "state": told.state,
        "answer_by": told.answer_by,
        "told_at": told_at,
    }


def _ends_later(told: DisputeUpdated, answer_by: datetime | None) -> bool:
    """Whether its deadline is later than the stored one. An inquiry that became a chargeback is still open,
    and has to be answered anew; both may be reported with the same time, so the deadline shows which is
    newer.
    """
    return told.answer_by is not None and (answer_by is None or told.answer_by > answer_by)


def tie(
    tx: sa.Connection, gateway: str, charge_reference: str, attempt_id: str, now: datetime
) -> list[DisputeUpdated]:
    """Assigns to the attempt the disputes of its charge that came before it was known; returns them."""
    orphans = sa.and_(
        dispute.c.gateway == gateway,
        dispute.c.charge_reference == charge_reference,
        dispute.c.attempt_id.is_(None),
    )
    rows = tx.execute(sa.select(dispute).where(orphans).order_by(dispute.c.reference).with_for_update()).all()
    if rows:
        tx.execute(sa.update(dispute).where(orphans).values(attempt_id=attempt_id, updated_at=now))
    return [
        DisputeUpdated(
            reference=row.reference,
            charge_reference=row.charge_reference,
            amount_minor=row.amount_minor,
            currency=row.currency,
            reason=row.reason,
            state=DisputeState(row.state),
            answer_by=row.answer_by,
        )
        for row in rows
    ]


def attempt_id_of(tx: sa.Connection, gateway: str, charge_reference: str) -> str | None:
    """The attempt of that charge; where two hold it by a person's mistake, the one that was paid first."""
    ids = (
        tx.execute(
            sa.select(attempt.c.id)
            .where(attempt.c.gateway == gateway, attempt.c.gateway_reference == charge_reference)
            .order_by(attempt.c.settled_at.nulls_last(), attempt.c.id)
        )
        .scalars()
        .all()
    )
    if len(ids) > 1:
        log.error("one_charge_of_two_payments", charge_reference=charge_reference, attempt_ids=list(ids))
    return ids[0] if ids else None


def listed(tx: sa.Connection, limit: int, *, also_decided: bool = False) -> list[DisputeShown]:
    """Disputes, those to be answered first on top."""
    return _shown(tx, sa.true() if also_decided else dispute.c.state == DisputeState.OPEN, limit)


def opened_within(
    tx: sa.Connection, *, since: datetime | None, until: datetime | None, also_decided: bool = False
) -> list[DisputeShown]:
    """Disputes opened from `since` on, the earliest first. `until` is exclusive."""
    wanted = [sa.true() if also_decided else dispute.c.state == DisputeState.OPEN]
    wanted += [] if since is None else [dispute.c.opened_at >= since]
    wanted += [] if until is None else [dispute.c.opened_at < until]
    found = _shown(tx, sa.and_(*wanted))
    return sorted(found, key=lambda one: (one.opened_at, one.reference))


def of_payment(
    tx: sa.Connection, gateway: str, attempt_id: str, charge_reference: str | None
) -> list[DisputeShown]:
    """Every dispute of one payment, also those that are decided."""
    own = dispute.c.attempt_id == attempt_id
    if charge_reference is not None:
        told_early = sa.and_(dispute.c.gateway == gateway, dispute.c.charge_reference == charge_reference)
        own = sa.or_(own, told_early)
    return _shown(tx, own)


def changed(
    tx: sa.Connection,
    *,
    bill_reference: str | None = None,
    state: DisputeState | None = None,
    opened_from: datetime | None = None,
    opened_until: datetime | None = None,
    cursor: str = "",
    since: datetime | None = None,
    limit: int,
    now: datetime,
) -> feed.Page[DisputeShown]:
    """Disputes that changed after the cursor, or from `since` on, the earliest change first. `opened_until`
    is exclusive. Raises BadCursorError.
    """
    key = dispute.c.gateway + ":" + dispute.c.reference
    query = _select().add_columns(dispute.c.updated_at.label("feed_at"), key.label("feed_key"))
    if bill_reference is not None:
        query = query.where(bill.c.reference == bill_reference)
    if state is not None:
        query = query.where(dispute.c.state == state)
    if opened_from is not None:
        query = query.where(dispute.c.opened_at >= opened_from)
    if opened_until is not None:
        query = query.where(dispute.c.opened_at < opened_until)
    return feed.page(
        tx,
        query,
        _one,
        name="disputes",
        at=dispute.c.updated_at,
        key=key,
        cursor=cursor,
        since=since,
        limit=limit,
        now=now,
    )


def of_reference(tx: sa.Connection, reference: str) -> list[DisputeShown]:
    """The disputes of this reference: one, unless two gateways use the same."""
    return _shown(tx, dispute.c.reference == reference)


def disputed_attempts(name: str) -> sa.CompoundSelect[tuple[str | None]]:
    """Payments by the reference of their dispute, or of the charge as the dispute has it."""
    named = sa.or_(dispute.c.reference == name, dispute.c.charge_reference == name)
    is_its_charge = sa.and_(
        dispute.c.charge_reference == attempt.c.gateway_reference, dispute.c.gateway == attempt.c.gateway
    )
    by_charge = sa.select(attempt.c.id).join(dispute, is_its_charge).where(named)
    return sa.union(sa.select(dispute.c.attempt_id).where(named), by_charge)


def _shown(tx: sa.Connection, where: sa.ColumnElement[bool], limit: int | None = None) -> list[DisputeShown]:
    order = sa.nulls_last(dispute.c.answer_by), dispute.c.opened_at, dispute.c.reference
    return [_one(row) for row in tx.execute(_select().where(where).order_by(*order).limit(limit))]


_OF_OTHERS = {"payment": attempt.c.reference, "payment_id": attempt.c.id, "bill_reference": bill.c.reference}


def _select() -> sa.Select[Any]:
    own = (dispute.c[field.name] for field in fields(DisputeShown) if field.name not in _OF_OTHERS)
    others = (column.label(name) for name, column in _OF_OTHERS.items())
    return (
        sa.select(*own, *others)
        .select_from(dispute)
        .outerjoin(attempt, attempt.c.id == _ATTEMPT)
        .outerjoin(bill, bill.c.id == attempt.c.bill_id)
    )


def _one(row: sa.Row[Any]) -> DisputeShown:
    shown = {field.name: getattr(row, field.name) for field in fields(DisputeShown)}
    return DisputeShown(**{**shown, "state": DisputeState(row.state)})
