"""Bills in the database: a repeat changes nothing, our ledger's word stands, money that is held is never
undercut.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from ivr.bills import store
from ivr.bills.bill import Bill, BillChangeError, NewBill, Status
from ivr.bills.fields import read_bill
from ivr.bills.store import Change
from ivr.platform.database.engine import reading
from ivr.platform.ids import RandomIds
from tests.support.schema import bill
from tests.support.time_and_ids import ManualClock, SequentialIds

pytestmark = pytest.mark.postgres

GOOD = {
    "reference": "12345678",
    "amount": "100.00",
    "currency": "EUR",
    "minimum": "20",
    "phone": "+34600123456",
}


@pytest.fixture
def put(engine: sa.Engine, clock: ManualClock, ids: SequentialIds) -> Any:
    def put(**changed: str) -> Change:
        new = read_bill({**GOOD, **changed}, home_country="ES")
        with engine.begin() as tx:
            return store.upsert(tx, new, "api", clock=clock, ids=ids)

    return put


@pytest.fixture
def stored(engine: sa.Engine) -> Any:
    def stored() -> Bill:
        with reading(engine) as tx:
            found = store.find(tx, "12345678")
        assert found is not None
        return found

    return stored


@pytest.fixture
def move(engine: sa.Engine) -> Any:
    """Sets the columns that payments move."""

    def move(**minor: int) -> None:
        with engine.begin() as tx:
            tx.execute(bill.update().values(**minor))

    return move


def test_a_repeat_changes_nothing(put: Any, stored: Any, clock: ManualClock) -> None:
    assert put() is Change.ADDED
    first = stored()
    clock.advance(60)
    assert put() is Change.UNCHANGED
    assert stored() == first


def test_a_change_is_kept_with_its_moment(put: Any, stored: Any, clock: ManualClock) -> None:
    put()
    clock.advance(60)
    assert put(amount="90.00", due_date="2026-12-24") is Change.CHANGED
    changed = stored()
    assert (changed.billed_minor, str(changed.due_date)) == (9000, "2026-12-24")
    assert changed.updated_at == clock.now() > changed.created_at


def test_found_by_reference_id_and_nothing_else(engine: sa.Engine, put: Any, stored: Any) -> None:
    put()
    with reading(engine) as tx:
        assert store.find(tx, "12345679") is None
        assert store.find(tx, "12345678' OR '1'='1") is None
        assert store.get(tx, stored().id) == stored()


def test_what_is_payable(put: Any, stored: Any, move: Any) -> None:
    put()
    assert (stored().payable_minor, stored().minimum_payable_minor) == (10_000, 2_000)
    move(paid_minor=5_000, paid_elsewhere_minor=3_500)
    assert (stored().payable_minor, stored().minimum_payable_minor) == (1_500, 1_500)
    move(reserved_minor=1_500)
    assert (stored().payable_minor, stored().is_being_paid, stored().is_paid) == (0, True, False)
    move(reserved_minor=0, paid_minor=12_000)
    assert (stored().payable_minor, stored().is_paid, stored().status) == (0, True, Status.PAID)


def test_being_paid_leaves_room_for_another_payment(put: Any, stored: Any, move: Any) -> None:
    put()
    move(reserved_minor=5_000)
    assert not stored().is_being_paid
    move(reserved_minor=9_000)
    assert stored().is_being_paid


def test_our_ledger_overrides_a_source_that_still_says_open(put: Any, stored: Any, move: Any) -> None:
    put()
    move(paid_minor=10_000)
    assert put(status="open", paid_elsewhere="0") is Change.UNCHANGED
    assert stored().payable_minor == 0
    assert stored().is_paid


def test_a_source_that_says_paid_repeats_what_we_took(put: Any, stored: Any, move: Any) -> None:
    put()
    move(paid_minor=10_000)
    assert put(status="paid") is Change.UNCHANGED
    assert stored().paid_elsewhere_minor == 0


def test_paid_at_the_counter(put: Any, stored: Any) -> None:
    put()
    assert put(status="paid") is Change.CHANGED
    assert (stored().paid_elsewhere_minor, stored().is_paid) == (10_000, True)
    assert put(status="paid") is Change.UNCHANGED
    assert put() is Change.UNCHANGED  # what a source does not say stays
    assert put(paid_elsewhere="0") is Change.CHANGED
    assert stored().payable_minor == 10_000


def test_withdrawn_until_it_is_open_again(put: Any, stored: Any) -> None:
    put(status="withdrawn")
    assert (stored().payable_minor, stored().status) == (0, Status.WITHDRAWN)
    assert put() is Change.UNCHANGED
    assert put(status="open") is Change.CHANGED
    assert stored().payable_minor == 10_000


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"amount": "79.99"}, "amount"),
        ({"paid_elsewhere": "20.01"}, "paid_elsewhere"),
        ({"status": "paid"}, "status"),
        ({"amount": "80.00", "status": "paid"}, "status"),
    ],
)
def test_money_that_is_held_is_never_undercut(
    put: Any, stored: Any, move: Any, changed: dict[str, str], field: str
) -> None:
    put()
    move(paid_minor=3_000, reserved_minor=5_000)
    before = stored()
    with pytest.raises(BillChangeError, match=f"^{field}"):
        put(**changed)
    assert stored() == before
    assert put(amount="80.00") is Change.CHANGED
    assert stored().paid_elsewhere_minor == 0


def test_paid_at_the_counter_while_a_card_was_charged(put: Any, stored: Any, move: Any) -> None:
    """Who said "paid" is told to say it again: taken for an echo of the charge, it is forgotten with it."""
    put()
    move(reserved_minor=10_000)
    with pytest.raises(BillChangeError, match="try again later"):
        put(status="paid")
    move(reserved_minor=0)
    assert put(status="paid") is Change.CHANGED
    assert stored().payable_minor == 0


def test_the_currency_never_changes(put: Any, stored: Any) -> None:
    put()
    with pytest.raises(BillChangeError, match=r"^currency"):
        put(currency="USD")
    assert stored().currency == "EUR"


def test_a_settled_bill_may_be_credited(put: Any, stored: Any, move: Any) -> None:
    put()
    move(paid_minor=10_000)
    assert put(amount="60.00") is Change.CHANGED
    assert (stored().payable_minor, stored().is_paid) == (0, True)


def test_open_bills_of_a_phone(engine: sa.Engine, put: Any, move: Any) -> None:
    put(reference="10000001")
    put(reference="10000002", due_date="2026-12-24")
    put(reference="10000003", due_date="2026-12-01")
    put(reference="10000004", status="paid")
    put(reference="10000005", status="withdrawn")
    put(reference="10000006", phone="+34600999999")
    with reading(engine) as tx:
        found = store.open_for_phone(tx, "+34600123456")
        assert [one.reference for one in found] == ["10000003", "10000002", "10000001"]
        assert store.open_for_phone(tx, "") == []


def test_two_that_add_the_same_bill_at_once(engine: sa.Engine, clock: ManualClock) -> None:
    new: NewBill = read_bill(GOOD, home_country="ES")
    ids = RandomIds()

    def add(_: int) -> Change:
        with engine.begin() as tx:
            return store.upsert(tx, new, "api", clock=clock, ids=ids)

    with ThreadPoolExecutor(6) as pool:
        changes = sorted(pool.map(add, range(12)))
    assert changes == [Change.ADDED] + [Change.UNCHANGED] * 11
