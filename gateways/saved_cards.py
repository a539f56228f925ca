"""A card that the gateway keeps for a customer's next payment. We keep what stands for it, never a number.

The payer's consent is the server's matter; an adapter keeps a card only when it is told to, and forgets it
for good when it is told so.
"""

from dataclasses import dataclass

from gateways.secret import Secret


@dataclass(frozen=True, slots=True)
class CardOnFile:
    """What a later charge is sent with."""

    gateway_customer_id: str
    """Whom the gateway knows the customer as."""
    token: Secret


@dataclass(frozen=True, slots=True)
class CardDeleted:
    """The gateway can charge the card no more."""
