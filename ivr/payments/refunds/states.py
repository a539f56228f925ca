"""The states of a refund. The words in quotes stand in the database and the API: they are never renamed."""

from enum import StrEnum


class RefundState(StrEnum):
    """The state of a refund."""

    ASKED = "asked"
    """Its amount is taken off what can still be refunded; nothing was sent."""
    UNKNOWN = "unknown"
    """It may have been sent, and the outcome is not known yet."""
    NEEDS_REVIEW = "for_a_person"
    """Unknown for a day: a person decides, with the gateway's dashboard open."""
    APPROVED = "approved"
    DECLINED = "declined"


REFUND_FINAL = frozenset({RefundState.APPROVED, RefundState.DECLINED})
