"""Payments as programs and people read them: a feed of what changed, the latest, and one. Never a token.

The feed follows the history of moves: whatever happens to a payment brings it to the end again. How a cursor
misses nothing: `ivr.platform.database.change_feed`.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from gateways.declines import Decline
from ivr.bills import views as bills_views
from ivr.payments import tables
from ivr.payments.attempts.states import Method, State
from ivr.payments.refunds.store import RefundState
from ivr.platform.database.change_feed import LIMIT_MAX, OVERLAP_S, BadCursorError, Page, advance
from ivr.platform.database.engine import Instant

_CURSOR = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?")
"""The move behind which the page begins; in the middle of a list also the move from which it is read again.
"""
_CLOCKS_APART_S = 60
"""Longer than two machines' clocks differ: no move of a payment is older than the payment by so much."""


@dataclass(frozen=True, slots=True)
class RefundShown:
    """A refund as its payment shows it."""

    id: str
    attempt_id: str
    amount_minor: int
    state: RefundState
    gateway_reference: str | None
    gateway_code: str | None
    """Why it was refused, as the gateway said it."""
    asked_by: str | None
    created_at: datetime
    updated_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class LinkShown:
    """The link of a payment by link, without its token: whoever has that may pay."""

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
    """Of approved refunds; those under way stand in `refunds`."""
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
    updated_at: datetime
    """Of its last move; its refunds' moves are among them."""
    settled_at: datetime | None
    refunds: tuple[RefundShown, ...]
    link: LinkShown | None = None


@dataclass(frozen=True, slots=True)
class PaymentFilter:
    """Which payments a list holds; by itself all."""

    bill_reference: str | None = None
    states: frozenset[State] | None = None
    created_from: datetime | None = None
    created_until: datetime | None = None
    """The first moment that is too late."""

    def where(self) -> list[sa.ColumnElement[bool]]:
        attempt, bill = tables.attempt.c, bills_views.bill.c
        conditions: list[sa.ColumnElement[bool]] = []
        if self.bill_reference is not None:
            of_bill = sa.select(bill.id).where(bill.reference == self.bill_reference).scalar_subquery()
            conditions.append(attempt.bill_id == of_bill)
        if self.states is not None:
            conditions.append(attempt.state.in_(self.states))
        if self.created_from is not None:
            conditions.append(attempt.created_at >= self.created_from)
        if self.created_until is not None:
            conditions.append(attempt.created_at < self.created_until)
        return conditions


ALL = PaymentFilter()


def _refund_updated_at() -> sa.ColumnElement[datetime]:
    """The note of a move of a refund begins with the refund's id."""
    moves, refund = tables.attempt_move.c, tables.refund.c
    is_its = sa.or_(moves.note == refund.id, moves.note.like(refund.id + " %"))
    moved = sa.select(sa.func.max(moves.at)).where(moves.attempt_id == refund.attempt_id, is_its)
    latest = sa.func.coalesce(moved.scalar_subquery(), refund.settled_at, refund.created_at)
    return sa.type_coerce(latest, Instant())


REFUND_UPDATED_AT = _refund_updated_at()
"""When a refund changed last, for a query of the table `refund`."""


def payments_since(
    tx: sa.Connection, since: str, limit: int, *, now: datetime, wanted: PaymentFilter = ALL
) -> Page[Payment]:
    """Payments that changed after the cursor, the earliest change first. `since` is a cursor, or empty for
    the very beginning. Raises BadCursorError.
    """
    after, settled = _parse(since)
    if wanted.created_from is not None and settled is None:
        earliest = cursor_at(tx, _earlier(wanted.created_from))
        after = max(after, int(earliest))
    limit = min(max(limit, 1), LIMIT_MAX)
    rows = tx.execute(_changed(after, wanted).limit(limit + 1)).all()
    has_more, rows = len(rows) > limit, rows[:limit]
    settled_by = now - timedelta(seconds=OVERLAP_S)
    after, settled = advance(after, settled, ((row.id, row.at) for row in rows), settled_by=settled_by)
    if not has_more:
        after, settled = after if settled is None else settled, None
    cursor = str(after) if settled is None else f"{after}-{settled}"
    return Page(_payments(tx, [row.attempt_id for row in rows]), cursor, has_more)


def _changed(after: int, wanted: PaymentFilter) -> sa.Select[tuple[int, str, datetime]]:
    """The last move of each payment, where it came after that one."""
    moves, later = tables.attempt_move, tables.attempt_move.alias()
    is_last = ~sa.exists().where(later.c.attempt_id == moves.c.attempt_id, later.c.id > moves.c.id)
    changed = sa.select(moves.c.id, moves.c.attempt_id, moves.c.at).where(moves.c.id > after, is_last)
    if conditions := wanted.where():
        changed = changed.join(tables.attempt, tables.attempt.c.id == moves.c.attempt_id).where(*conditions)
    return changed.order_by(moves.c.id)


def cursor_at(tx: sa.Connection, moment: datetime) -> str:
    """The cursor for everything that changed from that moment on."""
    moves = tables.attempt_move.c
    earliest = tx.execute(sa.select(sa.func.min(moves.at)).where(moves.at >= moment)).scalar()
    if earliest is None:
        return str(tx.execute(sa.select(sa.func.max(moves.id))).scalar() or 0)
    # The lowest number among them, by the index on `at`: `+ 0` keeps the key's own index out of it.
    soon = earliest + timedelta(seconds=_CLOCKS_APART_S)
    lowest = sa.select(sa.func.min(moves.id + 0)).where(moves.at >= moment, moves.at <= soon)
    return str(tx.execute(lowest).scalar_one() - 1)


def _earlier(moment: datetime) -> datetime:
    """A little before that moment; the first moment that there is has none before it."""
    try:
        return moment - timedelta(seconds=_CLOCKS_APART_S)
    except OverflowError:
        return moment


def latest(
    tx: sa.Connection,
    limit: int,
    *,
    states: frozenset[State] = frozenset(State),
    bill_id: str | None = None,
) -> tuple[Payment, ...]:
    """The payments made last, the newest first; `bill_id`: those of one bill."""
    attempts = tables.attempt.c
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
    attempts = tables.attempt.c
    found = tx.execute(
        sa.select(attempts.id).where(
            sa.or_(attempts.id == id_or_reference, attempts.reference == id_or_reference)
        )
    ).scalar_one_or_none()
    return None if found is None else _payments(tx, [found])[0]


def _parse(since: str) -> tuple[int, int | None]:
    found = _CURSOR.fullmatch(since or "0")
    if found is None:
        raise BadCursorError
    return int(found[1]), None if found[2] is None else int(found[2])


def _payments(tx: sa.Connection, attempt_ids: Sequence[str]) -> tuple[Payment, ...]:
    """The payments of these ids, in their order."""
    attempts, links = tables.attempt, tables.pay_link
    rows = tx.execute(
        sa.select(
            attempts,
            bills_views.bill.c.reference.label("bill_reference"),
            links.c.expires_at.label("link_expires_at"),
            links.c.opened_at.label("link_opened_at"),
        )
        .join(bills_views.bill, bills_views.bill.c.id == attempts.c.bill_id)
        .outerjoin(links, links.c.attempt_id == attempts.c.id)
        .where(attempts.c.id.in_(attempt_ids))
    ).all()
    moved = _moved(tx, attempt_ids)
    refunds = _refunds(tx, attempt_ids)
    by_id = {row.id: _payment(row, moved.get(row.id, row.created_at), refunds[row.id]) for row in rows}
    return tuple(by_id[attempt_id] for attempt_id in attempt_ids)


def _moved(tx: sa.Connection, attempt_ids: Sequence[str]) -> dict[str, datetime]:
    """When each of these payments moved last."""
    moves = tables.attempt_move.c
    query = sa.select(moves.attempt_id, sa.func.max(moves.at)).where(moves.attempt_id.in_(attempt_ids))
    return {row[0]: row[1] for row in tx.execute(query.group_by(moves.attempt_id))}


_COPIED = {field.name for field in fields(Payment)} - {"refunded_minor", "updated_at", "refunds", "link"}


def _payment(row: sa.Row[tuple[object, ...]], updated_at: datetime, refunds: list[RefundShown]) -> Payment:
    copied = {name: getattr(row, name) for name in _COPIED}
    words = {
        "state": State(row.state),
        "method": Method(row.method),
        "decline": None if row.decline is None else Decline(row.decline),
    }
    return Payment(
        **copied | words,
        refunded_minor=sum(one.amount_minor for one in refunds if one.state is RefundState.APPROVED),
        updated_at=updated_at,
        refunds=tuple(refunds),
        link=None if row.link_expires_at is None else LinkShown(row.link_expires_at, row.link_opened_at),
    )


def _refunds(tx: sa.Connection, attempt_ids: Sequence[str]) -> defaultdict[str, list[RefundShown]]:
    found: defaultdict[str, list[RefundShown]] = defaultdict(list)
    rows = tx.execute(
        sa.select(tables.refund, REFUND_UPDATED_AT.label("updated_at"))
        .where(tables.refund.c.attempt_id.in_(attempt_ids))
        .order_by(tables.refund.c.created_at, tables.refund.c.id)
    )
    for row in rows:
        found[row.attempt_id].append(refund_shown(row))
    return found


def refund_shown(row: sa.Row[Any]) -> RefundShown:
    """A row of `refund`, with `updated_at`."""
    copied = {field.name: getattr(row, field.name) for field in fields(RefundShown)}
    return RefundShown(**copied | {"state": RefundState(row.state)})
