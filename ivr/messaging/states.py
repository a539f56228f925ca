"""The life of a confirmation, as a graph whose edges name their event.

The carrier's callbacks come late, twice and out of order: one that has no edge from where the confirmation
stands changes nothing, and no edge leads backward. `draw` makes the picture of docs/architecture.md.
"""

from enum import StrEnum


class State(StrEnum):
    """Where a confirmation stands."""

    QUEUED = "queued"
    """To be sent, and not sent now."""
    SENDING = "sending"
    """A worker has it and may have sent it."""
    MAYBE_SENT = "maybe_sent"
    """The answer was lost: never sent again before the carrier's list certainly lacks it."""
    SENT = "sent"
    """The carrier has taken it."""
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    HELD = "held"
    """Refused for what the operator mends, or tried in vain for a day: sent again by command."""
    FAILED = "failed"
    """Refused for good, here or on its way; the reference that was spoken is the confirmation."""
    SPOKEN = "spoken"
    """No text was possible: the reference that was spoken is the confirmation."""


class Event(StrEnum):
    """What moves a confirmation on."""

    CLAIM = "claim"
    TAKEN = "taken"
    LOSE_SIGHT = "lose_sight"
    REFUSED_FOR_NOW = "refused_for_now"
    REFUSED = "refused"
    HOLD = "hold"
    RESEND = "resend"
    """The operator has mended what was in the way."""
    TOO_LATE = "too_late"
    """What it says no longer holds: a link that is paid or closed."""
    MISSING = "missing"
    """The carrier's list certainly lacks it."""
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    UNDELIVERED_FOR_NOW = "undelivered_for_now"
    """The carrier took it and could not deliver it; time may mend that."""
    FAILED = "failed"


_AWAITING = (State.QUEUED, State.SENDING, State.MAYBE_SENT)
"""Nothing is known of it yet. Queued too: a callback may come when we mean to send again, and stops that."""

GRAPH: dict[tuple[State, Event], State] = {
    (State.QUEUED, Event.CLAIM): State.SENDING,
    (State.QUEUED, Event.TOO_LATE): State.FAILED,
    (State.SENDING, Event.LOSE_SIGHT): State.MAYBE_SENT,
    (State.SENDING, Event.REFUSED_FOR_NOW): State.QUEUED,
    (State.SENDING, Event.REFUSED): State.FAILED,
    (State.MAYBE_SENT, Event.MISSING): State.QUEUED,
    (State.MAYBE_SENT, Event.REFUSED): State.FAILED,
    (State.SENDING, Event.HOLD): State.HELD,
    (State.MAYBE_SENT, Event.HOLD): State.HELD,
    (State.SENT, Event.HOLD): State.HELD,
    (State.QUEUED, Event.HOLD): State.HELD,
    (State.HELD, Event.RESEND): State.QUEUED,
    (State.HELD, Event.TOO_LATE): State.FAILED,
    # It was canceled in the carrier's console, or given up by a release before this one.
    (State.FAILED, Event.RESEND): State.QUEUED,
    **{(state, Event.TAKEN): State.SENT for state in (*_AWAITING, State.HELD)},
    **{(state, Event.DELIVERED): State.DELIVERED for state in (*_AWAITING, State.SENT, State.HELD)},
    **{(state, Event.UNDELIVERED): State.UNDELIVERED for state in (*_AWAITING, State.SENT)},
    **{(state, Event.UNDELIVERED_FOR_NOW): State.QUEUED for state in (*_AWAITING, State.SENT)},
    **{(state, Event.FAILED): State.FAILED for state in (*_AWAITING, State.SENT)},
    # A handset that answers after the carrier gave up has the text all the same.
    (State.UNDELIVERED, Event.DELIVERED): State.DELIVERED,
    (State.FAILED, Event.DELIVERED): State.DELIVERED,
}

STARTS = frozenset({State.QUEUED, State.SPOKEN})
UNSETTLED = frozenset(_AWAITING)
"""States in which a worker still has something to do."""


def after(state: State, event: Event) -> State | None:
    """The next state; None where the event comes too late to change anything."""
    return GRAPH.get((state, event))


def draw() -> str:
    """The graph as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", *(f"    [*] --> {state}" for state in State if state in STARTS)]
    lines += [f"    {start} --> {end}: {event}" for (start, event), end in GRAPH.items()]
    lines += [f"    {state} --> [*]" for state in State if not any(start == state for start, _ in GRAPH)]
    return "\n".join(lines) + "\n"
