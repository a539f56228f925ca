"""A bank wants the payer's own approval, and the payer has hung up: they are sent a link, as they would have
been on the line.

The link takes the place of the card's attempt in the transaction in which that one ends, so that nobody else
takes its part of the bill between the two. It is made once, whoever asks again.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from gateways.declines import Remedy, remedy
from ivr.events.payment_events import PaymentFacts
from ivr.payments.attempts.service import AttemptService
from ivr.payments.attempts.states import Method
from ivr.payments.attempts.store import NewAttempt
from ivr.payments.links import open_links
from ivr.platform.clock import Clock

_INSTEAD = ".link"


@dataclass(frozen=True, slots=True)
class PayerApproval:
    """Sends links to who was promised a word about a card."""

    attempts: AttemptService
    clock: Clock

    def send_link(self, tx: sa.Connection, over: PaymentFacts) -> bool:
        """Whether a link is under way, in place of this payment that came to nothing. Where it cannot be
        opened after all, its payer is told that nothing was charged.
        """
        if over.payer_phone is None or not (self.attempts.has_links and _wants_approval(over)):
            return False
        if open_links.had_enough(tx, over.payer_phone, self.clock.now()):
            return False
        link = self.attempts.make(tx, _in_place_of(over, over.payer_phone))
        if link is None:
            return False
        self.attempts.ask_link(tx, link.id)
        self.attempts.promise(tx, link.id)
        return True


def is_instead_of_a_card(payment: PaymentFacts) -> bool:
    """Whether its payer left while a card was charged, and has not heard that a link would come."""
    return payment.method == Method.LINK and payment.made_for.endswith(_INSTEAD)


def _wants_approval(payment: PaymentFacts) -> bool:
    return (
        payment.method == Method.CARD
        and payment.decline is not None
        and remedy(payment.decline) is Remedy.AUTHENTICATE
    )


def _in_place_of(payment: PaymentFacts, payer_phone: str) -> NewAttempt:
    return NewAttempt(
        made_for=f"{payment.id}{_INSTEAD}",
        bill_id=payment.bill_id,
        call_id=payment.call_id,
        payer_phone=payer_phone,
        language=payment.language,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        method=Method.LINK,
    )
