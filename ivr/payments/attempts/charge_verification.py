"""The charge that a person names when they decide is verified at the gateway before anything is booked.

Otherwise a reference of another payment could be booked, and be refunded instead of ours. A gateway that is
silent proves nothing: then a reference is taken only with `unchecked`, and never one that the gateway knows
as another payment's. Nothing is written here, and no transaction is open while the gateway is asked.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from gateways.contract import Approved, NotThisCharge, Unknown
from ivr.payments.attempts import store
from ivr.payments.attempts.gateway_answers import WORDS
from ivr.payments.attempts.manual_review import NothingToDecideError
from ivr.payments.attempts.order import order_of
from ivr.payments.attempts.states import State
from ivr.payments.gateway_client import GatewayClient
from ivr.payments.links import store as link_store
from ivr.platform.database.engine import reading


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
class ChargeVerification:
    """Asks one gateway for the charges that people name."""

    engine: sa.Engine
    gateway: GatewayClient

    def reference(self, attempt_id: str, named: str | None, *, unchecked: bool) -> VerifiedReference:
        """The attempt's charge: as it was named, or as the gateway says itself where it was not. Raises
        ChargeRefusedError.
        """
        with reading(self.engine) as tx:
            attempt = store.get(tx, attempt_id)
            order, link = order_of(tx, attempt), link_store.of(tx, attempt)
        if attempt.state is not State.NEEDS_REVIEW:
            return VerifiedReference(
                named, is_proven=False
            )  # there is nothing to decide, and whoever decides says so
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
