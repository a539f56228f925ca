"""A customer is remembered by number: their language, once, however often and from wherever it is written."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from ivr.customers.caller import Caller
from ivr.customers.customer import Customer, find_by_phone, kept_under, of_caller, remember_language
from ivr.platform.database.engine import reading
from ivr.platform.ids import RandomIds
from tests.support.schema import customer
from tests.support.time_and_ids import ManualClock, SequentialIds

pytestmark = pytest.mark.postgres

PHONE = "+34600000001"


def test_a_language_is_remembered_and_changed(
    engine: sa.Engine, clock: ManualClock, ids: SequentialIds
) -> None:
    with engine.begin() as tx:
        assert find_by_phone(tx, PHONE) is None
        first = remember_language(tx, PHONE, "es", clock=clock, ids=ids)
        began = clock.now()
        clock.advance(60)
        again = remember_language(tx, PHONE, "en", clock=clock, ids=ids)
        assert again == first
        assert find_by_phone(tx, PHONE) == Customer(first, PHONE, "en")
        assert find_by_phone(tx, "+34600000002") is None
        row = tx.execute(sa.select(customer)).one()
    assert (row.created_at, row.updated_at) == (began, clock.now())


def test_a_caller_is_stored_in_one_form_unless_two_customers_remain(
    engine: sa.Engine, clock: ManualClock, ids: SequentialIds
) -> None:
    mobile, bare, nobody = (Caller.of(one, "AR") for one in ("+5491123456781", "+541123456781", "Restricted"))
    with engine.begin() as tx:
        assert [kept_under(tx, one) for one in (mobile, bare, nobody)] == [bare.dial, bare.dial, None]
        assert of_caller(tx, nobody) is None
        first = remember_language(tx, "+541123456781", "es", clock=clock, ids=ids)
        assert of_caller(tx, mobile) == of_caller(tx, bare) == Customer(first, "+541123456781", "es")
        other = remember_language(tx, "+5491123456781", "en", clock=clock, ids=ids)
        assert of_caller(tx, mobile) == Customer(other, "+5491123456781", "en")
        assert of_caller(tx, bare) == Customer(first, "+541123456781", "es")


def test_two_calls_of_one_number_at_once_make_one_customer(engine: sa.Engine, clock: ManualClock) -> None:
    def call(language: str) -> str:
        with engine.begin() as tx:
            return remember_language(tx, PHONE, language, clock=clock, ids=RandomIds())

    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(call, ["es", "en"] * 4))
    with reading(engine) as tx:
        assert tx.execute(sa.select(sa.func.count()).select_from(customer)).scalar_one() == 1
        found = find_by_phone(tx, PHONE)
    assert found is not None
    assert made == {found.id}


def test_a_rollback_forgets(engine: sa.Engine, clock: ManualClock, ids: SequentialIds) -> None:
    with engine.connect() as connection:
        with connection.begin() as transaction:
            remember_language(connection, PHONE, "es", clock=clock, ids=ids)
            transaction.rollback()
        assert find_by_phone(connection, PHONE) is None
