"""Each cap at its edge, in real databases: counted where it happens, forgotten with the window."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from gateways.declines import Decline
from ivr.customers import timeline
from ivr.customers.caller import WITHHELD
from ivr.fraud.guard import forget_tries
from ivr.fraud.identity import UNPROVEN, Suspect
from ivr.fraud.limits import Kind
from ivr.jobs.job_list import REPORT_CARD_OUTCOME
from ivr.payments.attempts.states import Event
from ivr.platform.clock import ManualClock
from ivr.platform.database import schema
from ivr.platform.database.engine import reading
from tests.support.defences import ANNA, Counter, usual_caps

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


def counter(engine: sa.Engine, clock: ManualClock, **changes: int) -> Counter:
    return Counter(engine, clock, usual_caps(**{**HIGH, **changes}))


EDGES = [
    (Kind.CALL, "CARD_DECLINES_MAX_CALL", lambda _at, _nth: Suspect("", "call_1")),
    (Kind.CALLER, "CARD_DECLINES_MAX_CALLER", lambda at, _nth: Suspect("", at.call(), ANNA)),
    (Kind.CALLER, "CARD_DECLINES_MAX_WITHHELD", lambda at, _nth: Suspect("", at.call(), WITHHELD)),
    (Kind.CALLER, "CARD_DECLINES_MAX_WITHHELD", lambda at, _nth: Suspect("", at.call(), UNPROVEN)),
    (Kind.BILL, "CARD_DECLINES_MAX_BILL", lambda at, nth: Suspect("bill_1", at.call(), f"+3460000000{nth}")),
]


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("kind", "cap", "suspect"), EDGES, ids=["call", "caller", "withheld", "unproven", "bill"]
)
def test_the_last_card_under_a_cap_is_taken_and_the_next_is_not(
    engine: sa.Engine,
    clock: ManualClock,
    kind: Kind,
    cap: str,
    suspect: Callable[[Counter, int], Suspect],
) -> None:
    at = counter(engine, clock, **{cap: 3})
    at.call()

    def one(nth: int) -> Suspect:
        given = suspect(at, nth)
        bill_id = at.bill("10203040" if kind is Kind.BILL else f"1020304{nth}")
        return Suspect(bill_id, given.call_id, given.caller)

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
    anna = Suspect(at.bill(), at.call(), ANNA)
    assert at.try_card(anna)
    clock.advance(24 * H)
    assert at.try_card(anna)
    assert at.lockouts() == []
    assert at.try_card(anna)
    assert not at.try_card(anna)


def test_a_success_takes_nothing_from_what_was_declined(engine: sa.Engine, clock: ManualClock) -> None:
    at = counter(engine, clock, CARD_DECLINES_MAX_CALLER=3)
    anna = Suspect(at.bill(), at.call(), ANNA)
    answers = (Decline.GENERIC, None, Decline.GENERIC, None, Decline.GENERIC)
    assert all(at.try_card(anna, answer) for answer in answers)
    assert not at.try_card(anna, None)


def test_good_cards_have_a_cap_of_their_own(engine: sa.Engine, clock: ManualClock) -> None:
    at = counter(engine, clock, CARD_TRIES_MAX_CALLER=3)
    anna = Suspect(at.bill(), at.call(), ANNA)
    assert [at.try_card(anna, None) for _ in range(4)] == [True, True, True, False]
    [locked] = at.lockouts()
    assert locked.kind is Kind.CALLER


@pytest.mark.parametrize("decline", [Decline.CONFIG_ERROR, Decline.ISSUER_UNAVAILABLE])
def test_what_is_not_the_cards_fault_counts_for_nobody(
    engine: sa.Engine, clock: ManualClock, decline: Decline
) -> None:
    at = counter(engine, clock, CARD_DECLINES_MAX_CALLER=1, CARD_TRIES_MAX_CALLER=1)
    anna = Suspect(at.bill(), at.call(), ANNA)
    assert all(at.try_card(anna, decline) for _ in range(3))


def test_a_charge_that_is_unknown_or_never_sent_is_no_decline(engine: sa.Engine, clock: ManualClock) -> None:
    at = counter(engine, clock, CARD_DECLINES_MAX_CALLER=2)
    anna = Suspect(at.bill(), at.call(), ANNA)
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
    anna = Suspect(at.bill(), at.call(), ANNA)
    unknown = at.begin(anna)
    assert unknown is not None
    assert at.begin(anna) is None
    at.end(unknown, Event.MARK_UNKNOWN)
    clock.advance(15 * 60)
    assert at.begin(anna) is not None


def test_a_number_in_doubt_counts_double_and_a_forged_one_locks_out_nobody_else(
    engine: sa.Engine, clock: ManualClock
) -> None:
    at = counter(engine, clock, CARD_DECLINES_MAX_CALLER=4, CARD_DECLINES_MAX_WITHHELD=2)
    doubtful = Suspect(at.bill(), at.call(), ANNA, weight=2)
    assert [at.try_card(doubtful) for _ in range(3)] == [True, True, False]
    forged = Suspect(at.bill("20304050"), at.call(), UNPROVEN)
    assert [at.try_card(forged) for _ in range(3)] == [True, True, False]
    bertas = Suspect(at.bill("30405060"), at.call(), "+34600333444")
    assert at.try_card(bertas)


def test_who_mistypes_a_code_three_times_still_pays(engine: sa.Engine, clock: ManualClock) -> None:
    """With the caps as they come, from a number in doubt, in two calls."""
    at = Counter(engine, clock, usual_caps())
    bill_id = at.bill()
    first = Suspect(bill_id, at.call(), ANNA, weight=2)
    assert all(at.try_card(first, Decline.INCORRECT_CVC) for _ in range(3))
    assert at.try_card(Suspect(bill_id, at.call(), ANNA, weight=2), None)
    assert at.lockouts() == []


def test_a_card_refused_at_its_entry_counts_too(engine: sa.Engine, clock: ManualClock) -> None:
    at = counter(engine, clock, CARD_DECLINES_MAX_CALL=2)
    anna = Suspect(at.bill(), at.call(), ANNA)
    for _ in range(2):
        with engine.begin() as tx:
            at.guard.declined_at_entry(tx, anna, Decline.INVALID_NUMBER)
        with engine.begin() as tx:
            at.guard.declined_at_entry(tx, anna, Decline.ISSUER_UNAVAILABLE)
    assert [one.kind for one in at.lockouts()] == [Kind.CALL]
    assert at.begin(anna) is None


def test_a_decline_on_another_channel_counts_for_its_bill(engine: sa.Engine, clock: ManualClock) -> None:
    at = counter(engine, clock, CARD_DECLINES_MAX_BILL=1)
    bill_id = at.bill()
    attempt_id = at.begin(Suspect(bill_id))
    assert attempt_id is not None
    with engine.begin() as tx:
        tx.execute(schema.card_try.delete())
    at.end(attempt_id, Event.DECLINE, Decline.GENERIC)
    assert [one.kind for one in at.lockouts()] == [Kind.BILL]
    assert not at.try_card(Suspect(bill_id, at.call(), ANNA))


@pytest.mark.postgres
def test_lifting_works_at_once_and_begins_anew(engine: sa.Engine, clock: ManualClock) -> None:
    at = counter(engine, clock, CARD_DECLINES_MAX_CALLER=2)
    anna = Suspect(at.bill(), at.call(), ANNA)
    assert [at.try_card(anna) for _ in range(3)] == [True, True, False]
    [locked] = at.lockouts()
    at.lift(locked.id)
    assert [at.try_card(anna) for _ in range(3)] == [True, True, False]
    [again] = at.lockouts()
    assert (again.number, again.id == locked.id) == (2, False)


def test_a_lockout_hides_the_number_and_stands_in_the_timeline(engine: sa.Engine, clock: ManualClock) -> None:
    at = counter(engine, clock, CARD_DECLINES_MAX_CALLER=1)
    call_id = at.call()
    assert at.try_card(Suspect(at.bill(), call_id, ANNA))
    assert not at.try_card(Suspect(at.bill(), call_id, ANNA))
    [locked] = at.lockouts()
    assert (locked.shown, locked.call_id) == ("...1222", call_id)
    with reading(engine) as tx:
        told = {one.kind: one.facts for one in timeline.of_call(tx, call_id)}
    assert told["lockout.began"] == {"lockout": locked.id, "kind": "caller"}
    assert told["card.not_taken"] == {"because": ["caller"]}


@pytest.mark.postgres
def test_what_counts_no_more_is_forgotten(engine: sa.Engine, clock: ManualClock) -> None:
    at = counter(engine, clock, CARD_DECLINES_MAX_CALLER=1)
    assert at.try_card(Suspect(at.bill(), at.call(), ANNA))
    assert forget_tries(engine, at.caps, clock.now()) == 0
    clock.advance(24 * H)
    assert forget_tries(engine, at.caps, clock.now()) == 1
    with reading(engine) as tx:
        assert tx.execute(sa.select(schema.card_try.c.id)).first() is None
        assert tx.execute(sa.select(schema.lockout.c.id)).first() is not None
    clock.advance(31 * 24 * H)
    assert forget_tries(engine, at.caps, clock.now()) == 1


def test_the_pci_process_is_told_only_of_a_card_that_it_took(engine: sa.Engine, clock: ManualClock) -> None:
    at = counter(engine, clock)
    anna = Suspect(at.bill(), at.call(), ANNA)
    for entry_id in ("entry.call_1.3", None):
        attempt_id = at.begin(anna, entry_id)
        assert attempt_id is not None
        at.end(attempt_id, Event.DECLINE, Decline.GENERIC)
    assert len(at.work.take(REPORT_CARD_OUTCOME)) == 1
