"""The way back to our books: a payment is found by whatever finance holds, and no table is read whole."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from gateways.events import DisputeState, DisputeUpdated, PayoutSettled
from gateways.settlement import LineKind, PayoutLine
from ivr.finance import disputes, payout_queries
from ivr.payments.queries import search
from ivr.payments.queries.search import NameKind, PaymentMatch
from ivr.platform.database.engine import reading
from tests.support import schema
from tests.support.fake_gateway import WITH_WEBHOOKS, FakeGateway
from tests.support.link_gateway import LinkGateway
from tests.support.payment_services import PaymentServices
from tests.support.time_and_ids import ManualClock

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PAYOUT = PayoutSettled("po_1", 0, "EUR", NOON)


@pytest.fixture
def bank() -> FakeGateway:
    return FakeGateway(WITH_WEBHOOKS)


def found(services: PaymentServices, name: str) -> PaymentMatch | None:
    with reading(services.engine) as tx:
        return search.find(tx, name)


def ids(services: PaymentServices, name: str) -> list[str]:
    """The payments of that name, in their order."""
    known = found(services, name)
    return [] if known is None else [payment.id for payment in known.payments]


def line(kind: LineKind, source: str, charge: str | None, **ours: str | None) -> PayoutLine:
    """A line of a payout; `ours` are the keys that the gateway repeats."""
    keys = {"order_key": None, "refund_key": None, **ours}
    return PayoutLine(
        f"txn_{source}", kind, kind, 100, 0, 100, "EUR", NOON, NOON, charge, source_reference=source, **keys
    )


def tell_of_payout(services: PaymentServices, bank: FakeGateway, *lines: PayoutLine) -> str:
    """Our id of the payout, whose lines are read."""
    bank.lines = lines
    services.receive(PAYOUT, "evt_payout")
    services.run_due()
    with reading(services.engine) as tx:
        return str(tx.execute(sa.select(schema.payout.c.id)).scalar_one())


def tell_of_dispute(services: PaymentServices, charge: str, dispute: str = "dp_1") -> None:
    told = DisputeUpdated(dispute, charge, 4_000, "EUR", "fraudulent", DisputeState.OPEN, NOON)
    services.receive(told, f"evt_{dispute}")


@pytest.mark.postgres
def test_by_its_own_names_and_the_gateways(services: PaymentServices) -> None:
    services.paid()
    paid = services.paid()
    with services.engine.begin() as tx:
        refund = services.payments.refunds.ask(tx, paid, 1_000, asked_by="ana")
    services.run_due()
    with reading(services.engine) as tx:
        back = tx.execute(sa.select(schema.refund.c.gateway_reference)).scalar_one()
    assert back is not None
    for name in (paid, services.attempt(paid).reference, f"ref_{paid}", refund.id, back):
        assert ids(services, name) == [paid], name
        with reading(services.engine) as tx:
            one = search.one(tx, name)
        assert one is not None
        assert one.id == paid


@pytest.mark.parametrize("name", ["", "%", "pi_none", "99999999", "call_none", "CA00", "' OR 1=1", "None"])
def test_what_nothing_is_called(services: PaymentServices, name: str) -> None:
    services.paid()
    tell_of_dispute(services, "ref_of_nobody")
    assert found(services, name) is None


@pytest.mark.postgres
def test_a_call_and_a_bill_have_all_of_theirs(services: PaymentServices) -> None:
    call = services.begin_call()
    bill = services.add_bill()
    with reading(services.engine) as tx:
        reference = tx.execute(sa.select(schema.bill.c.reference)).scalar_one()
    assert found(services, call) == PaymentMatch(NameKind.CALL, ())
    assert found(services, reference) == PaymentMatch(NameKind.BILL, ())
    first = services.make(bill, 1_000, call_id=call)
    services.clock.advance(1)
    second = services.make(bill, 1_000, call_id=call)
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.call).values(call_sid="CA1"))
    for name, of in ((call, NameKind.CALL), ("CA1", NameKind.CALL), (reference, NameKind.BILL)):
        known = found(services, name)
        assert known is not None
        assert (known.of, [one.id for one in known.payments]) == (of, [first, second])
        with reading(services.engine) as tx:
            assert search.one(tx, name) is None, "nobody guesses which"


@pytest.mark.postgres
def test_the_payers_reference_goes_before_a_bill_of_the_same_digits(services: PaymentServices) -> None:
    paid = services.paid()
    reference = services.attempt(paid).reference
    with reading(services.engine) as tx:
        its_bill = tx.execute(sa.select(schema.bill.c.reference)).scalar_one()
    other = services.add_bill()
    assert services.make(other) is not None
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.bill).where(schema.bill.c.id == other).values(reference=reference))
    known = found(services, reference)
    assert known is not None
    assert (known.of, [one.id for one in known.payments], known.also_a_bill) == (
        NameKind.PAYMENT,
        [paid],
        True,
    )
    assert ids(services, its_bill) == [paid]


def test_a_link_by_its_page(engine: sa.Engine) -> None:
    clock = ManualClock()
    services = PaymentServices(engine, clock, bank=LinkGateway(clock))
    linked = services.linked()
    services.run_due()
    assert ids(services, f"page_{linked}") == [linked]


@pytest.mark.postgres
def test_search_finds_a_dispute_that_came_before_its_charge(services: PaymentServices) -> None:
    paid = services.paid()
    tell_of_dispute(services, f"ref_{paid}", "dp_1")
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(gateway_reference=None))
    tell_of_dispute(services, "ch_early", "dp_2")
    assert ids(services, "dp_2") == []
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(gateway_reference="ch_early"))
    for name in ("dp_1", "dp_2", f"ref_{paid}"):
        assert ids(services, name) == [paid], name
    with reading(services.engine) as tx:
        shown = disputes.of_payment(tx, "bank", paid, "ch_early")
        assert disputes.of_payment(tx, "other", "attempt_none", "ch_early") == []
        listed = disputes.listed(tx, 10)
    assert {one.payment for one in listed} == {services.attempt(paid).reference}
    assert [one.reference for one in shown] == ["dp_1", "dp_2"]


def test_a_charge_that_only_a_payout_names(services: PaymentServices, bank: FakeGateway) -> None:
    first, second = services.paid(), services.paid()
    tell_of_payout(
        services,
        bank,
        line(LineKind.CHARGE, "ch_1", "pi_by_key", order_key=first),
        line(LineKind.CHARGE, "ch_2", f"ref_{second}"),
        line(LineKind.CHARGE, "ch_3", "pi_of_nobody", order_key="attempt_of_nobody"),
        line(LineKind.FEE, "fee_1", None),
    )
    for name, attempt_id in (("ch_1", first), ("pi_by_key", first), ("ch_2", second)):
        assert ids(services, name) == [attempt_id], name
    assert found(services, "ch_3") is None
    assert found(services, "fee_1") is None


@pytest.mark.postgres
def test_another_gateways_reference_is_not_mistaken_for_ours(
    services: PaymentServices, bank: FakeGateway
) -> None:
    paid = services.paid()
    payout = tell_of_payout(services, bank, line(LineKind.CHARGE, "ch_1", f"ref_{paid}"))
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.payout).values(gateway="other"))
    assert found(services, "ch_1") is None
    with reading(services.engine) as tx:
        [shown] = payout_queries.lines(tx, payout, "other")
    assert shown.payment is None


@pytest.mark.postgres
def test_each_line_of_a_payout_names_our_payment_and_our_refund(
    services: PaymentServices, bank: FakeGateway
) -> None:
    paid, other = services.paid(), services.paid()
    with services.engine.begin() as tx:
        by_key = services.payments.refunds.ask(tx, paid, 1_000, asked_by="ana")
        by_reference = services.payments.refunds.ask(tx, other, 1_000, asked_by="ana")
    payout = tell_of_payout(
        services,
        bank,
        line(LineKind.CHARGE, "ch_1", f"ref_{paid}", order_key=paid),
        line(LineKind.DISPUTE, "dp_1", f"ref_{paid}"),
        line(LineKind.REFUND, "re_1", "pi_x", refund_key=by_key.id),
        line(LineKind.REFUND, "re_2", None),
        line(LineKind.REFUND, "re_3", f"ref_{paid}", refund_key="refund_of_nobody"),
        line(LineKind.FEE, "xx_1", None),
    )
    told_by_reference = schema.refund.c.id == by_reference.id
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.refund).where(told_by_reference).values(gateway_reference="re_2"))
        lines = payout_queries.lines(tx, payout, "bank")
    of_paid, of_other = services.attempt(paid).reference, services.attempt(other).reference
    assert [(one.source_reference, one.payment, one.refund_id) for one in lines] == [
        ("ch_1", of_paid, None),
        ("dp_1", of_paid, None),
        ("re_1", of_paid, by_key.id),
        ("re_2", of_other, by_reference.id),
        ("re_3", of_paid, None),
        ("xx_1", None, None),
    ]


def test_no_look_up_reads_a_whole_table(engine: sa.Engine) -> None:
    plans: list[str] = []

    def explain(connection: sa.Connection, *statement: object) -> None:
        _, sql, parameters, *_ = statement
        if str(sql).startswith("SELECT"):
            cursor = connection.connection.cursor()
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
            plans.extend(str(row[3]) for row in cursor.fetchall())

    sa.event.listen(engine, "before_cursor_execute", explain)
    with reading(engine) as tx:
        assert search.find(tx, "pi_none") is None
        assert disputes.of_payment(tx, "bank", "attempt_1", "pi_none") == []
        assert payout_queries.lines(tx, "payout_1", "bank") == []
    assert len(plans) > 20
    assert [plan for plan in plans if plan.startswith("SCAN")] == []
