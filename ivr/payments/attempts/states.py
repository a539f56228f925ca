"""The states of an attempt to charge, as a graph whose edges name their event.

`move` is the only way from one state to another. Tests check that every state is reached, and that every
non-final one can end. The words in quotes stand in the database, in the API as `internal_state` and in logs:
they are never renamed. Programs, webhooks and people read the six words of `PublicState`, which stay the same
when the internal states change.
"""

from enum import StrEnum


class Method(StrEnum):
    """How an attempt is paid."""

    CARD = "card"
    """By a card that was keyed, or one that is kept."""
    LINK = "link"
    """By the payer themselves, on a page of the gateway's."""


class PublicState(StrEnum):
    """Where a payment, or a refund, stands for everyone but operators."""

    PENDING = "pending"
    """Not finished yet."""
    APPROVED = "approved"
    """Charged; of a refund: the payer has the money back."""
    DECLINED = "declined"
    """The issuer refused it. Nothing was charged; of a refund: the payer has nothing back."""
    NOT_CHARGED = "not_charged"
    """It ended without a charge and without a decline. Refunds have no such state."""
    UNKNOWN = "unknown"
    """It was sent, and the outcome is not known yet. The gateway is asked until it is."""
    NEEDS_REVIEW = "needs_review"
    """The gateway could not say for a day. A person looks in its dashboard and decides."""


class State(StrEnum):
    """The state of an attempt."""

    RESERVED = "reserved"
    """Its part of the bill is reserved; nothing was sent."""
    AUTHORIZING = "authorizing"
    """The PCI process may be asking the issuer to hold the amount."""
    AUTHORIZED = "authorized"
    """The issuer holds the amount; it is not captured yet."""
    CLAIMED = "claimed"
    """A worker has it and may have sent it."""
    UNKNOWN = "unknown"
    """It was sent, and the outcome is not known."""
    NEEDS_REVIEW = "for_a_person"
    """Unknown for a day: a person decides, with the gateway's dashboard open."""
    VOIDING = "voiding"
    """The authorization is being voided: nobody will capture it."""
    LINK_OPEN = "link_open"
    """The payer can pay it on a page of the gateway, until it expires or is closed."""
    LINK_CLOSING = "link_closing"
    """Its page is being closed; the gateway says whether it was paid before."""
    APPROVED = "approved"
    DECLINED = "declined"
    CANCELLED = "fenced"
    """Not charged, and the gateway can no longer charge it."""
    ABANDONED = "abandoned"
    """No worker claimed it in time; it is never sent."""
    VOIDED = "voided"

    @property
    def public(self) -> PublicState:
        """The word for everyone but operators."""
        return PUBLIC[self]


PUBLIC: dict[State, PublicState] = {
    State.RESERVED: PublicState.PENDING,
    State.AUTHORIZING: PublicState.PENDING,
    State.AUTHORIZED: PublicState.PENDING,
    State.CLAIMED: PublicState.PENDING,
    State.UNKNOWN: PublicState.UNKNOWN,
    State.NEEDS_REVIEW: PublicState.NEEDS_REVIEW,
    State.VOIDING: PublicState.PENDING,
    State.LINK_OPEN: PublicState.PENDING,
    State.LINK_CLOSING: PublicState.PENDING,
    State.APPROVED: PublicState.APPROVED,
    State.DECLINED: PublicState.DECLINED,
    State.CANCELLED: PublicState.NOT_CHARGED,
    State.ABANDONED: PublicState.NOT_CHARGED,
    State.VOIDED: PublicState.NOT_CHARGED,
}


class Event(StrEnum):
    """What moves an attempt to another state. The words stand in the attempt's history."""

    CARD_WANTED = "card_wanted"
    AUTHORIZED = "authorized"
    CLAIM = "claim"
    APPROVE = "approve"
    DECLINE = "decline"
    MARK_UNKNOWN = "lose_sight"
    CANCEL = "fence"
    ABANDON = "abandon"
    VOID = "release"
    VOIDED = "released"
    OPEN_LINK = "open_link"
    CLOSE_LINK = "close_link"
    NEEDS_REVIEW = "give_to_a_person"


GRAPH: dict[tuple[State, Event], State] = {
    (State.RESERVED, Event.CLAIM): State.CLAIMED,
    (State.RESERVED, Event.ABANDON): State.ABANDONED,
    (State.RESERVED, Event.CARD_WANTED): State.AUTHORIZING,
    (State.AUTHORIZING, Event.AUTHORIZED): State.AUTHORIZED,
    (State.AUTHORIZING, Event.DECLINE): State.DECLINED,
    (State.AUTHORIZING, Event.CANCEL): State.CANCELLED,
    (State.AUTHORIZING, Event.MARK_UNKNOWN): State.UNKNOWN,
    (State.AUTHORIZED, Event.CLAIM): State.CLAIMED,
    (State.AUTHORIZED, Event.VOID): State.VOIDING,
    (State.VOIDING, Event.VOIDED): State.VOIDED,
    (State.VOIDING, Event.APPROVE): State.APPROVED,
    (State.VOIDING, Event.NEEDS_REVIEW): State.NEEDS_REVIEW,
    (State.CLAIMED, Event.APPROVE): State.APPROVED,
    (State.CLAIMED, Event.DECLINE): State.DECLINED,
    (State.CLAIMED, Event.CANCEL): State.CANCELLED,
    (State.CLAIMED, Event.MARK_UNKNOWN): State.UNKNOWN,
    (State.CLAIMED, Event.VOID): State.VOIDING,
    (State.UNKNOWN, Event.APPROVE): State.APPROVED,
    (State.UNKNOWN, Event.DECLINE): State.DECLINED,
    (State.UNKNOWN, Event.CANCEL): State.CANCELLED,
    (State.UNKNOWN, Event.AUTHORIZED): State.AUTHORIZED,
    (State.UNKNOWN, Event.NEEDS_REVIEW): State.NEEDS_REVIEW,
    (State.CLAIMED, Event.OPEN_LINK): State.LINK_OPEN,
    (State.CLAIMED, Event.CLOSE_LINK): State.LINK_CLOSING,
    (State.UNKNOWN, Event.OPEN_LINK): State.LINK_OPEN,
    (State.UNKNOWN, Event.CLOSE_LINK): State.LINK_CLOSING,
    (State.LINK_OPEN, Event.APPROVE): State.APPROVED,
    (State.LINK_OPEN, Event.CLOSE_LINK): State.LINK_CLOSING,
    (State.LINK_OPEN, Event.CANCEL): State.CANCELLED,
    (State.LINK_CLOSING, Event.APPROVE): State.APPROVED,
    (State.LINK_CLOSING, Event.CANCEL): State.CANCELLED,
    (State.LINK_CLOSING, Event.NEEDS_REVIEW): State.NEEDS_REVIEW,
    (State.NEEDS_REVIEW, Event.APPROVE): State.APPROVED,
    (State.NEEDS_REVIEW, Event.CANCEL): State.CANCELLED,
    (State.NEEDS_REVIEW, Event.VOIDED): State.VOIDED,
}

FINAL = frozenset({State.APPROVED, State.DECLINED, State.CANCELLED, State.ABANDONED, State.VOIDED})
HOLDING = frozenset(State) - FINAL
"""States in which the attempt's amount is reserved on its bill."""


class IllegalMoveError(Exception):
    """The graph has no such edge: a bug, never an answer of the issuer."""


def move(state: State, event: Event) -> State:
    """The next state; raises IllegalMoveError where the graph has no such edge."""
    try:
        return GRAPH[state, event]
    except KeyError:
        raise IllegalMoveError(f"an attempt that is {state} knows no event {event}") from None


class UnknownStateError(ValueError):
    """A filter names no state; the message, the end of a sentence, lists the states."""


def states_of(word: str) -> frozenset[State]:
    """The internal states that a filter's word selects. An internal word selects that state alone; it is
    deprecated, and taken until the release after this one.

    Raises UnknownStateError.
    """
    selected = frozenset(state for state, public in PUBLIC.items() if public == word)
    if not selected and word in set(State):
        selected = frozenset({State(word)})
    if not selected:
        raise UnknownStateError(f"must be one of {', '.join(PublicState)}")
    return selected
