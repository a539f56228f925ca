"""Each limit at its edge, in real databases: counted where it happens, forgotten with the window."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from gateways.declines import Decline
from ivr.customers import timeline
from ivr.customers.caller import WITHHELD
from ivr.fraud import velocity
from ivr.fraud.guard import forget_card_attempts
from ivr.fraud.identity import UNPROVEN, PayerIdentity
from ivr.jobs.job_list import REPORT_CARD_OUTCOME
from ivr.payments.attempts.states import Event
from ivr.platform.database.engine import reading
from ivr.platform.lockout import LockoutKind
from tests.support import schema
from tests.support.fraud_harness import ANNA, FraudHarness, usual_limits
from tests.support.time_and_ids import ManualClock

HIGH = {
    "CARD_DECLINES_MAX_CALL": 99,
    "CARD_DECLINES_MAX_CALLER": 99,
    "CARD_DECLINES_MAX_WITHHELD": 99,
    "CARD_DECLINES_MAX_BILL": 99,
    "CARD_TRIES_MAX_CALL": 99,
    "CARD_TRIES_MAX_CALLER": 99,
    "CARD_TRIES_MAX_BILL": 99,
    "CARD_BREAKER_CHARGES_MIN": 999,
}
"""Nothing strikes but what a test lowers."""
H = 3600


def counter(engine: sa.Engine, clock: ManualClock, **changes: int) -> FraudHarness:
    return FraudHarness(engine, clock, usual_limits(**{**HIGH, **changes}))


def _by_caller(name: str) -> Callable[[FraudHarness, int], PayerIdentity]:
    return lambda at, _nth: PayerIdentity("", at.call(), name)


def _by_bill(at: FraudHarness, nth: int) -> PayerIdentity:
    return PayerIdentity("bill_1", at.call(), f"+3460000000{nth}")


EDGES = [
    (LockoutKind.CALL, "CARD_DECLINES_MAX_CALL", lambda _at, _nth: PayerIdentity("", "call_1")),
    (LockoutKind.CALLER, "CARD_DECLINES_MAX_CALLER", _by_caller(ANNA)),
    (LockoutKind.CALLER, "CARD_DECLINES_MAX_WITHHELD", _by_caller(WITHHELD)),
    (LockoutKind.CALLER, "CARD_DECLINES_MAX_WITHHELD", _by_caller(UNPROVEN)),
    (LockoutKind.BILL, "CARD_DECLINES_MAX_BILL", _by_bill),
]


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("kind", "limit", "identity"), EDGES, ids=["call", "caller", "withheld", "unproven", "bill"]
)
def test_the_last_card_under_a_cap_is_taken_and_the_next_is_not(
    engine: sa.Engine,
    clock: ManualClock,
    kind: LockoutKind,
    limit: str,
    identity: Callable[[FraudHarness, int], PayerIdentity],
) -> None:
    at = counter(engine, clock, **{limit: 3})
    at.call()

    def one(nth: int) -> PayerIdentity:
        given = identity(at, nth)
        bill_id = at.bill("10203040" if kind is LockoutKind.BILL else f"1020304{nth}")
        return PayerIdentity(bill_id, given.call_id, given.caller)

    assert [at.try_card(one(nth)) for nth in range(2)] == [True, True]
    assert at.lockouts() == []
    assert at.try_card(one(2))
    [locked] = at.lockouts()
    assert locked.kind is kind
    assert not at.try_card(one(3))
    clock.advance(24 * H - 2)
    assert not at.try_card(one(4))
    clock.advance(2)
    assert at.try_card(one(5)), "the lockout is over, and what led to it counts no more"


def test_a_declined_card_counts_for_the_window_alone(engine: sa.Engine, clock: ManualClock) -> None:
    at = counter(engine, clock, CARD_DECLINES_MAX_CALLER=2)
    anna = PayerIdentity(at.bill(), at.call(), ANNA)
    assert at.try_card(anna)
    clock.advance(24 * H)
    assert at.try_card(anna)
    assert at.lockouts() == []
    assert at.try_card(anna)
    assert not at.try_card(anna)


def test_a_success_takes_nothing_from_what_was_declined(engine: sa.Engine, clock: ManualClock) -> None:
    at = counter(engine, clock, CARD_DECLINES_MAX_CALLER=3)
    anna = PayerIdentity(at.bill(), at.call(), ANNA)
    answers = (Decline.GENERIC, None, Decline.GENERIC, None, Decline.GENERIC)
    assert all(at.try_card(anna, answer) for answer in answers)
    assert not at.try_card(anna, None)


def test_good_cards_have_a_cap_of_their_own(engine: sa.Engine, clock: ManualClock) -> None:
    at = counter(engine, clock, CARD_TRIES_MAX_CALLER=3)
    anna = PayerIdentity(at.bill(), at.call(), ANNA)
    assert [at.try_card(anna, None) for _ in range(4)] == [True, True, True, False]
    [locked] = at.lockouts()
    assert locked.kind is LockoutKind.CALLER


@pytest.mark.parametrize("decline", [Decline.CONFIG_ERROR, Decline.ISSUER_UNAVAILABLE])
def test_what_is_not_the_cards_fault_counts_for_nobody(
    engine: sa.Engine, clock: ManualClock, decline: Decline
) -> None:
    at = counter(engine, clock, CARD_DECLINES_MAX_CALLER=1, CARD_TRIES_MAX_CALLER=1)
    anna = PayerIdentity(at.bill(), at.call(), ANNA)
    assert all(at.try_card(anna, decline) for _ in range(3))


def test_a_charge_that_is_unknown_or_never_sent_is_no_decline(engine: sa.Engine, clock: ManualClock) -> None:
    at = counter(engine, clock, CARD_DECLINES_MAX_CALLER=2)
    anna = PayerIdentity(at.bill(), at.call(), ANNA)
    unknown = at.begin(anna)
    assert unknown is not None
    at.end(unknown, Event.MARK_UNKNOWN)
    clock.advance(60)
    fenced = at.begin(anna)
    assert fenced is not None
    assert at.begin(anna) is None, "two are under way: either may still be declined"
    with engine.begin() as tx:
        at.attempts.advance(tx, unknown, Event.CANCEL)
    assert at.begin(anna) is not None
    assert at.lockouts() == []


def test_what_is_unknown_for_long_stands_in_nobodys_way(engine: sa.Engine, clock: ManualClock) -> None:
    at = counter(engine, clock, CARD_DECLINES_MAX_CALLER=1)
    anna = PayerIdentity(at.bill(), at.call(), ANNA)
    unknown = at.begin(anna)
    assert unknown is not None
    assert at.begin(anna) is None
    at.end(unknown, Event.MARK_UNKNOWN)
    clock.advance(15 * 60)
    assert at.begin(anna) is not None


def test_an_unverified_number_counts_double_and_a_forged_one_locks_nobody(
    engine: sa.Engine, clock: ManualClock
) -> None:
    at = counter(engine, clock, CARD_DECLINES_MAX_CALLER=4, CARD_DECLINES_MAX_WITHHELD=2)
    doubtful = PayerIdentity(at.bill(), at.call(), ANNA, weight=2)
    assert [at.try_card(doubtful) for _ in range(3)] == [True, True, False]
    forged = PayerIdentity(at.bill("20304050"), at.call(), UNPROVEN)
    assert [at.try_card(forged) for _ in range(3)] == [True, True, False]
    bertas = PayerIdentity(at.bill("30405060"), at.call(), "+34600333444")
    assert at.try_card(bertas)


def test_who_mistypes_a_code_three_times_still_pays(engine: sa.Engine, clock: ManualClock) -> None:
    """With the limits as they come, from a number in doubt, in two calls."""
    at = FraudHarness(engine, clock, usual_limits())
    bill_id = at.bill()
    first = PayerIdentity(bill_id, at.call(), ANNA, weight=2)
    assert all(at.try_card(first, Decline.INCORRECT_CVC) for _ in range(3))
    assert at.try_card(PayerIdentity(bill_id, at.call(), ANNA, weight=2), None)
    assert at.lockouts() == []


def test_a_card_refused_at_its_entry_counts_too(engine: sa.Engine, clock: ManualClock) -> None:
    at = counter(engine, clock, CARD_DECLINES_MAX_CALL=2)
    anna = PayerIdentity(at.bill(), at.call(), ANNA)
    for _ in range(2):
        with engine.begin() as tx:
            at.guard.declined_at_entry(tx, anna, Decline.INVALID_NUMBER)
        with engine.begin() as tx:
            at.guard.declined_at_entry(tx, anna, Decline.ISSUER_UNAVAILABLE)
    assert [one.kind for one in at.lockouts()] == [LockoutKind.CALL]
    assert at.begin(anna) is None


@pytest.mark.parametrize("at_entry", [True, False])
def test_a_lockout_begins_when_the_wait_for_others_is_over(
    engine: sa.Engine, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, *, at_entry: bool
) -> None:
    """Who holds the same caller may take seconds: a moment that was read before is too early."""
    at = counter(engine, clock, CARD_DECLINES_MAX_CALL=1)
    anna = PayerIdentity(at.bill(), at.call(), ANNA)
    attempt_id = at.begin(anna)
    assert attempt_id is not None
    monkeypatch.setattr(velocity, "hold", lambda _tx, _identity: clock.advance(5))
    if at_entry:
        with engine.begin() as tx:
            at.guard.declined_at_entry(tx, anna, Decline.INVALID_NUMBER)
    else:
        at.end(attempt_id, Event.DECLINE, Decline.GENERIC)
    assert [one.since for one in at.lockouts()] == [clock.now()]


def test_a_decline_on_another_channel_counts_for_its_bill(engine: sa.Engine, clock: ManualClock) -> None:
    at = counter(engine, clock, CARD_DECLINES_MAX_BILL=1)
    bill_id = at.bill()
    attempt_id = at.begin(PayerIdentity(bill_id))
    assert attempt_id is not None
    with engine.begin() as tx:
        tx.execute(schema.card_try.delete())
    at.end(attempt_id, Event.DECLINE, Decline.GENERIC)
    assert [one.kind for one in at.lockouts()] == [LockoutKind.BILL]
    assert not at.try_card(PayerIdentity(bill_id, at.call(), ANNA))


@pytest.mark.postgres
def test_lifting_works_at_once_and_begins_anew(engine: sa.Engine, clock: ManualClock) -> None:
    at = counter(engine, clock, CARD_DECLINES_MAX_CALLER=2)
    anna = PayerIdentity(at.bill(), at.call(), ANNA)
    assert [at.try_card(anna) for _ in range(3)] == [True, True, False]
    [locked] = at.lockouts()
    at.lift(locked.id)
    assert [at.try_card(anna) for _ in range(3)] == [True, True, False]
    [again] = at.lockouts()
    assert (again.number, again.id == locked.id) == (2, False)


@pytest.mark.slow
def test_a_lockout_hides_the_number_and_stands_in_the_timeline(engine: sa.Engine, clock: ManualClock) -> None:
    at = counter(engine, clock, CARD_DECLINES_MAX_CALLER=1)
    call_id = at.call()
    assert at.try_card(PayerIdentity(at.bill(), call_id, ANNA))
    assert not at.try_card(PayerIdentity(at.bill(), call_id, ANNA))
    [locked] = at.lockouts()
    assert (locked.shown, locked.call_id) == ("...1222", call_id)
    with reading(engine) as tx:
        told = {one.kind: one.facts for one in timeline.of_call(tx, call_id)}
    assert told["lockout.began"] == {"lockout": locked.id, "kind": "caller"}
    assert told["card.not_taken"] == {"because": ["caller"]}


@pytest.mark.postgres
def test_what_counts_no_more_is_forgotten(engine: sa.Engine, clock: ManualClock) -> None:
    at = counter(engine, clock, CARD_DECLINES_MAX_CALLER=1)
    assert at.try_card(PayerIdentity(at.bill(), at.call(), ANNA))
    assert forget_card_attempts(engine, at.limits, clock.now()) == 0
    clock.advance(24 * H)
    assert forget_card_attempts(engine, at.limits, clock.now()) == 1
    with reading(engine) as tx:
        assert tx.execute(sa.select(schema.card_try.c.id)).first() is None
        assert tx.execute(sa.select(schema.lockout.c.id)).first() is not None
    clock.advance(31 * 24 * H)
    assert forget_card_attempts(engine, at.limits, clock.now()) == 1


def test_the_pci_process_is_told_only_of_a_card_that_it_took(engine: sa.Engine, clock: ManualClock) -> None:
    at = counter(engine, clock)
    anna = PayerIdentity(at.bill(), at.call(), ANNA)
    for entry_id in ("entry.call_1.3", None):
        attempt_id = at.begin(anna, entry_id)
        assert attempt_id is not None
        at.end(attempt_id, Event.DECLINE, Decline.GENERIC)
    assert len(at.work.take(REPORT_CARD_OUTCOME)) == 1
