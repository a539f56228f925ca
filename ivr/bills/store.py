"""Bills in the database: found, and stored so that the same bill again changes nothing.

Storing never touches `paid_minor` and `reserved_minor`: our ledger's word stands over a source that still
says open. It locks the bill's row, so that it and a reservation see each other. A source that says "paid"
while a link for the bill is open is heard: its word waits in a column of its own until the link is closed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from ivr.bills.bill import Bill, BillChangeError, NewBill, Status
from ivr.bills.reservation import ELSEWHERE
from ivr.bills.tables import bill
from ivr.payments.views import IS_LINK_NOT_ENDED, attempt
from ivr.platform.clock import Clock
from ivr.platform.database.engine import insert_of
from ivr.platform.ids import Ids
from ivr.platform.phone_numbers import forms_of

OPEN_MAX = 20
"""More open bills than this under one phone number are nobody's to be offered by voice."""

_ROWS_AT_ONCE = 500

_UNPAID = sa.and_(sa.not_(bill.c.withdrawn), bill.c.billed_minor > bill.c.paid_minor + ELSEWHERE)
_PAYABLE = sa.and_(
    sa.not_(bill.c.withdrawn),
    bill.c.billed_minor > bill.c.paid_minor + ELSEWHERE + bill.c.reserved_minor,
)

_OF_REFERENCE = sa.select(bill).where(bill.c.reference == sa.bindparam("wanted"))
_HELD = (
    sa.select(bill)
    .where(bill.c.reference.in_(sa.bindparam("wanted", expanding=True)))
    .order_by(bill.c.reference)
    .with_for_update()
)
_OF_PHONE = (
    sa.select(bill)
    .where(bill.c.payer_phone.in_(sa.bindparam("forms", expanding=True)))
    .order_by(bill.c.due_date.is_(None), bill.c.due_date, bill.c.reference)
    .limit(OPEN_MAX)
)
_OPEN_FOR_PHONE = _OF_PHONE.where(_PAYABLE)
_UNPAID_FOR_PHONE = _OF_PHONE.where(_UNPAID)


LINK_CLOSES = (
    "its open payment link is closed first, which takes a minute; if somebody pays through it before that, "
    "`paybycall doctor` and `payment show` report it"
)
"""What a door says where `Stored.closes_link`."""


class Change(StrEnum):
    """What storing a bill did."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Stored:
    """A bill that was stored."""

    change: Change
    closes_link: bool = False
    """It has an open link that is closed before its source's word, that it is paid or withdrawn, is the last
    one; a lower amount can mean that too.
    """


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


def updated_within(
    tx: sa.Connection, *, since: datetime | None, until: datetime | None, only_payable: bool = False
) -> Iterator[Bill]:
    """The bills that were updated from `since` on, up to `until` without it, the earliest first."""
    query = sa.select(bill).order_by(bill.c.updated_at, bill.c.reference)
    wanted = [_PAYABLE] if only_payable else []
    wanted += [] if since is None else [bill.c.updated_at >= since]
    wanted += [] if until is None else [bill.c.updated_at < until]
    rows = tx.execute(query.where(*wanted).execution_options(yield_per=_ROWS_AT_ONCE))
    return (Bill.from_row(row) for row in rows)


def upsert(tx: sa.Connection, new: NewBill, source: str, *, clock: Clock, ids: Ids) -> Change:
    """Stores the bill as its source describes it; raises BillChangeError where that cannot be done now."""
    [stored] = upsert_all(tx, [new], source, clock=clock, ids=ids)
    if isinstance(stored, BillChangeError):
        raise stored
    return stored.change


def upsert_all(
    tx: sa.Connection, bills: Sequence[NewBill], source: str, *, clock: Clock, ids: Ids
) -> list[Stored | BillChangeError]:
    """Stores the bills, each of another reference, as their source now describes them; what became of each,
    in their order.

    Two that add the same bills at once: the second waits for the first. Both go by the order of the
    references, those that are new before those that stand, so that neither waits for the other in a circle.
    """
    in_order = sorted(bills, key=lambda new: new.reference)
    made, are_all_new = _insert(tx, in_order, source, clock, ids)
    standing = {} if are_all_new else _locked(tx, [new.reference for new in in_order])
    results: dict[str, Stored | BillChangeError] = {}
    changed: list[dict[str, Any]] = []
    for new in in_order:
        row = standing.get(new.reference)
        if row is None or row.id == made[new.reference]:
            results[new.reference] = Stored(Change.ADDED)
        else:
            results[new.reference] = _change(tx, Bill.from_row(row), new, changed)
    if changed:
        now = clock.now()
        values = [{**one, "source": source, "updated_at": now} for one in changed]
        tx.execute(bill.update().where(bill.c.id == sa.bindparam("standing_id")), values)
    return [results[new.reference] for new in bills]


def _locked(tx: sa.Connection, references: Sequence[str]) -> dict[str, sa.Row[Any]]:
    """On PostgreSQL the rows are locked; on SQLite the whole write transaction is alone."""
    return {row.reference: row for row in tx.execute(_HELD, {"wanted": references})}


def _change(
    tx: sa.Connection, standing: Bill, new: NewBill, changed: list[dict[str, Any]]
) -> Stored | BillChangeError:
    """What becomes of a bill that stands; its new values, if any, are added to `changed`."""
    wanted = _wanted(standing, new)
    if all(getattr(standing, name) == value for name, value in wanted.items()):
        says_so = new.status in {Status.PAID, Status.WITHDRAWN} or bool(new.paid_elsewhere_minor)
        return Stored(Change.UNCHANGED, says_so and _closes_link(tx, standing, wanted))
    try:
        _refuse_what_cannot_be(tx, standing, new, wanted)
    except BillChangeError as fault:
        return fault
    changed.append({**wanted, "standing_id": standing.id})
    return Stored(Change.CHANGED, _closes_link(tx, standing, wanted))


def _closes_link(tx: sa.Connection, standing: Bill, wanted: Mapping[str, Any]) -> bool:
    if not standing.reserved_minor:
        return False
    waits = wanted["said_elsewhere_minor"] is not None
    return waits or (wanted["withdrawn"] and _held_by_links(tx, standing) > 0)


def _is_held_by_links(tx: sa.Connection, standing: Bill) -> bool:
    """Whether all that is reserved is reserved for links: these can be closed, a charge cannot."""
    return _held_by_links(tx, standing) == standing.reserved_minor


def _held_by_links(tx: sa.Connection, standing: Bill) -> int:
    """What links reserve of the bill, whether they are sent, open or being closed."""
    amount = sa.func.coalesce(sa.func.sum(attempt.c.amount_minor), 0)
    query = sa.select(amount).where(attempt.c.bill_id == standing.id, IS_LINK_NOT_ENDED)
    return int(tx.execute(query).scalar_one())


def _insert(
    tx: sa.Connection, bills: Sequence[NewBill], source: str, clock: Clock, ids: Ids
) -> tuple[dict[str, str], bool]:
    """Adds those that are new, under the ids that are given back by reference, and whether all are. Which of
    them are, the ids of the rows say: an answer for each row would cost more than the rest of an import.
    """
    now = clock.now()
    made = {new.reference: ids.new("bill") for new in bills}
    values = [
        {
            "id": made[new.reference],
            **_described(new),
            "paid_elsewhere_minor": _paid_elsewhere(new, paid_here_minor=0, standing_minor=0),
            "withdrawn": new.status is Status.WITHDRAWN,
            "source": source,
            "created_at": now,
            "updated_at": now,
        }
        for new in bills
    ]
    insert = insert_of(tx)(bill).on_conflict_do_nothing(index_elements=["reference"])
    done = tx.execute(insert, values, execution_options={"preserve_rowcount": True})
    return made, done.rowcount == len(values)


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
            "currency", "cannot change: withdraw the bill, and add a new one with another reference"
        )
    if not standing.reserved_minor:
        return
    is_too_soon = wanted["said_elsewhere_minor"] is not None and not _is_held_by_links(tx, standing)
    if is_too_soon and new.status is Status.PAID:
        # whether that is meant, or money from elsewhere, shows once it is paid or let go
        raise BillChangeError(
            "status", "cannot be set to paid while a part of the bill is being paid; try again later"
        )
    if standing.paid_minor + standing.reserved_minor > wanted["billed_minor"]:
        raise BillChangeError(
            "amount", "cannot be less than what is paid and being paid right now; try again later"
        )
    if is_too_soon:
        raise BillChangeError("paid_elsewhere", "leaves less than is being paid right now; try again later")
