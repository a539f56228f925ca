"""The graph of an attempt's life: all of it is reached, all of it ends, and each edge does what belongs to
it.
"""

import pytest
import sqlalchemy as sa

from ivr.payments.attempts import states
from ivr.payments.attempts import store as attempt_store
from ivr.payments.attempts.states import FINAL, GRAPH, HOLDING, Event, IllegalMoveError, Method, State
from ivr.payments.attempts.store import LostRaceError
from tests.support import schema
from tests.support.link_gateway import LinkGateway
from tests.support.payment_services import PaymentServices
from tests.support.time_and_ids import ManualClock


def _reached_from(start: State) -> set[State]:
    found, edge = {start}, [start]
    while edge:
        here = edge.pop()
        news = {end for (begin, _), end in GRAPH.items() if begin is here} - found
        found |= news
        edge += news
    return found


def _way_to(target: State) -> list[Event]:
    """The shortest way there from the beginning."""
    ways: dict[State, list[Event]] = {State.RESERVED: []}
    queue = [State.RESERVED]
    for here in queue:
        for (begin, event), end in GRAPH.items():
            if begin is here and end not in ways:
                ways[end] = [*ways[here], event]
                queue.append(end)
    return ways[target]


def test_every_state_is_reached() -> None:
    assert _reached_from(State.RESERVED) == set(State)


@pytest.mark.parametrize("state", sorted(HOLDING))
def test_every_state_that_holds_money_can_end(state: State) -> None:
    assert _reached_from(state) & FINAL


def test_nothing_leaves_a_final_state_and_every_event_is_used() -> None:
    assert [edge for edge in GRAPH if edge[0] in FINAL] == []
    assert {event for _, event in GRAPH} == set(Event)
    assert set(State) == HOLDING | FINAL
    assert not HOLDING & FINAL


def test_an_edge_that_is_not_there_is_a_bug() -> None:
    with pytest.raises(IllegalMoveError, match="an attempt that is approved knows no event decline"):
        states.move(State.APPROVED, Event.DECLINE)


def test_every_state_fits_its_column() -> None:
    length = schema.attempt.c.state.type.length
    assert all(len(state) <= length for state in State)
    assert all(len(event) <= schema.attempt_move.c.event.type.length for event in Event)


@pytest.mark.postgres
@pytest.mark.parametrize(("begin", "event"), list(GRAPH), ids=str)
def test_each_edge_does_what_belongs_to_it(engine: sa.Engine, begin: State, event: Event) -> None:
    by_link = {State.LINK_OPEN, State.LINK_CLOSING} & {begin, GRAPH[begin, event]}
    clock = ManualClock()
    services = PaymentServices(engine, clock, bank=LinkGateway(clock))
    attempt_id = services.make(
        services.add_bill(10_000), 4_000, method=Method.LINK if by_link else Method.CARD
    )
    moves = services.payments.transitions
    with services.engine.begin() as tx:
        services.attempts.attach_card(tx, attempt_id, "visa", "4242", token="tok", authorization="auth")
        for step in _way_to(begin):
            attempt = moves.move(tx, attempt_store.locked(tx, attempt_id), step)
            if attempt.state is State.VOIDING and begin is State.AUTHORIZED:
                pytest.fail("it was let go on the way")
        assert attempt_store.get(tx, attempt_id).state is begin
    with services.engine.begin() as tx:
        moves.move(tx, attempt_store.locked(tx, attempt_id), event, note="why")
    attempt = services.attempt(attempt_id)
    assert attempt.state is GRAPH[begin, event]
    paid, reserved = services.bill(attempt.bill_id)
    assert reserved == (4_000 if attempt.state in HOLDING else 0)
    assert paid == (4_000 if attempt.state is State.APPROVED else 0)
    assert services.ledger() == ({attempt_id: 4_000} if attempt.state is State.APPROVED else {})
    assert (attempt.token is None) == (attempt.state in FINAL)
    assert (attempt.settled_at is not None) == (attempt.state in FINAL)
    with services.engine.begin() as tx:
        last = tx.execute(
            sa.select(schema.attempt_move).order_by(schema.attempt_move.c.id.desc()).limit(1)
        ).one()
        look_at = tx.execute(sa.select(schema.attempt.c.look_at)).scalar()
    assert (last.event, last.state, last.note) == (event, attempt.state, "why")
    assert (look_at is None) == (attempt.state in FINAL | {State.NEEDS_REVIEW})


def test_a_move_from_a_state_that_has_passed_is_refused(services: PaymentServices) -> None:
    attempt_id = services.confirmed()
    with services.engine.begin() as tx:
        stale = attempt_store.get(tx, attempt_id)
    services.run_due()
    with pytest.raises(LostRaceError), services.engine.begin() as tx:
        services.payments.transitions.move(tx, stale, Event.ABANDON)
    services.assert_settled()
