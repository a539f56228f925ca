"""Bills in the database: found, and stored so that the same bill again changes nothing.

May import `ivr.bills.{bill,reservation}`, `ivr.storage` and the leaves. `upsert` never touches `paid_minor`
and `reserved_minor`: our ledger's word stands over a source that still says open. It locks the bill's row, so
that it and a reservation see each other. A source that says "paid" while a link for the bill is open is
heard: its word waits in a column of its own until the link is closed.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from ivr.bills.bill import Bill, BillChangeError, NewBill, Status
from ivr.bills.reservation import ELSEWHERE
from ivr.clock import Clock
from ivr.ids import Ids
from ivr.phone_numbers.identity import forms_of
from ivr.storage.engine import insert_of
from ivr.storage.schema import attempt, bill

OPEN_MAX = 20
"""More open bills than this under one phone number are nobody's to be offered by voice."""

_UNPAID = sa.and_(sa.not_(bill.c.withdrawn), bill.c.billed_minor > bill.c.paid_minor + ELSEWHERE)
_PAYABLE = sa.and_(
    sa.not_(bill.c.withdrawn),
    bill.c.billed_minor > bill.c.paid_minor + ELSEWHERE + bill.c.reserved_minor,
)

_OF_REFERENCE = sa.select(bill).where(bill.c.reference == sa.bindparam("wanted"))
_HELD = _OF_REFERENCE.with_for_update()
_OF_PHONE = (
    sa.select(bill)
    .where(bill.c.payer_phone.in_(sa.bindparam("forms", expanding=True)))
    .order_by(bill.c.due_date.is_(None), bill.c.due_date, bill.c.reference)
    .limit(OPEN_MAX)
)
_OPEN_FOR_PHONE = _OF_PHONE.where(_PAYABLE)
_UNPAID_FOR_PHONE = _OF_PHONE.where(_UNPAID)


LINK_CLOSES = (
    "its open link is closed first, which takes a minute: whoever pays by it until then is told by "
    "`paybycall doctor` and `payment show`"
)
"""What a door says where `waits_for_a_link`."""


class Change(StrEnum):
    """What storing a bill did."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


def find(tx: sa.Connection, reference: str) -> Bill | None:
    """The bill under this reference, or None."""
    row = tx.execute(_OF_REFERENCE, {"wanted": reference}).one_or_none()
    return None if row is None else Bill.from_row(row)


def get(tx: sa.Connection, bill_id: str) -> Bill:
    """The bill with this id; it is a bug to ask for one that is not there."""
    return Bill.from_row(tx.execute(sa.select(bill).where(bill.c.id == bill_id)).one())


def open_for_phone(tx: sa.Connection, phone: str) -> list[Bill]:
    """Bills of this E.164 number, in any of its forms, with something payable, the earliest due first;
    OPEN_MAX at most.
    """
    return [Bill.from_row(row) for row in tx.execute(_OPEN_FOR_PHONE, {"forms": forms_of(phone)})]


def unpaid_for_phone(tx: sa.Connection, phone: str) -> list[Bill]:
    """The same, with those all of whose rest is being paid."""
    return [Bill.from_row(row) for row in tx.execute(_UNPAID_FOR_PHONE, {"forms": forms_of(phone)})]


def latest(tx: sa.Connection, limit: int, *, only_payable: bool = False) -> list[Bill]:
    """The bills described last, the newest first."""
    query = sa.select(bill).order_by(bill.c.updated_at.desc(), bill.c.reference).limit(limit)
    return [Bill.from_row(row) for row in tx.execute(query.where(_PAYABLE) if only_payable else query)]


def upsert(tx: sa.Connection, new: NewBill, source: str, *, clock: Clock, ids: Ids) -> Change:
    """Stores the bill as its source now describes it; raises BillChangeError where that cannot be done now.

    Two that add the same bill at once: the second waits for the first, and then changes nothing.
    """
    standing = _locked(tx, new.reference)
    if standing is None:
        if _insert(tx, new, source, clock, ids):
            return Change.ADDED
        standing = _locked(tx, new.reference)
        if standing is None:
            raise RuntimeError("a bill stands in the way of its own insertion and cannot be read")
    wanted = _wanted(standing, new)
    if all(getattr(standing, name) == value for name, value in wanted.items()):
        return Change.UNCHANGED
    _refuse_what_cannot_be(tx, standing, new, wanted)
    tx.execute(
        bill.update().where(bill.c.id == standing.id).values(**wanted, source=source, updated_at=clock.now())
    )
    return Change.CHANGED


def waits_for_a_link(tx: sa.Connection, new: NewBill, change: Change) -> bool:
    """Whether a bill that was stored just now has an open link that is closed before its source's word, that
    it is paid or withdrawn, is the last one; a lower amount can mean that too. Nothing is asked of the
    database where another word changed nothing.
    """
    says_so = new.status in {Status.PAID, Status.WITHDRAWN} or new.paid_elsewhere_minor
    if change is Change.ADDED or (change is Change.UNCHANGED and not says_so):
        return False
    stored = find(tx, new.reference)
    if stored is None or not stored.reserved_minor:
        return False
    return stored.said_elsewhere_minor is not None or (stored.withdrawn and _held_by_links(tx, stored) > 0)


def _is_held_by_links(tx: sa.Connection, standing: Bill) -> bool:
    """Whether all that is reserved is reserved for links: these can be closed, a charge cannot."""
    return _held_by_links(tx, standing) == standing.reserved_minor


def _held_by_links(tx: sa.Connection, standing: Bill) -> int:
    """What links reserve of the bill, whether they are sent, open or being closed."""
    amount = sa.func.coalesce(sa.func.sum(attempt.c.amount_minor), 0)
    is_held = sa.and_(attempt.c.method == "link", attempt.c.settled_at.is_(None))
    query = sa.select(amount).where(attempt.c.bill_id == standing.id, is_held)
    return int(tx.execute(query).scalar_one())


def _locked(tx: sa.Connection, reference: str) -> Bill | None:
    """On PostgreSQL the row is locked; on SQLite the whole write transaction is alone."""
    row = tx.execute(_HELD, {"wanted": reference}).one_or_none()
    return None if row is None else Bill.from_row(row)


def _insert(tx: sa.Connection, new: NewBill, source: str, clock: Clock, ids: Ids) -> bool:
    """False where another transaction was first."""
    now = clock.now()
    values = {
        "id": ids.new("bill"),
        **_described(new),
        "paid_elsewhere_minor": _paid_elsewhere(new, paid_here_minor=0, standing_minor=0),
        "withdrawn": new.status is Status.WITHDRAWN,
        "source": source,
        "created_at": now,
        "updated_at": now,
    }
    insert = insert_of(tx)
    statement = insert(bill).values(values).on_conflict_do_nothing(index_elements=["reference"])
    return tx.execute(statement.returning(bill.c.id)).first() is not None


def _described(new: NewBill) -> dict[str, Any]:
    """What a source always says."""
    return {
        "reference": new.reference,
        "currency": new.currency,
        "billed_minor": new.billed_minor,
        "minimum_minor": new.minimum_minor,
        "due_date": new.due_date,
        "payer_phone": new.payer_phone,
    }


def _wanted(standing: Bill, new: NewBill) -> dict[str, Any]:
    """The columns as the source wants them; what it does not say stays. What was paid elsewhere waits where
    it leaves less than is reserved.
    """
    elsewhere_minor = _paid_elsewhere(
        new, paid_here_minor=standing.paid_minor, standing_minor=standing.elsewhere_minor
    )
    room_minor = new.billed_minor - standing.paid_minor - standing.reserved_minor
    waits = standing.reserved_minor > 0 and elsewhere_minor > room_minor
    return {
        **_described(new),
        "paid_elsewhere_minor": min(standing.paid_elsewhere_minor, room_minor) if waits else elsewhere_minor,
        "said_elsewhere_minor": elsewhere_minor if waits else None,
        "withdrawn": standing.withdrawn if new.status is None else new.status is Status.WITHDRAWN,
    }


def _paid_elsewhere(new: NewBill, *, paid_here_minor: int, standing_minor: int) -> int:
    """A source that says "paid" may have heard it from us: only what we did not take was paid elsewhere."""
    said = standing_minor if new.paid_elsewhere_minor is None else new.paid_elsewhere_minor
    if new.status is not Status.PAID:
        return said
    return max(said, new.billed_minor - paid_here_minor)


def _refuse_what_cannot_be(
    tx: sa.Connection, standing: Bill, new: NewBill, wanted: Mapping[str, Any]
) -> None:
    """Who heard euros is never charged dollars; while money is held, the bill stays large enough for it."""
    if wanted["currency"] != standing.currency:
        raise BillChangeError(
            "currency", "never changes: withdraw the bill, and bill anew under another reference"
        )
    if not standing.reserved_minor:
        return
    is_too_soon = wanted["said_elsewhere_minor"] is not None and not _is_held_by_links(tx, standing)
    if is_too_soon and new.status is Status.PAID:
        # whether that is meant, or money from elsewhere, shows once it is paid or let go
        raise BillChangeError("status", "cannot become paid while a part is being paid; try again later")
    if standing.paid_minor + standing.reserved_minor > wanted["billed_minor"]:
        raise BillChangeError(
            "amount", "cannot fall below what is paid and being paid this minute; try again later"
        )
    if is_too_soon:
        raise BillChangeError("paid_elsewhere", "leaves less than is being paid this minute; try again later")
