"""Stripe's webhooks: verified by their signature, and read as events of `gateways.events`.

The raw body is what was signed, so it is not parsed before it is verified. Only snapshot events are read: a
"thin" event holds no data, and is refused with a sentence. An event that is not about a payment of ours, or
that the database could not hold, is accepted without data and logged: a refusal would make Stripe send it
again for days.
"""

import logging
import re
from collections.abc import Callable, Mapping

import stripe

from gateways.events import (
    DisputeState,
    DisputeUpdated,
    EventData,
    ExternalRefundFailed,
    GatewayEvent,
    InvalidWebhookError,
    PaymentUpdated,
    PayoutFailed,
    PayoutSettled,
    RefundedExternally,
    RefundUpdated,
)
from gateways.secret import Secret
from gateways.stripe import refunds
from gateways.stripe.answers import StripeFields
from gateways.stripe.intents import KEY

TOLERANCE_S = 300
_REFERENCE_MAX = 80
"""Of an id that is kept."""
_KIND = re.compile(r"[a-z0-9_.]{1,80}")
_DISPUTES = {
    "lost": DisputeState.LOST,
    "prevented": DisputeState.WON,
    "warning_closed": DisputeState.WON,
    "won": DisputeState.WON,
}
_TAKEN = {"succeeded", "requires_capture"}
_log = logging.getLogger(__name__)


def parse_webhook(
    secrets: tuple[Secret, ...], headers: Mapping[str, str], body: bytes, *, live: bool
) -> GatewayEvent:
    """The event; raises InvalidWebhookError. `live`: whether our key takes real money."""
    event = _proven(secrets, headers, body)
    event_id, kind, about = _kept(event, "id"), event.text("type"), event.part("data", "object")
    if event_id is None or kind is None or not _KIND.fullmatch(kind) or about is None:
        raise InvalidWebhookError("the event has no id, no type or no object")
    if event.yes("livemode") is (not live) or event.text("account") is not None:
        _log.warning("an event of Stripe's is of the other mode, or of a connected account: %s", kind)
        return GatewayEvent(event_id, kind, None)
    return GatewayEvent(event_id, kind, _data_of(kind, about), event.moment("created"))


def _proven(secrets: tuple[Secret, ...], headers: Mapping[str, str], body: bytes) -> StripeFields:
    signature = next((value for name, value in headers.items() if name.lower() == "stripe-signature"), None)
    if signature is None:
        raise InvalidWebhookError("the request has no Stripe-Signature")
    for secret in secrets:
        try:
            found = stripe.Webhook.construct_event(body, signature, secret.reveal(), TOLERANCE_S)
        except stripe.SignatureVerificationError:
            continue
        except (AttributeError, RecursionError, TypeError, ValueError):
            thin = b"v2.core.event" in body
            raise InvalidWebhookError(
                "thin events are not supported: set the endpoint to send snapshot events"
                if thin
                else "it is not an event"
            ) from None
        return StripeFields(found.to_dict())
    raise InvalidWebhookError("the Stripe signature does not match, or is older than five minutes")


def _data_of(kind: str, about: StripeFields) -> EventData | None:
    for prefix, read in _READERS.items():
        if kind.startswith(prefix):
            return read(about)
    return None


def _ours(about: StripeFields, name: str) -> str | None:
    key = about.ours("metadata", name)
    if key is None and about.text("metadata", name):
        _log.warning("an event of Stripe's names something of ours by what is no id of ours")
    return key


def _kept(about: StripeFields, *path: str) -> str | None:
    found = about.reference(*path)
    return found if found is not None and len(found) <= _REFERENCE_MAX else None


def _unreadable(what: str) -> None:
    _log.error("a %s that Stripe tells of was not understood: look in its dashboard", what)


def _intent(about: StripeFields) -> EventData | None:
    key = _ours(about, KEY)
    return PaymentUpdated(key, taken=about.code("status") in _TAKEN) if key else None


def _session(about: StripeFields) -> EventData | None:
    key = _ours(about, KEY)
    return PaymentUpdated(key, taken=about.code("payment_status") == "paid") if key else None


def _charge(about: StripeFields) -> EventData | None:
    """Stripe also says "refunded" when an uncaptured authorization is released."""
    key = _ours(about, KEY)
    if key is None:
        return None
    return RefundedExternally(key) if about.yes("captured") else PaymentUpdated(key)


def _refund(about: StripeFields) -> EventData | None:
    """The charge's event tells that others made a refund; only this one tells that it failed."""
    key, charge = _ours(about, refunds.KEY), _kept(about, "payment_intent")
    if key:
        return RefundUpdated(key)
    return ExternalRefundFailed(charge) if charge and about.code("status") in refunds.CAME_BACK else None


def _dispute(about: StripeFields) -> EventData | None:
    reference = _kept(about, "id")
    charge = _kept(about, "payment_intent") or _kept(about, "charge")
    amount, currency = about.whole("amount"), about.currency("currency")
    if reference is None or charge is None or amount is None or currency is None:
        _unreadable("dispute")
        return None
    return DisputeUpdated(
        reference=reference,
        charge_reference=charge,
        amount_minor=amount,
        currency=currency,
        reason=about.code("reason") or "unknown",
        state=_DISPUTES.get(about.code("status") or "", DisputeState.OPEN),
        answer_by=about.moment("evidence_details", "due_by"),
    )


def _payout(about: StripeFields) -> PayoutSettled | None:
    reference, arrives = _kept(about, "id"), about.moment("arrival_date")
    amount, currency = about.whole("amount"), about.currency("currency")
    if reference is None or arrives is None or amount is None or currency is None:
        _unreadable("payout")
        return None
    return PayoutSettled(reference, amount, currency, arrives)


def _failed_payout(about: StripeFields) -> EventData | None:
    told = _payout(about)
    if told is None:
        return None
    code = about.code("failure_code") or "unknown"
    return PayoutFailed(told.reference, told.amount_minor, told.currency, told.arrives, code)


_READERS: dict[str, Callable[[StripeFields], EventData | None]] = {
    "payment_intent.": _intent,
    "checkout.session.": _session,
    "charge.dispute.": _dispute,
    "charge.refund.": _refund,
    "refund.": _refund,
    "charge.refunded": _charge,
    "payout.failed": _failed_payout,
    "payout.reconciliation_completed": _payout,
}
