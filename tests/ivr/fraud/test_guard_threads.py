"""Many calls at the same moment, on threads and PostgreSQL: no limit is exceeded, no two lock each other."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from gateways.declines import Decline
from ivr.fraud.breaker import PROBES
from ivr.fraud.identity import PayerIdentity
from ivr.payments.attempts.states import Event
from ivr.platform.ids import RandomIds
from tests.support.fraud_harness import ANNA, FraudHarness, usual_limits
from tests.support.time_and_ids import ManualClock

AT_ONCE = 6
on_postgres = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)


def counter(engine: sa.Engine, clock: ManualClock, **changes: int) -> FraudHarness:
    return FraudHarness(engine, clock, usual_limits(**changes), ids=RandomIds())


def all_at_once(*jobs: Callable[[], str | None]) -> list[str | None]:
    start = threading.Barrier(len(jobs))

    def run(job: Callable[[], str | None]) -> str | None:
        start.wait(20)
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def refuse(at: FraudHarness, attempt_id: str | None) -> None:
    assert attempt_id is not None
    at.end(attempt_id, Event.DECLINE, Decline.GENERIC)


@on_postgres
def test_calls_of_one_number_cannot_exceed_its_cap_together(engine: sa.Engine, clock: ManualClock) -> None:
    at = counter(engine, clock, CARD_DECLINES_MAX_CALLER=4)
    suspects = [PayerIdentity(at.bill(f"1020304{nth}"), at.call(), ANNA) for nth in range(AT_ONCE)]
    assert all(at.try_card(suspects[0]) for _ in range(2))
    begun = all_at_once(*[lambda one=one: at.begin(one) for one in suspects])
    assert sum(one is not None for one in begun) == 2


@on_postgres
def test_calls_about_one_bill_cannot_exceed_its_limit(engine: sa.Engine, clock: ManualClock) -> None:
    """Outcomes and new tries meet on the same bill, in both orders; no two wait for each other."""
    at = counter(engine, clock, CARD_DECLINES_MAX_BILL=5)
    bill_id = at.bill()
    suspects = [PayerIdentity(bill_id, at.call(), f"+3460011122{nth}") for nth in range(AT_ONCE)]
    under_way = [at.begin(one) for one in suspects[:3]]

    def refuse_at_entry(identity: PayerIdentity) -> str | None:
        with engine.begin() as tx:
            at.guard.declined_at_entry(tx, identity, Decline.INVALID_NUMBER)
            at.guard.refuses(tx, identity)
        return None

    begun = all_at_once(
        *[lambda one=one: refuse(at, one) for one in under_way],
        *[lambda one=one: at.begin(one) for one in suspects[3:]],
        lambda: refuse_at_entry(suspects[0]),
    )
    assert sum(one is not None for one in begun) <= 2, "three of five were under way"


@on_postgres
def test_a_half_open_breaker_lets_no_more_through_however_many_come(
    engine: sa.Engine, clock: ManualClock
) -> None:
    at = counter(engine, clock, CARD_BREAKER_CHARGES_MIN=2)
    suspects = [
        PayerIdentity(at.bill(f"1020304{nth}"), at.call(), f"+3460011122{nth}") for nth in range(PROBES + 3)
    ]
    assert all(at.try_card(one) for one in suspects[:2])
    clock.advance(15 * 60)
    begun = all_at_once(*[lambda one=one: at.begin(one) for one in suspects])
    probes = [one for one in begun if one is not None]
    assert len(probes) == PROBES
    all_at_once(*[lambda one=one: refuse(at, one) for one in probes])
    assert [one.number for one in at.lockouts() if one.is_active(clock.now())] == [2]
