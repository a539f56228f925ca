"""The payer's messages: a receipt, a link to pay by, or the word that nothing was charged."""

from dataclasses import dataclass

import sqlalchemy as sa
import structlog

from gateways.declines import Remedy, remedy
from ivr.bills import store as bills
from ivr.events.payment_events import LinkOpened, PaymentApproved, PaymentEvent, PaymentFacts
from ivr.jobs.job_list import Work
from ivr.messaging import messages, templates
from ivr.messaging.messages import Purpose
from ivr.messaging.templates import LinkOffer, ReceiptText
from ivr.payments.attempts.service import AttemptService
from ivr.payments.attempts.states import Method
from ivr.payments.attempts.store import NewAttempt
from ivr.payments.links import store as links
from ivr.platform.clock import Clock
from ivr.platform.ids import Ids
from ivr.platform.settings.line import Wording

log = structlog.get_logger()
_INSTEAD = ".link"
"""Behind the id of a card's payment: what the link that takes its place was made for."""


@dataclass(frozen=True, slots=True)
class PayerMessages:
    """Records each message and asks for its sending, on the channel of this server."""

    work: Work
    clock: Clock
    ids: Ids
    merchant_name: str
    wording: Wording
    channel: str
    attempts: AttemptService | None
    """Makes the payment by link where the bank wants the payer's own approval; None: no link follows."""

    def receipt(self, tx: sa.Connection, event: PaymentApproved) -> None:
        payment = event.payment
        body = templates.receipt(self._receipt(tx, payment), payment.language)
        self._record(tx, payment, Purpose.OUTCOME, body)

    def promised(self, tx: sa.Connection, event: PaymentEvent) -> None:
        """Who left before they heard reads that nothing was charged, or gets a link to pay by."""
        payment = event.payment
        if not payment.text_promised or payment.payer_phone is None:
            return
        if not self._send_link(tx, payment):
            facts, pending = self._receipt(tx, payment), payment.may_be_pending
            body = templates.not_charged(facts, payment.language, may_be_pending=pending)
            self._record(tx, payment, Purpose.OUTCOME, body)

    def link(self, tx: sa.Connection, event: LinkOpened) -> None:
        """One message carries it. A link that an earlier release promised to a withheld caller goes to
        nobody: it stays open until it expires.
        """
        payment = event.payment
        link = links.by_attempt(tx, payment.id)
        if link is None:
            raise RuntimeError(f"attempt {payment.id} has no link that was opened")
        if payment.payer_phone is None:
            log.warning("link_reaches_nobody", attempt_id=payment.id)
            return
        offer = LinkOffer(
            merchant=self.merchant_name,
            wording=self.wording,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            bill=bills.get(tx, payment.bill_id).reference,
            url=link.short_url,
            minutes_left=link.minutes_left(self.clock.now()),
            unheard=_is_instead_of_a_card(payment),
        )
        self._record(tx, payment, Purpose.LINK, templates.link(offer, payment.language))

    def _send_link(self, tx: sa.Connection, over: PaymentFacts) -> bool:
        """The bank wants the payer's own approval, and the payer has hung up: they are sent a link, as they
        would have been on the line. False: they are not, and read that nothing was charged; so they do where
        the link cannot be opened after all.

        It is made in the transaction in which the card's payment ends, so that nobody else takes its part of
        the bill between the two, and once, whoever asks again.
        """
        attempts = self.attempts
        if attempts is None or over.payer_phone is None:
            return False
        if not (attempts.has_links and _wants_approval(over)):
            return False
        if links.had_enough(tx, over.payer_phone, self.clock.now()):
            return False
        link = attempts.make(
            tx,
            NewAttempt(
                made_for=f"{over.id}{_INSTEAD}",
                bill_id=over.bill_id,
                call_id=over.call_id,
                payer_phone=over.payer_phone,
                language=over.language,
                amount_minor=over.amount_minor,
                currency=over.currency,
                method=Method.LINK,
            ),
        )
        if link is None:
            return False
        attempts.ask_link(tx, link.id)
        attempts.promise(tx, link.id)
        return True

    def _receipt(self, tx: sa.Connection, payment: PaymentFacts) -> ReceiptText:
        return ReceiptText(
            merchant=self.merchant_name,
            wording=self.wording,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            bill=bills.get(tx, payment.bill_id).reference,
            last_four=payment.last_four or "",
            reference=payment.reference,
        )

    def _record(self, tx: sa.Connection, payment: PaymentFacts, purpose: Purpose, body: str) -> None:
        messages.record(
            tx,
            attempt_id=payment.id,
            purpose=purpose,
            body=body,
            language=payment.language,
            recipient=payment.payer_phone,
            channel=self.channel,
            work=self.work,
            clock=self.clock,
            ids=self.ids,
        )


def _is_instead_of_a_card(payment: PaymentFacts) -> bool:
    """Whether its payer left while a card was charged, and has not heard that a link would come."""
    return payment.method == Method.LINK and payment.made_for.endswith(_INSTEAD)


def _wants_approval(payment: PaymentFacts) -> bool:
    if payment.method != Method.CARD or payment.decline is None:
        return False
    return remedy(payment.decline) is Remedy.AUTHENTICATE
