"""The ledger: every entry balances, and no charge or refund has two."""

from datetime import datetime

import pytest
import sqlalchemy as sa

from ivr.finance import ledger
from ivr.finance.ledger import Entry, Kind, Line, UnbalancedError
from tests.support.till import Till


@pytest.fixture
def till(engine: sa.Engine) -> Till:
    return Till(engine)


def _charge(till: Till, tx: sa.Connection, bill_id: str, attempt_id: str, amount_minor: int = 1_000) -> Entry:
    return ledger.post_charge(
        tx,
        ids=till.ids,
        attempt_id=attempt_id,
        bill_id=bill_id,
        gateway="bank",
        amount_minor=amount_minor,
        currency="EUR",
        at=till.clock.now(),
    )


def test_a_charge_is_owed_by_the_gateway(till: Till) -> None:
    bill_id = till.add_bill()
    with till.engine.begin() as tx:
        entry = _charge(till, tx, bill_id, "attempt_1")
        assert sum(line.amount_minor for line in entry.lines) == 0
        assert ledger.for_attempt(tx, "attempt_1") == [
            Entry(
                entry.id,
                Kind.CHARGE,
                "attempt_1",
                bill_id,
                till.clock.now(),
                (Line("bills:paid", -1_000, "EUR"), Line("gateway:bank:receivable", 1_000, "EUR")),
            )
        ]
        assert ledger.balance(tx, "gateway:bank:receivable") == {"EUR": 1_000}
        assert ledger.balance(tx, "bills:paid") == {"EUR": -1_000}
        assert ledger.balance(tx, "nobody") == {}
        assert ledger.difference(tx) == {}


def test_a_refund_turns_its_charge_round(till: Till) -> None:
    bill_id = till.add_bill()
    with till.engine.begin() as tx:
        _charge(till, tx, bill_id, "attempt_1")
        ledger.post_refund(
            tx,
            ids=till.ids,
            refund_id="refund_1",
            bill_id=bill_id,
            gateway="bank",
            amount_minor=400,
            currency="EUR",
            at=till.clock.now(),
        )
        assert ledger.balance(tx, "gateway:bank:receivable") == {"EUR": 600}
        assert ledger.balance(tx, "bills:paid") == {"EUR": -600}


def test_a_charge_is_never_posted_twice(till: Till) -> None:
    bill_id = till.add_bill()
    with till.engine.begin() as tx:
        _charge(till, tx, bill_id, "attempt_1")
    with pytest.raises(sa.exc.IntegrityError), till.engine.begin() as tx:
        _charge(till, tx, bill_id, "attempt_1")
    with till.engine.begin() as tx:
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
def test_an_entry_that_does_not_balance_is_refused(till: Till, lines: tuple[Line, ...]) -> None:
    at: datetime = till.clock.now()
    with till.engine.begin() as tx, pytest.raises(UnbalancedError):
        ledger._post(tx, Entry("entry_1", Kind.CHARGE, "attempt_1", till.add_bill.__name__, at, lines))


def test_broken_books_are_seen(till: Till) -> None:
    from ivr.storage import schema

    bill_id = till.add_bill()
    with till.engine.begin() as tx:
        _charge(till, tx, bill_id, "attempt_1")
        tx.execute(
            sa.update(schema.ledger_line)
            .where(schema.ledger_line.c.account == "bills:paid")
            .values(amount_minor=-1)
        )
        assert ledger.difference(tx) == {"EUR": 999}
