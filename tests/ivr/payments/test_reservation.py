"""What is paid and reserved never exceeds what is billed, by one conditional UPDATE each."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from ivr.bills import reservation
from tests.support import schema
from tests.support.payment_services import PaymentServices

pytestmark = pytest.mark.postgres


@pytest.fixture
def bill_id(services: PaymentServices) -> str:
    return services.add_bill(10_000)


def test_reserving_takes_what_is_due_and_no_more(services: PaymentServices, bill_id: str) -> None:
    with services.engine.begin() as tx:
        assert reservation.reserve(tx, bill_id, 6_000, services.clock.now())
        assert not reservation.reserve(tx, bill_id, 4_001, services.clock.now())
        assert reservation.reserve(tx, bill_id, 4_000, services.clock.now())
    assert services.bill(bill_id) == (0, 10_000)


def test_a_refusal_leaves_the_callers_transaction_alive(services: PaymentServices, bill_id: str) -> None:
    with services.engine.begin() as tx:
        assert not reservation.reserve(tx, bill_id, 10_001, services.clock.now())
        assert reservation.reserve(tx, bill_id, 1, services.clock.now())
    assert services.bill(bill_id) == (0, 1)


def test_what_was_paid_elsewhere_is_not_due(services: PaymentServices, bill_id: str) -> None:
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.bill).values(paid_elsewhere_minor=9_000))
        assert not reservation.reserve(tx, bill_id, 1_001, services.clock.now())
        assert reservation.reserve(tx, bill_id, 1_000, services.clock.now())


def test_a_withdrawn_or_unknown_bill_is_not_due(services: PaymentServices, bill_id: str) -> None:
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.bill).values(withdrawn=True))
        assert not reservation.reserve(tx, bill_id, 1, services.clock.now())
        assert not reservation.reserve(tx, "bill_none", 1, services.clock.now())


@pytest.mark.parametrize("amount_minor", [0, -1])
def test_an_amount_that_is_not_above_zero_is_a_bug(
    services: PaymentServices, bill_id: str, amount_minor: int
) -> None:
    with services.engine.begin() as tx, pytest.raises(ValueError, match="above zero"):
        reservation.reserve(tx, bill_id, amount_minor, services.clock.now())


def test_settling_releasing_and_giving_back(services: PaymentServices, bill_id: str) -> None:
    now = services.clock.now()
    with services.engine.begin() as tx:
        reservation.reserve(tx, bill_id, 7_000, now)
        reservation.settle(tx, bill_id, 5_000, now)
        reservation.release(tx, bill_id, 2_000, now)
    assert services.bill(bill_id) == (5_000, 0)
    with services.engine.begin() as tx:
        reservation.give_back(tx, bill_id, 1_500, now)
    assert services.bill(bill_id) == (3_500, 0)


@pytest.mark.parametrize("move", [reservation.settle, reservation.release, reservation.give_back])
def test_money_that_is_not_there_is_a_bug_and_changes_nothing(
    services: PaymentServices, bill_id: str, move: Callable[..., None]
) -> None:
    with pytest.raises(reservation.ReservationError), services.engine.begin() as tx:
        move(tx, bill_id, 1, services.clock.now())
    assert services.bill(bill_id) == (0, 0)


@pytest.mark.parametrize(
    ("elsewhere_minor", "reserved_minor", "fits"),
    [(3_000, 3_000, True), (3_000, 3_001, False), (0, 6_000, True), (0, 6_001, False), (9_000, 0, True)],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_returned_refund_is_not_booked_while_the_bill_is_held_or_paid_elsewhere(
    services: PaymentServices, bill_id: str, elsewhere_minor: int, reserved_minor: int, *, fits: bool
) -> None:
    """Where somebody is just paying that part, nothing is changed, and the caller's transaction lives on."""
    with services.engine.begin() as tx:
        held = {"paid_elsewhere_minor": elsewhere_minor, "reserved_minor": reserved_minor}
        tx.execute(sa.update(schema.bill).values(**held))
        assert reservation.paid_after_all(tx, bill_id, 4_000, services.clock.now()) is fits
        over_minor = reservation.overpaid_minor(tx, bill_id)
    assert services.bill(bill_id) == (4_000 if fits else 0, reserved_minor)
    assert over_minor == (3_000 if elsewhere_minor == 9_000 else 0)
