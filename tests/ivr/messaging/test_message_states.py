"""The graph of a confirmation: every state is reached, nothing leads backward, and it can be drawn."""

from ivr.messaging.states import GRAPH, STARTS, UNSETTLED, Event, State, after, draw


def test_every_state_is_reached_and_every_event_moves_something() -> None:
    assert STARTS | set(GRAPH.values()) == set(State)
    assert {event for _, event in GRAPH} == set(Event)


def test_what_the_carrier_took_is_never_sent_again() -> None:
    """But where the carrier said itself that it could not deliver it."""
    taken = set(State) - UNSETTLED - {State.HELD}
    anew = {Event.RESEND, Event.UNDELIVERED_FOR_NOW}
    ends = {end for (start, event), end in GRAPH.items() if start in taken and event not in anew}
    assert ends <= {State.DELIVERED, State.UNDELIVERED, State.FAILED, State.HELD}
    held = {event for (start, event), end in GRAPH.items() if start is State.HELD and end is State.QUEUED}
    assert held == {Event.RESEND}


def test_delivered_and_spoken_are_the_end() -> None:
    assert all(after(State.DELIVERED, event) is None for event in Event)
    assert all(after(State.SPOKEN, event) is None for event in Event)


def test_only_a_lost_or_refused_text_goes_back_to_the_queue() -> None:
    back = {(start, event) for (start, event), end in GRAPH.items() if end is State.QUEUED}
    assert back == {
        (State.SENDING, Event.REFUSED_FOR_NOW),
        *((state, Event.UNDELIVERED_FOR_NOW) for state in (*UNSETTLED, State.SENT)),
        (State.MAYBE_SENT, Event.MISSING),
        (State.HELD, Event.RESEND),
        (State.FAILED, Event.RESEND),
    }


def test_it_is_drawn() -> None:
    picture = draw()
    assert "[*] --> queued" in picture
    assert "maybe_sent --> queued: missing" in picture
    assert "delivered --> [*]" in picture
    assert all(f"{start} --> {end}: {event}" in picture for (start, event), end in GRAPH.items())
