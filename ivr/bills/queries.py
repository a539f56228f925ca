"""Bills as programs list them: in the order of their last change, chosen by reference, status and time."""

from datetime import datetime

import sqlalchemy as sa

from ivr.bills.bill import Bill, Status
from ivr.bills.reservation import ELSEWHERE
from ivr.bills.tables import bill
from ivr.platform.database import change_feed as feed

_IS_PAID = bill.c.paid_minor + ELSEWHERE >= bill.c.billed_minor
_STATUS = {
    Status.OPEN: sa.and_(sa.not_(bill.c.withdrawn), sa.not_(_IS_PAID)),
    Status.PAID: sa.and_(sa.not_(bill.c.withdrawn), _IS_PAID),
    Status.WITHDRAWN: bill.c.withdrawn,
}
"""As `Bill.status` says it."""


def changed(
    tx: sa.Connection,
    *,
    reference: str | None = None,
    status: Status | None = None,
    made_from: datetime | None = None,
    made_until: datetime | None = None,
    cursor: str = "",
    since: datetime | None = None,
    limit: int,
    now: datetime,
) -> feed.Page[Bill]:
    """Bills that changed after the cursor, or from `since` on. `made_until` is the first moment that is too
    late. Raises BadCursorError.
    """
    query = sa.select(bill, bill.c.updated_at.label("feed_at"), bill.c.id.label("feed_key"))
    if reference is not None:
        query = query.where(bill.c.reference == reference)
    if status is not None:
        query = query.where(_STATUS[status])
    if made_from is not None:  # no bill changed before it was made: the index is read from there
        query = query.where(bill.c.created_at >= made_from, bill.c.updated_at >= made_from)
    if made_until is not None:
        query = query.where(bill.c.created_at < made_until)
    return feed.page(
        tx,
        query,
        Bill.from_row,
        name="bills",
        at=bill.c.updated_at,
        key=bill.c.id,
        cursor=cursor,
        since=since,
        limit=limit,
        now=now,
    )
