"""The life of an attempt to charge, as a graph whose edges name their event.

`move` is the only way from one state to another; a test holds that every state is reached and left, and
`draw` makes the picture of docs/architecture.md. Money is reserved on the bill in every state of `HOLDING`.
"""

from enum import StrEnum


class State(StrEnum):
    """Where an attempt stands."""

    RESERVED = "reserved"
    """Its part of the bill is reserved; nothing was sent."""
    AUTHORIZING = "authorizing"
    """The PCI process may be asking the issuer to hold the amount."""
    AUTHORIZED = "authorized"
    """The issuer holds the amount; nobody captured it."""
    CLAIMED = "claimed"
    """A worker has it and may have sent it."""
    UNKNOWN = "unknown"
    """Sent, and nobody can say what became of it."""
    FOR_A_PERSON = "for_a_person"
    """Unknown for a day: a person decides, with the gateway's dashboard open."""
    VOIDING = "voiding"
    """Authorized for a call that is gone: being released."""
    LINK_OPEN = "link_open"
    """The payer can pay it on a page of the gateway's, until it expires or is closed."""
    LINK_CLOSING = "link_closing"
    """Its page is being closed; whether it was paid before, the gateway says."""
    APPROVED = "approved"
    DECLINED = "declined"
    FENCED = "fenced"
    """Not charged, and the gateway can no longer charge it."""
    ABANDONED = "abandoned"
    """Nobody claimed it in time; it is never sent."""
    VOIDED = "voided"


class Event(StrEnum):
    """What moves an attempt on."""

    CARD_WANTED = "card_wanted"
    AUTHORIZED = "authorized"
    CLAIM = "claim"
    APPROVE = "approve"
    DECLINE = "decline"
    LOSE_SIGHT = "lose_sight"
    FENCE = "fence"
    ABANDON = "abandon"
    RELEASE = "release"
    RELEASED = "released"
    OPEN_LINK = "open_link"
    CLOSE_LINK = "close_link"
    GIVE_TO_A_PERSON = "give_to_a_person"


GRAPH: dict[tuple[State, Event], State] = {
    (State.RESERVED, Event.CLAIM): State.CLAIMED,
    (State.RESERVED, Event.ABANDON): State.ABANDONED,
    (State.RESERVED, Event.CARD_WANTED): State.AUTHORIZING,
    (State.AUTHORIZING, Event.AUTHORIZED): State.AUTHORIZED,
    (State.AUTHORIZING, Event.DECLINE): State.DECLINED,
    (State.AUTHORIZING, Event.FENCE): State.FENCED,
    (State.AUTHORIZING, Event.LOSE_SIGHT): State.UNKNOWN,
    (State.AUTHORIZED, Event.CLAIM): State.CLAIMED,
    (State.AUTHORIZED, Event.RELEASE): State.VOIDING,
    (State.VOIDING, Event.RELEASED): State.VOIDED,
    (State.VOIDING, Event.APPROVE): State.APPROVED,
    (State.VOIDING, Event.GIVE_TO_A_PERSON): State.FOR_A_PERSON,
    (State.CLAIMED, Event.APPROVE): State.APPROVED,
    (State.CLAIMED, Event.DECLINE): State.DECLINED,
    (State.CLAIMED, Event.FENCE): State.FENCED,
    (State.CLAIMED, Event.LOSE_SIGHT): State.UNKNOWN,
    (State.CLAIMED, Event.RELEASE): State.VOIDING,
    (State.UNKNOWN, Event.APPROVE): State.APPROVED,
    (State.UNKNOWN, Event.DECLINE): State.DECLINED,
    (State.UNKNOWN, Event.FENCE): State.FENCED,
    (State.UNKNOWN, Event.AUTHORIZED): State.AUTHORIZED,
    (State.UNKNOWN, Event.GIVE_TO_A_PERSON): State.FOR_A_PERSON,
    (State.CLAIMED, Event.OPEN_LINK): State.LINK_OPEN,
    (State.CLAIMED, Event.CLOSE_LINK): State.LINK_CLOSING,
    (State.UNKNOWN, Event.OPEN_LINK): State.LINK_OPEN,
    (State.UNKNOWN, Event.CLOSE_LINK): State.LINK_CLOSING,
    (State.LINK_OPEN, Event.APPROVE): State.APPROVED,
    (State.LINK_OPEN, Event.CLOSE_LINK): State.LINK_CLOSING,
    (State.LINK_OPEN, Event.FENCE): State.FENCED,
    (State.LINK_CLOSING, Event.APPROVE): State.APPROVED,
    (State.LINK_CLOSING, Event.FENCE): State.FENCED,
    (State.LINK_CLOSING, Event.GIVE_TO_A_PERSON): State.FOR_A_PERSON,
    (State.FOR_A_PERSON, Event.APPROVE): State.APPROVED,
    (State.FOR_A_PERSON, Event.FENCE): State.FENCED,
    (State.FOR_A_PERSON, Event.RELEASED): State.VOIDED,
}

FINAL = frozenset({State.APPROVED, State.DECLINED, State.FENCED, State.ABANDONED, State.VOIDED})
HOLDING = frozenset(State) - FINAL
"""States in which the attempt's amount is reserved on its bill."""


class IllegalMoveError(Exception):
    """A state and an event that do not meet: a bug, never an answer of the issuer."""


def move(state: State, event: Event) -> State:
    """The next state; raises IllegalMoveError where the graph has no such edge."""
    try:
        return GRAPH[state, event]
    except KeyError:
        raise IllegalMoveError(f"an attempt that is {state} knows no event {event}") from None


def draw() -> str:
    """The graph as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.RESERVED}"]
    lines += [f"    {start} --> {end}: {event}" for (start, event), end in GRAPH.items()]
    lines += [f"    {state} --> [*]" for state in State if state in FINAL]
    return "\n".join(lines) + "\n"
