"""The states of a refund."""

from enum import StrEnum


class RefundState(StrEnum):
    """Where a refund stands."""

    ASKED = "asked"
    """Its amount is taken off what can still be refunded; nothing was sent."""
    UNKNOWN = "unknown"
    """It may have been sent, and nobody can say yet what became of it."""
    FOR_A_PERSON = "for_a_person"
    APPROVED = "approved"
    DECLINED = "declined"


REFUND_FINAL = frozenset({RefundState.APPROVED, RefundState.DECLINED})
