"""A person decides an attempt that needs review, with the gateway's dashboard open.

The decision writes the same ledger entry, text and webhook as an answer of the gateway would. A decision on
an attempt that does not need review, or one that names the charge of another attempt, is refused, so nothing
certain is overruled. Only a charge that the gateway proves to be this attempt's is booked a second time: the
first decision on it was wrong, and finance is told.
"""

from enum import StrEnum

import sqlalchemy as sa

from ivr.payments import tables
from ivr.payments.attempts import store
from ivr.payments.attempts.states import Event, State
from ivr.payments.attempts.store import Attempt
from ivr.payments.attempts.transitions import Transitions
from ivr.payments.public_state import public_state


class Word(StrEnum):
    """What the dashboard shows."""

    APPROVED = "approved"
    NOT_CHARGED = "not_charged"


class NothingToDecideError(ValueError):
    """The attempt does not need review, or not this decision; the message says why."""


class ReferenceTakenError(NothingToDecideError):
    """The charge that the person names is another attempt's; the message says whose."""


def decide(
    transitions: Transitions,
    tx: sa.Connection,
    attempt_id: str,
    word: Word,
    *,
    who: str,
    gateway_reference: str | None = None,
    is_proven: bool = False,
) -> Attempt:
    """The attempt after the decision. `gateway_reference`: the charge's in the dashboard; without one, the
    known reference stays. `is_proven`: the gateway says that the charge is this attempt's, so it is booked
    even where another attempt holds it, and reported to finance.
    """
    attempt = store.locked(tx, attempt_id)
    if attempt.state is not State.NEEDS_REVIEW:
        raise NothingToDecideError(
            f"Payment {attempt.reference} is {public_state(attempt.state)}: there is nothing to decide."
        )
    note = f"decided by {who}"
    if word is Word.APPROVED:
        reference = store.fit(tables.attempt.c.gateway_reference, gateway_reference)
        if reference and not is_proven and (other := store.other_of_charge(tx, attempt, reference)):
            raise ReferenceTakenError(
                f"{reference} is already recorded as the charge of payment {other}. "
                f"Look for the charge of payment {attempt.reference} in the dashboard."
            )
        kept = reference or attempt.gateway_reference
        return transitions.move(tx, attempt, Event.APPROVE, note=note, gateway_reference=kept)
    was_held = attempt.gateway_authorization is not None
    return transitions.move(tx, attempt, Event.VOIDED if was_held else Event.CANCEL, note=note)
