"""Payments as programs and people read them: a feed of what changed, one payment, and counts. Never a token.

May import `ivr.payments.records`, `states`, `gateways.declines` and `ivr.storage`. The feed follows the
history of moves: whatever happens to a payment brings it to the end again, so a reader who keeps the cursor
misses nothing. What could go wrong is a transaction that commits late, after a later one was read; so the
cursor stays `OVERLAP_S` behind, and what changed in the last seconds can be listed twice.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from gateways.declines import Decline
from ivr.payments.records import Method, RefundState
from ivr.payments.states import State
from ivr.storage import schema

OVERLAP_S = 10
LIMIT_MAX = 500


class BadCursorError(ValueError):
    """The cursor is none that we gave."""


@dataclass(frozen=True, slots=True)
class RefundShown:
    """A refund as its payment shows it."""

    id: str
    amount_minor: int
    state: RefundState
    gateway_reference: str | None
    gateway_code: str | None
    """Why it was refused, as the gateway said it."""
    asked_by: str | None
    created_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class LinkShown:
    """The link of a payment by link; never what is in it, for who has that may pay."""

    expires_at: datetime
    opened_at: datetime | None


@dataclass(frozen=True, slots=True)
class Payment:
    """An attempt as finance and the merchant's programs know it."""

    id: str
    reference: str
    """Eight digits: the caller was told these."""
    state: State
    method: Method
    amount_minor: int
    refunded_minor: int
    """Given back for certain; what is only asked for stands in `refunds`."""
    currency: str
    bill_id: str
    bill_reference: str
    call_id: str | None
    gateway: str
    gateway_reference: str | None
    """What to search for in the gateway's dashboard."""
    authorisation_code: str | None
    brand: str | None
    last_four: str | None
    decline: Decline | None
    created_at: datetime
    settled_at: datetime | None
    refunds: tuple[RefundShown, ...]
    link: LinkShown | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Payments in the order in which they last changed. `cursor` is where the next page begins."""

    payments: tuple[Payment, ...]
    cursor: str


def payments_since(tx: sa.Connection, since: str, limit: int, *, now: datetime) -> Page:
    """Payments that changed after the cursor, the earliest change first. `since` is a cursor, or empty for
    the very beginning.
    """
    after = _parse(since)
    moves = schema.attempt_move
    newest = sa.func.max(moves.c.id).label("newest")
    changed = (
        sa.select(moves.c.attempt_id, newest)
        .where(moves.c.id > after)
        .group_by(moves.c.attempt_id)
        .order_by(newest)
        .limit(min(max(limit, 1), LIMIT_MAX))
        .subquery()
    )
    rows = tx.execute(
        sa.select(changed.c.attempt_id, changed.c.newest, moves.c.at)
        .join(moves, moves.c.id == changed.c.newest)
        .order_by(changed.c.newest)
    ).all()
    settled_by = now - timedelta(seconds=OVERLAP_S)
    for row in rows:
        if row.at > settled_by:
            break
        after = row.newest
    return Page(_payments(tx, [row.attempt_id for row in rows]), str(after))


def cursor_at(tx: sa.Connection, moment: datetime) -> str:
    """The cursor for everything that changed from that moment on."""
    moves = schema.attempt_move
    first = tx.execute(sa.select(sa.func.min(moves.c.id)).where(moves.c.at >= moment)).scalar()
    last = tx.execute(sa.select(sa.func.max(moves.c.id))).scalar()
    return str(first - 1 if first is not None else last or 0)


def latest(
    tx: sa.Connection,
    limit: int,
    *,
    states: frozenset[State] = frozenset(State),
    bill_id: str | None = None,
) -> tuple[Payment, ...]:
    """The payments made last, the newest first; `bill_id`: those of one bill."""
    attempts = schema.attempt.c
    found = tx.execute(
        sa.select(attempts.id)
        .where(attempts.state.in_(states), sa.true() if bill_id is None else attempts.bill_id == bill_id)
        .order_by(attempts.created_at.desc(), attempts.id.desc())
        .limit(min(max(limit, 1), LIMIT_MAX))
    )
    return _payments(tx, list(found.scalars()))


def of_ids(tx: sa.Connection, attempt_ids: Collection[str]) -> tuple[Payment, ...]:
    """The payments of these ids, the earliest first; each of them is there."""
    found = _payments(tx, sorted(attempt_ids))
    return tuple(sorted(found, key=lambda payment: payment.created_at))


def show(tx: sa.Connection, id_or_reference: str) -> Payment | None:
    """One payment by its id, or by the eight digits that the caller was told."""
    attempts = schema.attempt.c
    found = tx.execute(
        sa.select(attempts.id).where(
            sa.or_(attempts.id == id_or_reference, attempts.reference == id_or_reference)
        )
    ).scalar_one_or_none()
    return None if found is None else _payments(tx, [found])[0]


def count_by_state(tx: sa.Connection) -> dict[State, int]:
    """How many attempts are in each state; every state is there."""
    attempts = schema.attempt.c
    rows = tx.execute(sa.select(attempts.state, sa.func.count()).group_by(attempts.state))
    return dict.fromkeys(State, 0) | {State(state): count for state, count in rows}


def _parse(since: str) -> int:
    if not since:
        return 0
    if not (since.isascii() and since.isdigit() and len(since) <= 18):  # noqa: PLR2004 - within 64 bits
        raise BadCursorError("this is not a valid cursor: give the one from the last page, or none")
    return int(since)


def _payments(tx: sa.Connection, attempt_ids: Sequence[str]) -> tuple[Payment, ...]:
    """The payments of these ids, in their order."""
    attempts, links = schema.attempt, schema.pay_link
    rows = tx.execute(
        sa.select(
            attempts,
            schema.bill.c.reference.label("bill_reference"),
            links.c.expires_at.label("link_expires_at"),
            links.c.opened_at.label("link_opened_at"),
        )
        .join(schema.bill, schema.bill.c.id == attempts.c.bill_id)
        .outerjoin(links, links.c.attempt_id == attempts.c.id)
        .where(attempts.c.id.in_(attempt_ids))
    ).all()
    refunds = _refunds(tx, attempt_ids)
    by_id = {row.id: _payment(row, refunds[row.id]) for row in rows}
    return tuple(by_id[attempt_id] for attempt_id in attempt_ids)


def _payment(row: sa.Row[tuple[object, ...]], refunds: list[RefundShown]) -> Payment:
    return Payment(
        id=row.id,
        reference=row.reference,
        state=State(row.state),
        method=Method(row.method),
        amount_minor=row.amount_minor,
        refunded_minor=sum(one.amount_minor for one in refunds if one.state is RefundState.APPROVED),
        currency=row.currency,
        bill_id=row.bill_id,
        bill_reference=row.bill_reference,
        call_id=row.call_id,
        gateway=row.gateway,
        gateway_reference=row.gateway_reference,
        authorisation_code=row.authorisation_code,
        brand=row.brand,
        last_four=row.last_four,
        decline=None if row.decline is None else Decline(row.decline),
        created_at=row.created_at,
        settled_at=row.settled_at,
        refunds=tuple(refunds),
        link=None if row.link_expires_at is None else LinkShown(row.link_expires_at, row.link_opened_at),
    )


def _refunds(tx: sa.Connection, attempt_ids: Sequence[str]) -> defaultdict[str, list[RefundShown]]:
    found: defaultdict[str, list[RefundShown]] = defaultdict(list)
    rows = tx.execute(
        sa.select(schema.refund)
        .where(schema.refund.c.attempt_id.in_(attempt_ids))
        .order_by(schema.refund.c.created_at, schema.refund.c.id)
    )
    for row in rows:
        found[row.attempt_id].append(
            RefundShown(
                id=row.id,
                amount_minor=row.amount_minor,
                state=RefundState(row.state),
                gateway_reference=row.gateway_reference,
                gateway_code=row.gateway_code,
                asked_by=row.asked_by,
                created_at=row.created_at,
                settled_at=row.settled_at,
            )
        )
    return found
