"""The graph of a confirmation: every state is reached, and nothing leads backward."""

from ivr.messaging.states import GRAPH, MessageEvent, MessageState, after

STARTS = {MessageState.QUEUED, MessageState.SPOKEN}
UNSETTLED = {MessageState.QUEUED, MessageState.SENDING, MessageState.MAYBE_SENT}


def test_every_state_is_reached_and_every_event_moves_something() -> None:
    assert STARTS | set(GRAPH.values()) == set(MessageState)
    assert {event for _, event in GRAPH} == set(MessageEvent)


def test_what_the_carrier_took_is_never_sent_again() -> None:
    """But where the carrier said itself that it could not deliver it."""
    taken = set(MessageState) - UNSETTLED - {MessageState.HELD}
    anew = {MessageEvent.RESEND, MessageEvent.UNDELIVERED_FOR_NOW}
    ends = {end for (start, event), end in GRAPH.items() if start in taken and event not in anew}
    assert ends <= {MessageState.DELIVERED, MessageState.UNDELIVERED, MessageState.FAILED, MessageState.HELD}
    held = {
        event
        for (start, event), end in GRAPH.items()
        if start is MessageState.HELD and end is MessageState.QUEUED
    }
    assert held == {MessageEvent.RESEND}


def test_delivered_and_spoken_are_the_end() -> None:
    assert all(after(MessageState.DELIVERED, event) is None for event in MessageEvent)
    assert all(after(MessageState.SPOKEN, event) is None for event in MessageEvent)


def test_only_a_lost_or_refused_text_goes_back_to_the_queue() -> None:
    back = {(start, event) for (start, event), end in GRAPH.items() if end is MessageState.QUEUED}
    assert back == {
        (MessageState.SENDING, MessageEvent.REFUSED_FOR_NOW),
        *((state, MessageEvent.UNDELIVERED_FOR_NOW) for state in (*UNSETTLED, MessageState.SENT)),
        (MessageState.MAYBE_SENT, MessageEvent.MISSING),
        (MessageState.HELD, MessageEvent.RESEND),
        (MessageState.FAILED, MessageEvent.RESEND),
    }
