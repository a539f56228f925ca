"""Bills, payments and the rest as JSON. Amounts twice: `amount` as text, `amount_minor` for programs.

What leaves is listed here field by field, so that a new column never leaves by itself. The schemas of
`ivr.web.api.schemas` say the same, and a test holds the two together.
"""

from datetime import datetime
from typing import Any

from ivr.bills.bill import Bill
from ivr.finance.disputes import DisputeShown
from ivr.finance.payout_lines import LineShown
from ivr.finance.payout_queries import PayoutShown
from ivr.integrations.webhooks_out import rfc3339
from ivr.messaging.resend import Held
from ivr.payments.public_state import public_state
from ivr.payments.queries.feed import LinkShown, Payment, RefundShown
from ivr.payments.saved_cards.store import SavedCard
from ivr.platform.lockout import Lockout
from ivr.platform.money import plain


def decimal(amount_minor: int, currency: str) -> str:
    """The amount as 49.90, without its currency."""
    return plain(amount_minor, currency).partition(" ")[0]


def bill(shown: Bill) -> dict[str, Any]:
    return {
        "reference": shown.reference,
        "status": shown.status,
        "currency": shown.currency,
        "amount": decimal(shown.billed_minor, shown.currency),
        "amount_minor": shown.billed_minor,
        "minimum_minor": shown.minimum_minor,
        "paid_minor": shown.paid_minor,
        "paid_elsewhere_minor": shown.elsewhere_minor,
        "reserved_minor": shown.reserved_minor,
        "payable_minor": shown.payable_minor,
        "due_date": None if shown.due_date is None else shown.due_date.isoformat(),
        "phone": shown.payer_phone,
        "source": shown.source,
        "created_at": rfc3339(shown.created_at),
        "updated_at": rfc3339(shown.updated_at),
    }


def payment(shown: Payment, gateway_url: str | None) -> dict[str, Any]:
    """`gateway_url` is the payment's page in the gateway's dashboard."""
    return {
        "id": shown.id,
        "reference": shown.reference,
        "state": public_state(shown.state),
        "internal_state": shown.state,
        "method": shown.method,
        "link": None if shown.link is None else link(shown.link),
        "currency": shown.currency,
        "amount": decimal(shown.amount_minor, shown.currency),
        "amount_minor": shown.amount_minor,
        "refunded_minor": shown.refunded_minor,
        "bill_reference": shown.bill_reference,
        "call_id": shown.call_id,
        "gateway": shown.gateway,
        "gateway_reference": shown.gateway_reference,
        "gateway_url": gateway_url,
        "authorisation_code": shown.authorisation_code,
        "brand": shown.brand,
        "last_four": shown.last_four,
        "decline": shown.decline,
        "created_at": rfc3339(shown.created_at),
        "updated_at": rfc3339(shown.updated_at),
        "settled_at": _moment(shown.settled_at),
        "refunds": [refund(one, shown.currency) for one in shown.refunds],
    }


def link(shown: LinkShown) -> dict[str, Any]:
    return {
        "opened_at": _moment(shown.opened_at),
        "expires_at": rfc3339(shown.expires_at),
    }


def refund(shown: RefundShown, currency: str) -> dict[str, Any]:
    return {
        "id": shown.id,
        "payment_id": shown.attempt_id,
        "status": public_state(shown.state),
        "state": shown.state,
        "currency": currency,
        "amount": decimal(shown.amount_minor, currency),
        "amount_minor": shown.amount_minor,
        "gateway_reference": shown.gateway_reference,
        "asked_by": shown.asked_by,
        "created_at": rfc3339(shown.created_at),
        "updated_at": rfc3339(shown.updated_at),
        "settled_at": _moment(shown.settled_at),
    }


def saved_card(shown: SavedCard) -> dict[str, Any]:
    """Neither its token nor its holder at the gateway: these charge it."""
    return {
        "id": shown.id,
        "phone": shown.phone,
        "state": shown.state,
        "gateway": shown.gateway,
        "brand": shown.brand,
        "last_four": shown.last_four,
        "expiry_month": shown.expiry_month,
        "expiry_year": shown.expiry_year,
        "consent": {
            "wording": shown.consent.wording,
            "language": shown.consent.language,
            "prompt": shown.consent.prompt,
            "release": shown.consent.release,
            "at": rfc3339(shown.consent.at),
            "call_id": shown.call_id,
        },
        "kept_at": _moment(shown.kept_at),
        "deleted_by": shown.forgotten_by,
        "deletion_asked_at": _moment(shown.forget_asked_at),
        "deleted_at": _moment(shown.forgotten_at),
    }


def payout(shown: PayoutShown) -> dict[str, Any]:
    return {
        "id": shown.id,
        "reference": shown.reference,
        "gateway": shown.gateway,
        "state": shown.state,
        "currency": shown.currency,
        "amount": decimal(shown.amount_minor, shown.currency),
        "amount_minor": shown.amount_minor,
        "arrives_on": shown.arrives.date().isoformat(),
        "failure_code": shown.failure_code,
        "has_lines": shown.read_at is not None,
        "created_at": rfc3339(shown.told_at),
        "updated_at": rfc3339(shown.updated_at),
    }


def payout_line(shown: LineShown) -> dict[str, Any]:
    return {
        "kind": shown.kind,
        "currency": shown.currency,
        "gross_minor": shown.gross_minor,
        "fee_minor": shown.fee_minor,
        "net_minor": shown.net_minor,
        "payment_reference": shown.payment,
        "refund_id": shown.refund_id,
        "charge_reference": shown.charge_reference,
        "source_reference": shown.source_reference,
        "occurred_at": rfc3339(shown.occurred_at),
    }


def dispute(shown: DisputeShown) -> dict[str, Any]:
    return {
        "reference": shown.reference,
        "gateway": shown.gateway,
        "state": shown.state,
        "currency": shown.currency,
        "amount": decimal(shown.amount_minor, shown.currency),
        "amount_minor": shown.amount_minor,
        "reason": shown.reason,
        "answer_by": _moment(shown.answer_by),
        "payment_id": shown.payment_id,
        "payment_reference": shown.payment,
        "bill_reference": shown.bill_reference,
        "opened_at": rfc3339(shown.opened_at),
        "updated_at": rfc3339(shown.updated_at),
    }


def lockout(found: Lockout, now: datetime) -> dict[str, Any]:
    return {
        "id": found.id,
        "kind": found.kind,
        "subject": found.shown,
        "state": found.state(now),
        "since": rfc3339(found.since),
        "until": rfc3339(found.until),
        "why": found.why,
        "call_id": found.call_id,
        "lifted_at": _moment(found.lifted_at),
        "lifted_by": found.lifted_by,
    }


def message(shown: Held) -> dict[str, Any]:
    return {
        "id": shown.id,
        "purpose": shown.purpose,
        "payment": shown.payment,
        "error_code": shown.error_code,
        "created_at": rfc3339(shown.created_at),
        "tried_at": _moment(shown.tried_at),
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)
