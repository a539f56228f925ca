"""The states of a message to a payer, and the events that move it from one to another.

The carrier's callbacks come late, twice and out of order: an event without an edge from the present state
changes nothing.
"""

from enum import StrEnum


class MessageState(StrEnum):
    """Where a message stands."""

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
    """Not sent or not delivered, and not tried again by itself: refused for good, canceled, or its link is
    closed. The operator may send some again.
    """
    SPOKEN = "spoken"
    """No text was possible: the reference that was spoken is the confirmation."""


class MessageEvent(StrEnum):
    """What moves a message on."""

    CLAIM = "claim"
    TAKEN = "taken"
    ANSWER_LOST = "lose_sight"
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


_AWAITING = (MessageState.QUEUED, MessageState.SENDING, MessageState.MAYBE_SENT)
"""Nothing is known of it yet. Queued too: a callback may come when we mean to send again, and stops that."""

GRAPH: dict[tuple[MessageState, MessageEvent], MessageState] = {
    (MessageState.QUEUED, MessageEvent.CLAIM): MessageState.SENDING,
    (MessageState.QUEUED, MessageEvent.TOO_LATE): MessageState.FAILED,
    (MessageState.SENDING, MessageEvent.ANSWER_LOST): MessageState.MAYBE_SENT,
    (MessageState.SENDING, MessageEvent.REFUSED_FOR_NOW): MessageState.QUEUED,
    (MessageState.SENDING, MessageEvent.REFUSED): MessageState.FAILED,
    (MessageState.MAYBE_SENT, MessageEvent.MISSING): MessageState.QUEUED,
    (MessageState.MAYBE_SENT, MessageEvent.REFUSED): MessageState.FAILED,
    (MessageState.SENDING, MessageEvent.HOLD): MessageState.HELD,
    (MessageState.MAYBE_SENT, MessageEvent.HOLD): MessageState.HELD,
    (MessageState.SENT, MessageEvent.HOLD): MessageState.HELD,
    (MessageState.QUEUED, MessageEvent.HOLD): MessageState.HELD,
    (MessageState.HELD, MessageEvent.RESEND): MessageState.QUEUED,
    (MessageState.HELD, MessageEvent.TOO_LATE): MessageState.FAILED,
    # It was canceled in the carrier's console, or given up by a release before this one.
    (MessageState.FAILED, MessageEvent.RESEND): MessageState.QUEUED,
    **{(state, MessageEvent.TAKEN): MessageState.SENT for state in (*_AWAITING, MessageState.HELD)},
    **{
        (state, MessageEvent.DELIVERED): MessageState.DELIVERED
        for state in (*_AWAITING, MessageState.SENT, MessageState.HELD)
    },
    **{
        (state, MessageEvent.UNDELIVERED): MessageState.UNDELIVERED
        for state in (*_AWAITING, MessageState.SENT)
    },
    **{
        (state, MessageEvent.UNDELIVERED_FOR_NOW): MessageState.QUEUED
        for state in (*_AWAITING, MessageState.SENT)
    },
    **{(state, MessageEvent.FAILED): MessageState.FAILED for state in (*_AWAITING, MessageState.SENT)},
    # A handset that answers after the carrier gave up has the text all the same.
    (MessageState.UNDELIVERED, MessageEvent.DELIVERED): MessageState.DELIVERED,
    (MessageState.FAILED, MessageEvent.DELIVERED): MessageState.DELIVERED,
}


def after(state: MessageState, event: MessageEvent) -> MessageState | None:
    """The next state; None where the event comes too late to change anything."""
    return GRAPH.get((state, event))
