"""The facts of a payment, a refund and a saved card, as events carry them."""

from ivr.events.payment_events import PaymentFacts
from ivr.events.refund_events import RefundFacts
from ivr.events.saved_card_events import SavedCardFacts
from ivr.payments.attempts.states import State
from ivr.payments.attempts.store import Attempt
from ivr.payments.public_state import public_state
from ivr.payments.refunds.store import Refund
from ivr.payments.saved_cards.store import SavedCard


def payment_facts(attempt: Attempt) -> PaymentFacts:
    """The payment as it stands now."""
    return PaymentFacts(
        id=attempt.id,
        reference=attempt.reference,
        bill_id=attempt.bill_id,
        call_id=attempt.call_id,
        made_for=attempt.made_for,
        card_entry_id=attempt.card_entry_id,
        payer_phone=attempt.payer_phone,
        language=attempt.language,
        amount_minor=attempt.amount_minor,
        currency=attempt.currency,
        method=attempt.method,
        gateway=attempt.gateway,
        gateway_reference=attempt.gateway_reference,
        brand=attempt.brand,
        last_four=attempt.last_four,
        decline=attempt.decline,
        state=public_state(attempt.state),
        internal_state=attempt.state,
        text_promised=attempt.promised_at is not None,
        may_be_pending=attempt.state is State.VOIDED or attempt.gateway_authorization is not None,
    )


def refund_facts(refund: Refund) -> RefundFacts:
    """The refund as it stands now."""
    return RefundFacts(id=refund.id, amount_minor=refund.amount_minor, state=public_state(refund.state))


def saved_card_facts(card: SavedCard) -> SavedCardFacts:
    """The card as it stands now."""
    return SavedCardFacts(
        id=card.id,
        customer_id=card.customer_id,
        call_id=card.call_id,
        payment_id=card.attempt_id,
        brand=card.brand,
        last_four=card.last_four,
        deleted_by=card.forgotten_by,
    )
