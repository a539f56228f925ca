"""Refunds, as a person or a program asks for them: what may be refunded is decided here, in one transaction,
before anything is sent.

The amount is taken off what can still be refunded by one conditional UPDATE, with a CHECK behind it, so two
people who refund at once cannot refund more than was paid. What the gateway cannot do is refused with a
sentence that says so.
"""

import re
from dataclasses import dataclass

import sqlalchemy as sa

from gateways.capability import Capabilities, UnsupportedError
from ivr.jobs.job_list import REFUND_PAYMENT
from ivr.payments import tables
from ivr.payments.attempts import store as attempt_store
from ivr.payments.attempts.states import State
from ivr.payments.attempts.store import Attempt, fit
from ivr.payments.refunds import store
from ivr.payments.refunds.store import Refund, RefundState
from ivr.payments.refunds.transitions import RefundTransitions
from ivr.platform.money import plain

KEY = re.compile(r"[!-~]{1,80}")
"""What an idempotency key looks like, in the API and on the command line."""


class RefundRefusedError(ValueError):
    """This cannot be refunded; the message is a sentence for the person who asked."""


class KeyReusedError(ValueError):
    """The idempotency key was used for another amount of this payment; the message says so."""

    def __init__(self) -> None:
        super().__init__("This idempotency key was already used for another amount of this payment.")


@dataclass(frozen=True, slots=True)
class RefundService:
    """What a person, or a program with a key, may do with refunds of one gateway's charges."""

    gateway: str
    capabilities: Capabilities
    transitions: RefundTransitions

    def ask(
        self, tx: sa.Connection, attempt_id: str, amount_minor: int | None = None, *, asked_by: str
    ) -> Refund:
        """A refund of the amount, or of all that is left; the worker sends it. A repeat is another refund:
        see `ask_once`.

        Raises RefundRefusedError or UnsupportedError, each with a sentence, and then nothing is changed.
        """
        attempt = attempt_store.locked(tx, attempt_id)
        amount_minor = self._allowed(attempt, amount_minor)
        if not attempt_store.reserve_refund(tx, attempt_id, amount_minor):
            raise RefundRefusedError(
                f"Payment {attempt.reference} was changed by someone else just now. Check it, then try again."
            )
        refund = store.insert(
            tx,
            id=self.transitions.ids.new("refund"),
            attempt_id=attempt_id,
            amount_minor=amount_minor,
            currency=attempt.currency,
            asked_by=fit(tables.refund.c.asked_by, asked_by),
            created_at=self.transitions.clock.now(),
        )
        self.transitions.add_history(tx, refund, "refund_asked", "")
        return self.transitions.schedule(tx, refund, REFUND_PAYMENT)

    def ask_once(
        self, tx: sa.Connection, attempt_id: str, amount_minor: int | None = None, *, key: str, asked_by: str
    ) -> tuple[Refund, bool]:
        """As `ask`, and whether it is new: the same key for the same payment is the same refund, however
        often and by whom it is asked for. Raises KeyReusedError where the amount is another.
        """
        attempt_store.locked(tx, attempt_id)  # two requests under one key wait for each other here
        if (earlier := asked_under(tx, attempt_id, key, amount_minor)) is not None:
            return earlier, False
        refund = self.ask(tx, attempt_id, amount_minor, asked_by=asked_by)
        store.keep_request(tx, refund, key, amount_minor)
        return refund, True

    def amount_to_refund(self, tx: sa.Connection, attempt_id: str, amount_minor: int | None) -> int:
        """What `ask` would refund at this moment, in minor units; raises what it would."""
        return self._allowed(attempt_store.get(tx, attempt_id), amount_minor)

    def decide(self, tx: sa.Connection, refund_id: str, *, refunded: bool, who: str) -> Refund:
        """A person, with the gateway's dashboard open, decides a refund that needs review. Raises ValueError
        where it does not.
        """
        refund = store.locked(tx, refund_id)
        if refund.state is not RefundState.NEEDS_REVIEW:
            raise ValueError(f"refund {refund_id} is {refund.state.public}: there is nothing to decide")
        act = self.transitions.approve if refunded else self.transitions.decline
        return act(tx, refund, None, f"decided by {who}")

    def _allowed(self, attempt: Attempt, amount_minor: int | None) -> int:
        """The amount to refund, where it may be."""
        if attempt.state is not State.APPROVED:
            raise RefundRefusedError(
                f"Payment {attempt.reference} is {attempt.state.public}: "
                "only an approved payment can be refunded."
            )
        if attempt.gateway != self.gateway:
            raise RefundRefusedError(
                f"Payment {attempt.reference} was charged by {attempt.gateway}; "
                f"this server is connected to {self.gateway}."
            )
        if not self.capabilities.refund:
            raise UnsupportedError(
                f"{self.gateway} does not support refunds here: refund the payment in its dashboard."
            )
        left_minor = attempt.amount_minor - attempt.refunded_minor
        if left_minor <= 0:
            raise RefundRefusedError(
                f"Payment {attempt.reference} has been refunded in full, or is being refunded."
            )
        wanted_minor = left_minor if amount_minor is None else amount_minor
        if wanted_minor <= 0:
            raise RefundRefusedError("The amount to refund must be more than 0.")
        if wanted_minor > left_minor:
            raise RefundRefusedError(
                f"Only {plain(left_minor, attempt.currency)} of payment {attempt.reference} can still be "
                "refunded."
            )
        if wanted_minor < attempt.amount_minor and not self.capabilities.partial_refund:
            raise UnsupportedError(f"{self.gateway} does not support partial refunds.")
        return wanted_minor


def asked_under(tx: sa.Connection, attempt_id: str, key: str, amount_minor: int | None) -> Refund | None:
    """The refund of this payment that was asked for under the key; raises KeyReusedError where the amount is
    another. None as the amount: all that was left.
    """
    request = store.requested(tx, attempt_id, key)
    if request is None:
        return None
    refund_id, requested_minor = request
    if requested_minor != amount_minor:
        raise KeyReusedError
    return store.get(tx, refund_id)
