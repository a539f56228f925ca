"""A person decides an attempt that needs review, with the gateway's dashboard open.

The decision writes the same ledger entry, text and webhook as an answer of the gateway would. A decision on
an attempt that does not need review, or one that names the charge of another attempt, is refused, so nothing
certain is overruled.

The charge that the person names is verified at the gateway first: otherwise a reference of another payment
could be booked, and be refunded instead of ours. A gateway that is silent proves nothing: then a reference is
taken only with `unchecked`. A charge that the gateway proves to be this attempt's is booked even where
another attempt holds it: the first decision on it was wrong, and finance is told.
"""

from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from gateways.contract import Approved, NotThisCharge, Unknown
from ivr.payments import tables
from ivr.payments.attempts import store
from ivr.payments.attempts.gateway_answers import WORDS
from ivr.payments.attempts.order import order_of
from ivr.payments.attempts.states import Event, State
from ivr.payments.attempts.store import Attempt
from ivr.payments.attempts.transitions import Transitions
from ivr.payments.gateway_client import GatewayClient
from ivr.payments.links import store as link_store
from ivr.platform.database.engine import reading


class Word(StrEnum):
    """What the dashboard shows."""

    APPROVED = "approved"
    NOT_CHARGED = "not_charged"


class NothingToDecideError(ValueError):
    """The attempt does not need review, or not this decision; the message says why."""


class ReferenceTakenError(NothingToDecideError):
    """The charge that the person names is another attempt's; the message says whose."""


class ChargeRefusedError(NothingToDecideError):
    """The gateway does not confirm the charge; the message says what it says."""


@dataclass(frozen=True, slots=True)
class VerifiedReference:
    """A charge to decide with."""

    reference: str | None
    """The gateway's; None where nobody knows."""
    is_proven: bool
    """The gateway says itself that it is this payment's."""


@dataclass(frozen=True, slots=True)
class ManualReview:
    """What a person may say of a payment through one gateway."""

    engine: sa.Engine
    transitions: Transitions
    gateway: GatewayClient

    def charge_of(self, attempt_id: str, named: str | None, *, unchecked: bool = False) -> VerifiedReference:
        """The charge to decide with: as it was named, or as the gateway says itself where it was not. Asked
        outside any transaction, and nothing is written. Raises ChargeRefusedError.
        """
        with reading(self.engine) as tx:
            attempt = store.get(tx, attempt_id)
            order, link = order_of(tx, attempt), link_store.of(tx, attempt)
        if attempt.state is not State.NEEDS_REVIEW:
            return VerifiedReference(named, is_proven=False)  # `decide` says that there is nothing to decide
        if named is None:
            found = self.gateway.lookup(attempt, order, cancel=False, link=link)
            if isinstance(found, Approved):
                return VerifiedReference(found.gateway_reference, is_proven=True)
            if isinstance(found, Unknown) or unchecked:
                return VerifiedReference(None, is_proven=False)
            raise ChargeRefusedError(
                f"The gateway says that nothing was taken for payment {attempt.reference} "
                f"({WORDS[type(found)]}): use --not-charged, or --unchecked if you are certain."
            )
        match self.gateway.verify_charge(attempt, order, named):
            case Approved(gateway_reference):
                return VerifiedReference(gateway_reference, is_proven=True)
            case NotThisCharge(reason):
                raise ChargeRefusedError(
                    f"{named} is not the charge of payment {attempt.reference}: {reason}."
                )
            case Unknown(reason):
                if unchecked:
                    return VerifiedReference(named, is_proven=False)
                raise ChargeRefusedError(
                    f"The gateway does not say whether {named} is the charge of payment {attempt.reference} "
                    f"({reason}): try again, or add --unchecked if you are certain of it."
                )

    def decide(
        self,
        tx: sa.Connection,
        attempt_id: str,
        word: Word,
        *,
        who: str,
        gateway_reference: str | None = None,
        is_proven: bool = False,
    ) -> Attempt:
        """The attempt after the decision. `gateway_reference`: the charge's in the dashboard; without one,
        the known reference stays. `is_proven`: the gateway says that the charge is this attempt's, so it is
        booked even where another attempt holds it, and reported to finance.
        """
        attempt = store.locked(tx, attempt_id)
        if attempt.state is not State.NEEDS_REVIEW:
            raise NothingToDecideError(
                f"Payment {attempt.reference} is {attempt.state.public}: there is nothing to decide."
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
            return self.transitions.move(tx, attempt, Event.APPROVE, note=note, gateway_reference=kept)
        was_held = attempt.gateway_authorization is not None
        return self.transitions.move(tx, attempt, Event.VOIDED if was_held else Event.CANCEL, note=note)
