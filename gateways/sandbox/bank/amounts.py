"""What an amount stands for: those that end in 71 to 79 go wrong, each in its own way, always the same.

The last two digits of the minor units count, whatever the currency: 10.75 EUR and 1075 JPY behave alike.
Holds for charges, authorizations and refunds; a card that declines does so whatever the amount.
"""

from dataclasses import dataclass

from gateways.sandbox.bank.faults import NO_FAULT, BankFault, Harm


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the issuer, and the line to it, treat one amount."""

    says: str
    """A sentence for the documentation."""
    fault: BankFault = NO_FAULT
    decline: str | None = None
    pending_lookups: int = 0
    """How many lookups still hear `pending` before the outcome is told; 0: told at once."""


ORDINARY = Behaviour("approved")

BY_ENDING = {
    71: Behaviour("approved, after 3 seconds", BankFault(delay_s=3.0)),
    72: Behaviour("approved, and the answer is lost", BankFault(Harm.DROP_AFTER)),
    73: Behaviour("the request is lost: the bank never received it", BankFault(Harm.DROP_BEFORE)),
    74: Behaviour("declined: insufficient_funds", decline="insufficient_funds"),
    75: Behaviour("pending; the second lookup says approved", pending_lookups=1),
    76: Behaviour("pending; the second lookup says declined", decline="generic_decline", pending_lookups=1),
    77: Behaviour("pending for five lookups, then approved", pending_lookups=5),
    78: Behaviour("the bank fails (HTTP 500), and nothing was done", BankFault(Harm.ERROR_BEFORE)),
    79: Behaviour("approved after 20 seconds, when nobody waits any more", BankFault(delay_s=20.0)),
}


def behaviour(amount_minor: int) -> Behaviour:
    """How this amount is treated."""
    return BY_ENDING.get(amount_minor % 100, ORDINARY)
