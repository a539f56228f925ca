"""Hands each event to its listeners, in the transaction of whoever emits it.

So a charge, its ledger entry and its message are committed together or not at all: an exception in a listener
rolls back what happened. The sweep then asks the gateway again and emits the event again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, TypeVar

import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class DomainEvent:
    """Something that happened. An event holds facts and no behaviour of its own."""

    kind: ClassVar[str]
    """Its word in the timeline and in webhooks; stored, so it never changes."""


E = TypeVar("E", bound=DomainEvent)
EventListener: TypeAlias = Callable[[sa.Connection, E], None]
Subscription: TypeAlias = tuple[type[DomainEvent], tuple[EventListener[Any], ...]]


def on(event_type: type[E], *listeners: EventListener[E]) -> Subscription:
    """Who listens to this event, in the order in which they are called; nobody: it is known and has none."""
    return event_type, listeners


@dataclass(frozen=True, slots=True)
class Events:
    """The listeners of every event. Safe from any thread."""

    listeners: Mapping[type[DomainEvent], tuple[EventListener[Any], ...]]

    @classmethod
    def of(cls, *subscriptions: Subscription) -> "Events":
        """Raises ValueError where an event is listed twice."""
        listeners = dict(subscriptions)
        if len(listeners) != len(subscriptions):
            raise ValueError("an event is listed twice")
        return cls(listeners)

    def emit(self, tx: sa.Connection, event: DomainEvent) -> None:
        """Calls the listeners one after the other; raises KeyError for an event that is not listed."""
        for listener in self.listeners[type(event)]:
            listener(tx, event)
