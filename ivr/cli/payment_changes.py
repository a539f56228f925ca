"""A payment refunded, or its outcome decided, at the command line: shown first, agreed to, done once."""

from collections.abc import Iterator
from dataclasses import dataclass

import click
import sqlalchemy as sa

from ivr.cli import Fault
from ivr.cli.context import CommandContext, legible, who
from ivr.cli.options import confirm
from ivr.cli.payment_shown import ambiguous, find_payment, line
from ivr.payments.attempts import store as attempts
from ivr.payments.attempts.manual_review import NothingToDecideError, VerifiedReference, Word
from ivr.payments.queries import feed
from ivr.payments.queries.feed import Payment, RefundShown
from ivr.payments.refunds import store as refund_store
from ivr.payments.refunds.service import asked_under
from ivr.payments.refunds.store import Refund, RefundState
from ivr.payments.service import PaymentService
from ivr.platform.database.engine import reading
from ivr.platform.money import plain

_NO_REFERENCE = (
    "The gateway's reference of this charge is not known. The payment can only be refunded in the gateway's "
    "dashboard, and its disputes and payouts cannot be found by it."
)


@dataclass(frozen=True, slots=True)
class RefundCommand:
    """One refund of a payment. `minor` is the amount in minor units, None: all that is left. `key` is the
    idempotency key: the same key in the API's header is the same refund; None: there is none.
    """

    at: CommandContext
    payments: PaymentService
    payment: Payment
    minor: int | None
    key: str | None

    def run(self, *, yes: bool) -> str:
        """Asks the person, unless `yes`, and then for the refund; gives what to tell. Raises Fault, and what
        `RefundService.ask_once` raises: then nothing was done.
        """
        payment = self.payment
        with reading(self.at.engine) as tx:
            if (earlier := self._asked_before(tx)) is not None:
                return self._told(earlier, is_new=False)
            amount_minor = self.payments.refunds.amount_to_refund(tx, payment.id, self.minor)
        for shown in self._shown():
            click.echo(shown, err=True)
        if yes and self.key is None:
            self._refuse_a_repeat()
        confirm(f"Refund {plain(amount_minor, payment.currency)} now?", yes=yes)
        return self._asked()

    def was_asked(self) -> bool:
        """Whether it was requested before under its key: then it is certain which payment was meant."""
        with reading(self.at.engine) as tx:
            return self._asked_before(tx) is not None

    def _asked_before(self, tx: sa.Connection) -> Refund | None:
        return None if self.key is None else asked_under(tx, self.payment.id, self.key, self.minor)

    def _shown(self) -> Iterator[str]:
        yield line(self.payment)
        for one in self._refunds():
            at = f"{one.created_at:%Y-%m-%d %H:%M}Z"
            amount = plain(one.amount_minor, self.payment.currency)
            state, by = one.state.public, legible(one.asked_by)
            yield f"Already refunded: {amount}, {state}, {one.id}, {at}, by {by}"
        if not self._refunds():
            yield "Nothing of it has been refunded yet."

    def _refunds(self) -> list[RefundShown]:
        return [one for one in self.payment.refunds if one.state is not RefundState.DECLINED]

    def _refuse_a_repeat(self) -> None:
        """Nobody is asked, and nothing tells a second refund of this amount from the first one sent again."""
        if self.minor is None or self.minor not in {one.amount_minor for one in self._refunds()}:
            return
        amount = plain(self.minor, self.payment.currency)
        raise Fault(
            f"{amount} of payment {self.payment.reference} has already been refunded. To refund the same "
            "amount again, give this refund an --idempotency-key."
        )

    def _asked(self) -> str:
        """The refund, where nothing was refunded since it was shown."""
        payment = self.payment
        with self.at.engine.begin() as tx:
            attempts.locked(tx, payment.id)
            if (earlier := self._asked_before(tx)) is not None:
                return self._told(earlier, is_new=False)
            now = feed.show(tx, payment.id)
            if now is None or [one.id for one in now.refunds] != [one.id for one in payment.refunds]:
                raise Fault(
                    f"Payment {payment.reference} was refunded by someone else just now. Check it, then try "
                    "again."
                )
            if self.key is None:
                asked = self.payments.refunds.ask(tx, payment.id, self.minor, asked_by=who())
            else:
                asked, _ = self.payments.refunds.ask_once(
                    tx, payment.id, self.minor, key=self.key, asked_by=who()
                )
            return self._told(asked, is_new=True)

    def _told(self, refund: Refund, *, is_new: bool) -> str:
        amount = plain(refund.amount_minor, refund.currency)
        if is_new:
            return f"Refund {refund.id} of {amount} requested."
        state = refund.state.public
        return f"Refund {refund.id} of {amount} was requested earlier with this key; it is {state}."


def decide_payment(
    at: CommandContext,
    payments: PaymentService,
    name: str,
    gateway_reference: str | None,
    *,
    charged: bool,
    unchecked: bool,
    yes: bool,
) -> str:
    """The state that the payment has then."""
    payment, also_a_bill = find_payment(at, name)
    if also_a_bill:
        raise ambiguous(payment)
    try:
        charge = VerifiedReference(None, is_proven=False)
        if charged:
            charge = payments.manual_review.charge_of(payment.id, gateway_reference, unchecked=unchecked)
        what = f"as charged ({legible(charge.reference)})" if charged else "as not charged"
        confirm(f"{line(payment)}\nRecord it {what}? This cannot be undone.", yes=yes)
        with at.engine.begin() as tx:
            decided = payments.manual_review.decide(
                tx,
                payment.id,
                Word.APPROVED if charged else Word.NOT_CHARGED,
                who=who(),
                gateway_reference=charge.reference,
                is_proven=charge.is_proven,
            )
    except NothingToDecideError as fault:
        raise Fault(str(fault)) from None
    if charged and decided.gateway_reference is None:
        click.echo(_NO_REFERENCE, err=True)
    return decided.state.public


def decide_refund(
    at: CommandContext, payments: PaymentService, refund_id: str, *, refunded: bool, yes: bool
) -> str:
    """The state that the refund has then."""
    try:
        with reading(at.engine) as tx:
            found = refund_store.get(tx, refund_id)
        if found.state is RefundState.NEEDS_REVIEW:
            what = "as given back" if refunded else "as not given back"
            amount = plain(found.amount_minor, found.currency)
            confirm(f"Record refund {refund_id} of {amount} {what}? This cannot be undone.", yes=yes)
        with at.engine.begin() as tx:
            return payments.refunds.decide(tx, refund_id, refunded=refunded, who=who()).state.public
    except refund_store.NoSuchRefundError:
        raise Fault("There is no refund with this ID. To see the refunds: paybycall refund list") from None
    except ValueError as fault:
        raise Fault(f"{fault}.") from None
