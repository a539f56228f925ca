"""A payment's state in the six words that programs, webhooks and people read.

The states of `states` are finer and change with the machinery; these words do not.
"""

from enum import StrEnum

from ivr.payments.attempts.states import State
from ivr.payments.refunds.states import RefundState


class PublicState(StrEnum):
    """Where a payment, or a refund, stands for everyone but operators."""

    PENDING = "pending"
    """Not finished yet."""
    APPROVED = "approved"
    """Charged; of a refund: given back."""
    DECLINED = "declined"
    """The issuer refused it. Nothing was charged; of a refund: nothing was given back."""
    NOT_CHARGED = "not_charged"
    """It ended without a charge and without a decline. Refunds have no such state."""
    UNKNOWN = "unknown"
    """It was sent, and the outcome is not known yet. The gateway is asked until it is."""
    NEEDS_REVIEW = "needs_review"
    """The gateway could not say for a day. A person looks in its dashboard and decides."""


class UnknownStateError(ValueError):
    """A filter names no state; the message, the end of a sentence, lists the states."""


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

_REFUND: dict[RefundState, PublicState] = {
    RefundState.ASKED: PublicState.PENDING,
    RefundState.UNKNOWN: PublicState.UNKNOWN,
    RefundState.NEEDS_REVIEW: PublicState.NEEDS_REVIEW,
    RefundState.APPROVED: PublicState.APPROVED,
    RefundState.DECLINED: PublicState.DECLINED,
}


def public_state(state: State | RefundState) -> PublicState:
    """The public word for the state of a payment or a refund."""
    return PUBLIC[state] if isinstance(state, State) else _REFUND[state]


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
