"""The books that tests believe: every movement of money, written where it happens and nowhere else.

Kept apart from the objects that the API shows, so that a wrong object cannot make the books agree with it.
"""

from dataclasses import dataclass
from enum import StrEnum


class Moved(StrEnum):
    HELD = "held"
    RELEASED = "released"
    """What was held, given up: cancelled, expired, or left over by a partial capture."""
    CAPTURED = "captured"
    """From held to taken."""
    TAKEN = "taken"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    """The money came back to the merchant."""
    DISPUTED = "disputed"
    DISPUTE_WON = "dispute_won"


@dataclass(frozen=True)
class Movement:
    moved: Moved
    intent: str
    charge: str
    attempt: str | None
    """`metadata.attempt` of the PaymentIntent."""
    amount_minor: int
    currency: str
    at: int


@dataclass(frozen=True)
class Books:
    """What was done under one PaymentIntent, or one attempt of ours."""

    taken_minor: int = 0
    held_minor: int = 0
    refunded_minor: int = 0
    disputed_minor: int = 0
    currency: str = ""
    charges: int = 0
    """How many charges took or held money: more than one is a payer charged twice."""


class Journal:
    def __init__(self) -> None:
        self.movements: list[Movement] = []

    def write(self, movement: Movement) -> None:
        assert movement.amount_minor >= 0
        self.movements.append(movement)

    def books(self, *, intent: str | None = None, attempt: str | None = None) -> Books:
        """Under an intent, or an attempt, or everything."""
        chosen = [
            one for one in self.movements if intent in (None, one.intent) and attempt in (None, one.attempt)
        ]

        def total(*kinds: Moved) -> int:
            return sum(one.amount_minor for one in chosen if one.moved in kinds)

        return Books(
            taken_minor=total(Moved.TAKEN, Moved.CAPTURED),
            held_minor=total(Moved.HELD) - total(Moved.CAPTURED, Moved.RELEASED),
            refunded_minor=total(Moved.REFUNDED) - total(Moved.REFUND_FAILED),
            disputed_minor=total(Moved.DISPUTED) - total(Moved.DISPUTE_WON),
            currency=chosen[0].currency.upper() if chosen else "",
            charges=len({one.charge for one in chosen if one.moved in (Moved.TAKEN, Moved.HELD)}),
        )

    def attempts(self) -> set[str | None]:
        """Every attempt that money moved under; None where a PaymentIntent names none."""
        return {one.attempt for one in self.movements}
