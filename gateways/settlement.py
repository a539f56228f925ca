"""The lines of a payout: what the merchant's bank account receives, and for which charge.

Amounts are integer minor units as they move the merchant's balance: a refund, a dispute and a fee are below
zero. The sum of `net_minor` over a payout's lines is the payout.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class LineKind(StrEnum):
    """What moved the balance."""

    CHARGE = "charge"
    REFUND = "refund"
    DISPUTE = "dispute"
    FEE = "fee"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class PayoutLine:
    """One movement of the merchant's balance."""

    reference: str
    """The line's own, unique at the gateway."""
    kind: LineKind
    gateway_kind: str
    """As the gateway calls it."""
    gross_minor: int
    fee_minor: int
    """What the gateway keeps, above zero."""
    net_minor: int
    currency: str
    occurred_at: datetime
    available_on: datetime
    charge_reference: str | None
    """The `gateway_reference` of the charge that it belongs to."""
    order_key: str | None
    """Our attempt, where the gateway repeats it."""
    refund_key: str | None = None
    """Our refund, where the gateway repeats it."""
    source_reference: str | None = None
    """Of the charge, refund or dispute itself, as the gateway's dashboard names it."""
