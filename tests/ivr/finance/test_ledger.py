"""The ledger: every entry balances, and no charge or refund has two."""

from datetime import datetime

import pytest
import sqlalchemy as sa

from ivr.finance import ledger
from ivr.finance.ledger import Entry, EntryKind, Line, UnbalancedError
from tests.support import schema
from tests.support.payment_services import PaymentServices

pytestmark = pytest.mark.postgres


@pytest.fixture
def services(engine: sa.Engine) -> PaymentServices:
    return PaymentServices(engine)


def _charge(
    services: PaymentServices, tx: sa.Connection, bill_id: str, attempt_id: str, amount_minor: int = 1_000
) -> Entry:
    return ledger.post(
        tx,
        EntryKind.CHARGE,
        attempt_id,
        ids=services.ids,
        bill_id=bill_id,
        gateway="bank",
        amount_minor=amount_minor,
        currency="EUR",
        at=services.clock.now(),
    )


def test_a_charge_is_owed_by_the_gateway(services: PaymentServices) -> None:
    bill_id = services.add_bill()
    with services.engine.begin() as tx:
        entry = _charge(services, tx, bill_id, "attempt_1")
        assert sum(line.amount_minor for line in entry.lines) == 0
        assert _kept(tx) == [
            (EntryKind.CHARGE, "attempt_1", bill_id, "bills:paid", -1_000, "EUR"),
            (EntryKind.CHARGE, "attempt_1", bill_id, "gateway:bank:receivable", 1_000, "EUR"),
        ]
        assert ledger.balance(tx, "gateway:bank:receivable") == {"EUR": 1_000}
        assert ledger.balance(tx, "bills:paid") == {"EUR": -1_000}
        assert ledger.balance(tx, "nobody") == {}
        assert ledger.unbalanced(tx) == []


def test_a_refund_turns_its_charge_round(services: PaymentServices) -> None:
    bill_id = services.add_bill()
    with services.engine.begin() as tx:
        _charge(services, tx, bill_id, "attempt_1")
        ledger.post(
            tx,
            EntryKind.REFUND,
            "refund_1",
            ids=services.ids,
            bill_id=bill_id,
            gateway="bank",
            amount_minor=400,
            currency="EUR",
            at=services.clock.now(),
        )
        assert ledger.balance(tx, "gateway:bank:receivable") == {"EUR": 600}
        assert ledger.balance(tx, "bills:paid") == {"EUR": -600}


def test_a_charge_is_never_posted_twice(services: PaymentServices) -> None:
    bill_id = services.add_bill()
    with services.engine.begin() as tx:
        _charge(services, tx, bill_id, "attempt_1")
    with pytest.raises(sa.exc.IntegrityError), services.engine.begin() as tx:
        _charge(services, tx, bill_id, "attempt_1")
    with services.engine.begin() as tx:
        assert ledger.balance(tx, "bills:paid") == {"EUR": -1_000}


@pytest.mark.parametrize(
    "lines",
    [
        (Line("a", 100, "EUR"), Line("b", -99, "EUR")),
        (Line("a", 100, "EUR"), Line("b", -100, "USD")),
        (Line("a", 0, "EUR"), Line("b", 0, "EUR")),
        (),
    ],
)
def test_an_entry_that_does_not_balance_is_refused(
    services: PaymentServices, lines: tuple[Line, ...]
) -> None:
    at: datetime = services.clock.now()
    with services.engine.begin() as tx, pytest.raises(UnbalancedError):
        ledger._write(
            tx, Entry("entry_1", EntryKind.CHARGE, "attempt_1", services.add_bill.__name__, at, lines)
        )


def test_broken_books_are_seen(services: PaymentServices) -> None:
    """Each entry by itself: two faults that cancel out are two faults."""
    bill_id = services.add_bill()
    lines = schema.ledger_line
    with services.engine.begin() as tx:
        entries = [_charge(services, tx, bill_id, f"attempt_{number}") for number in range(5)]
        more, less, bare, other, _whole = [entry.id for entry in entries]
        here = lines.c.account == "bills:paid"
        tx.execute(sa.update(lines).where(here, lines.c.entry_id == more).values(amount_minor=-1_001))
        tx.execute(sa.update(lines).where(here, lines.c.entry_id == less).values(amount_minor=-999))
        tx.execute(sa.delete(lines).where(lines.c.entry_id == bare))
        tx.execute(sa.update(lines).where(here, lines.c.entry_id == other).values(currency="USD"))
        assert ledger.unbalanced(tx) == sorted([more, less, bare, other])


def _kept(tx: sa.Connection) -> list[tuple[object, ...]]:
    """Every line with its entry."""
    entry, line = schema.ledger_entry.c, schema.ledger_line.c
    query = sa.select(
        entry.kind, entry.source_id, entry.bill_id, line.account, line.amount_minor, line.currency
    )
    joined = query.join(schema.ledger_line, line.entry_id == entry.id).order_by(entry.id, line.account)
    return [tuple(row) for row in tx.execute(joined)]
