"""A refund at the command line: shown beside what was refunded before, agreed to, and asked for once."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from ivr.cli.confirm import confirm
from ivr.cli.context import CommandContext, legible, who
from ivr.cli.faults import Fault

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ivr.payments.queries.feed import Payment, RefundShown
    from ivr.payments.refunds.store import Refund
    from ivr.payments.service import PaymentService


@dataclass(frozen=True, slots=True)
class Refunding:
    """One refund of a payment. `minor` is the amount in minor units, None: all that is left. `key` is the
    idempotency key: the same key in the API's header is the same refund; None: there is none.
    """

    at: CommandContext
    cashier: "PaymentService"
    payment: "Payment"
    minor: int | None
    key: str | None

    def run(self, *, yes: bool) -> str:
        """Asks the person, unless `yes`, and then for the refund; gives what to tell. Raises Fault, and what
        `RefundService.ask_once` raises: then nothing was done.
        """
        from ivr.platform.database.engine import reading
        from ivr.platform.money import plain

        payment = self.payment
        with reading(self.at.engine) as tx:
            if (earlier := self._asked_before(tx)) is not None:
                return self._told(earlier, is_new=False)
            amount_minor = self.cashier.refunds.amount_to_refund(tx, payment.id, self.minor)
        for line in self._shown():
            click.echo(line, err=True)
        if yes and self.key is None:
            self._refuse_a_repeat()
        confirm(f"Refund {plain(amount_minor, payment.currency)} now?", yes=yes)
        return self._asked()

    def _asked_before(self, tx: "sa.Connection") -> "Refund | None":
        from ivr.payments.refunds.service import asked_under

        return None if self.key is None else asked_under(tx, self.payment.id, self.key, self.minor)

    def _shown(self) -> Iterator[str]:
        from ivr.cli.payment_shown import line
        from ivr.platform.money import plain

        yield line(self.payment)
        for one in self._refunds():
            at = f"{one.created_at:%Y-%m-%d %H:%M}Z"
            amount = plain(one.amount_minor, self.payment.currency)
            state, by = one.state.public, legible(one.asked_by)
            yield f"Already refunded: {amount}, {state}, {one.id}, {at}, by {by}"
        if not self._refunds():
            yield "Nothing of it has been refunded yet."

    def _refunds(self) -> "list[RefundShown]":
        from ivr.payments.refunds.store import RefundState

        return [one for one in self.payment.refunds if one.state is not RefundState.DECLINED]

    def _refuse_a_repeat(self) -> None:
        """Nobody is asked, and nothing tells a second refund of this amount from the first one sent again."""
        from ivr.platform.money import plain

        if self.minor is None or self.minor not in {one.amount_minor for one in self._refunds()}:
            return
        amount = plain(self.minor, self.payment.currency)
        raise Fault(
            f"{amount} of payment {self.payment.reference} has already been refunded. To refund the same "
            "amount again, give this refund an --idempotency-key."
        )

    def _asked(self) -> str:
        """The refund, where nothing was refunded since it was shown."""
        from ivr.payments.attempts import store as records
        from ivr.payments.queries import feed as payments

        payment = self.payment
        with self.at.engine.begin() as tx:
            records.locked(tx, payment.id)
            if (earlier := self._asked_before(tx)) is not None:
                return self._told(earlier, is_new=False)
            now = payments.show(tx, payment.id)
            if now is None or [one.id for one in now.refunds] != [one.id for one in payment.refunds]:
                raise Fault(
                    f"Payment {payment.reference} was refunded by someone else just now. Check it, then try "
                    "again."
                )
            cashier, asked_by = self.cashier, who()
            if self.key is None:
                asked = cashier.refunds.ask(tx, payment.id, self.minor, asked_by=asked_by)
            else:
                asked, _ = cashier.refunds.ask_once(
                    tx, payment.id, self.minor, key=self.key, asked_by=asked_by
                )
            return self._told(asked, is_new=True)

    def _told(self, refund: "Refund", *, is_new: bool) -> str:
        from ivr.platform.money import plain

        amount = plain(refund.amount_minor, refund.currency)
        if is_new:
            return f"Refund {refund.id} of {amount} requested."
        state = refund.state.public
        return f"Refund {refund.id} of {amount} was requested earlier with this key; it is {state}."
