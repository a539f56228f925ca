"""Listeners are called in order, in the transaction that emits, and every event is listed and emitted."""

import ast
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa

import ivr
from ivr.customers import timeline
from ivr.events.emitter import DomainEvent, Events, on
from ivr.events.listeners.subscriptions import build_events
from ivr.fraud.guard import Guard
from tests.support import schema
from tests.support.fraud_harness import usual_limits
from tests.support.recorded_jobs import RecordedJobs
from tests.support.time_and_ids import ManualClock, SequentialIds

WITHOUT_LISTENERS: set[str] = set()
"""Events that nobody needs to hear of yet."""
SOURCE = Path(ivr.__file__).parent


@dataclass(frozen=True, slots=True)
class Rang(DomainEvent):
    kind: ClassVar[str] = "bell.rang"


def _types() -> set[type[DomainEvent]]:
    """The events of the server: every class of `ivr.events` that has a `kind` of its own."""
    modules = [
        importlib.import_module(f"ivr.events.{path.stem}") for path in (SOURCE / "events").glob("*_events.py")
    ]
    named = [value for module in modules for value in vars(module).values() if isinstance(value, type)]
    return {one for one in named if issubclass(one, DomainEvent) and "kind" in vars(one)}


@pytest.fixture
def events(clock: ManualClock, ids: SequentialIds, work: RecordedJobs) -> Events:
    return build_events(
        work=work,
        clock=clock,
        ids=ids,
        guard=Guard(usual_limits(), work, clock, ids),
        merchant_name="Demo Town Hall",
        channel="sms",
        sends_webhooks=True,
        gateway="sandbox",
        dashboard_url=lambda _: None,
    )


def test_every_event_is_listed_and_has_a_listener(events: Events) -> None:
    assert set(events.listeners) == _types()
    without = {event_type.__name__ for event_type, listeners in events.listeners.items() if not listeners}
    assert without == WITHOUT_LISTENERS


def test_every_event_is_emitted_by_a_package() -> None:
    """Named in the code outside `ivr.events`: an event that nobody emits is dead."""
    used = {
        node.id
        for path in SOURCE.rglob("*.py")
        if path.relative_to(SOURCE).parts[0] != "events"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    assert {event_type.__name__ for event_type in _types()} - used == set()


def test_every_event_has_a_word_of_its_own() -> None:
    words = [event_type.kind for event_type in _types()]
    assert len(set(words)) == len(words)


def test_listeners_are_called_in_the_order_of_the_list(engine: sa.Engine) -> None:
    called: list[str] = []

    def listener(name: str) -> Callable[[sa.Connection, Rang], None]:
        return lambda _tx, _event: called.append(name)

    with engine.begin() as tx:
        Events.of(on(Rang, listener("first"), listener("second"))).emit(tx, Rang())
    assert called == ["first", "second"]


def test_a_listener_that_fails_rolls_everything_back(engine: sa.Engine, clock: ManualClock) -> None:
    def writes(tx: sa.Connection, event: Rang) -> None:
        timeline.add(tx, event.kind, at=clock.now())

    def fails(_tx: sa.Connection, _event: Rang) -> None:
        raise RuntimeError("a listener has a bug")

    with pytest.raises(RuntimeError, match="a listener has a bug"), engine.begin() as tx:
        Events.of(on(Rang, writes, fails)).emit(tx, Rang())
    with engine.begin() as tx:
        assert tx.execute(sa.select(sa.func.count()).select_from(schema.timeline)).scalar_one() == 0


def test_an_event_that_is_not_listed_is_a_bug(engine: sa.Engine) -> None:
    nothing: Any = Events.of()
    with engine.begin() as tx, pytest.raises(KeyError):
        nothing.emit(tx, Rang())


def test_an_event_is_listed_once() -> None:
    with pytest.raises(ValueError, match="listed twice"):
        Events.of(on(Rang), on(Rang))
