"""The breaker on the share of declines: opens, half-opens, closes, and takes no trouble for a tester."""

import pytest
import sqlalchemy as sa

from gateways.declines import Decline
from ivr.fraud import lockouts
from ivr.fraud.breaker import LIFTED_BY_ITSELF, PROBES, BreakerState, state_at
from ivr.fraud.identity import PayerIdentity
from ivr.payments.attempts.states import Event
from ivr.platform.database.engine import reading
from ivr.platform.lockout import LockoutKind
from tests.support.fraud_harness import FraudHarness, usual_limits
from tests.support.time_and_ids import ManualClock

pytestmark = pytest.mark.slow

M = 60
HIGH = {"CARD_DECLINES_MAX_BILL": 9999, "CARD_TRIES_MAX_BILL": 9999}
GOOD, BAD = None, Decline.GENERIC


@pytest.fixture
def at(engine: sa.Engine, clock: ManualClock) -> FraudHarness:
    """20 charges within 15 minutes, more than 60 % of them declined: as it comes."""
    return FraudHarness(engine, clock, usual_limits(**HIGH))


def everybody(at: FraudHarness, *answers: Decline | None) -> list[bool]:
    """Calls from numbers that nobody knows, a card in each."""
    bill_id = at.bill()
    return [
        at.try_card(PayerIdentity(bill_id, at.call(), f"+34601{at.calls:06}"), answer) for answer in answers
    ]


def where(at: FraudHarness) -> BreakerState:
    with reading(at.engine) as tx:
        return state_at(tx, at.clock.now())


def test_it_opens_at_the_edge_of_both_numbers(at: FraudHarness) -> None:
    everybody(at, *[BAD] * 19)
    assert where(at) is BreakerState.CLOSED
    everybody(at, BAD)
    assert where(at) is BreakerState.OPEN
    assert everybody(at, GOOD) == [False]
    [locked] = at.lockouts()
    assert (locked.kind, locked.why) == (LockoutKind.BREAKER, "20 of the last 20 charges were declined")


def test_sixty_percent_is_not_more_than_sixty_percent(at: FraudHarness) -> None:
    everybody(at, *[GOOD] * 8, *[BAD] * 12)
    assert where(at) is BreakerState.CLOSED
    everybody(at, BAD)
    assert where(at) is BreakerState.OPEN


def test_few_charges_in_a_quiet_hour_open_nothing(at: FraudHarness) -> None:
    for _ in range(4):
        everybody(at, *[BAD] * 15)
        at.clock.advance(15 * M)
    assert where(at) is BreakerState.CLOSED


@pytest.mark.parametrize(
    "decline", [Decline.CONFIG_ERROR, Decline.ISSUER_UNAVAILABLE, Decline.AUTHENTICATION_REQUIRED]
)
def test_what_is_not_about_cards_opens_nothing(at: FraudHarness, decline: Decline) -> None:
    everybody(at, *[decline] * 40)
    assert where(at) is BreakerState.CLOSED


def test_a_gateways_outage_opens_nothing(at: FraudHarness) -> None:
    bill_id = at.bill()
    for _ in range(40):
        attempt_id = at.begin(PayerIdentity(bill_id, at.call()))
        assert attempt_id is not None
        at.end(attempt_id, Event.MARK_UNKNOWN)
        at.clock.advance(20)
    assert where(at) is BreakerState.CLOSED


def test_a_half_open_breaker_lets_a_few_through_and_closes_on_approvals(at: FraudHarness) -> None:
    everybody(at, *[BAD] * 20)
    at.clock.advance(15 * M)
    assert where(at) is BreakerState.HALF_OPEN
    suspects = [PayerIdentity(at.bill(), at.call(), f"+34602{nth:06}") for nth in range(PROBES + 1)]
    begun = [at.begin(identity) for identity in suspects]
    assert [one is not None for one in begun] == [True] * PROBES + [False]
    for attempt_id in begun[:PROBES]:
        assert attempt_id is not None
        at.end(attempt_id, Event.APPROVE)
    assert where(at) is BreakerState.CLOSED
    with reading(at.engine) as tx:
        last = lockouts.last(tx, LockoutKind.BREAKER, lockouts.EVERYBODY)
    assert last is not None
    assert last.lifted_by == LIFTED_BY_ITSELF
    assert everybody(at, *[GOOD] * 10) == [True] * 10


def test_half_open_bad_cards_open_it_for_twice_as_long(at: FraudHarness) -> None:
    everybody(at, *[BAD] * 20)
    for pause in (15, 30, 60, 120, 240, 240):
        at.clock.advance(pause * M - PROBES - 1)
        assert everybody(at, BAD) == [False]
        at.clock.advance(PROBES + 1)
        assert everybody(at, *[BAD] * (PROBES + 1)) == [True] * PROBES + [False]


def test_a_probe_that_says_nothing_of_a_card_makes_room_for_another(at: FraudHarness) -> None:
    everybody(at, *[BAD] * 20)
    at.clock.advance(15 * M)
    assert everybody(at, *[Decline.ISSUER_UNAVAILABLE] * 9) == [True] * 9
    assert where(at) is BreakerState.HALF_OPEN
    lost = [at.begin(PayerIdentity(at.bill(), at.call())) for _ in range(PROBES)]
    assert None not in lost
    assert everybody(at, GOOD) == [False]
    at.clock.advance(15 * M)
    assert everybody(at, *[GOOD] * PROBES) == [True] * PROBES
    assert where(at) is BreakerState.CLOSED


def test_a_person_lifts_it_and_what_was_before_counts_no_more(at: FraudHarness) -> None:
    everybody(at, *[BAD] * 20)
    [locked] = at.lockouts()
    at.lift(locked.id)
    assert where(at) is BreakerState.CLOSED
    at.clock.advance(1)
    assert everybody(at, *[BAD] * 19) == [True] * 19
    assert where(at) is BreakerState.CLOSED
    everybody(at, BAD)
    assert where(at) is BreakerState.OPEN
