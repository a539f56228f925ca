"""The carrier's answers to a `<Pay>`, read: what became of the card, and how far the caller is.

Of each form only what is named here is looked at: postal code and security code are never read, and no field
is ever logged. What the carrier may come to say one day (a Result that is not listed) means that there is no
card, never a crash. Source: twilio.com/docs/voice/twiml/pay.
"""

import re
from collections.abc import Callable

import structlog

from gateways.declines import Decline
from gateways.secret import Secret
from ivr.calls.pay_progress import PayReport
from ivr.integrations.pci_client import CardEntryResult
from ivr.platform.card_entry_outcome import CardEntryOutcome

log = structlog.get_logger()
Get = Callable[[str], str | None]
"""The first value of a field of the form, or None."""

BEHIND_THE_VERB = "pay=over"
"""The query of the Redirect that stands after the verb: some carriers go on there after the last attempt,
and post nothing to the action.
"""
HUNG_UP = "caller-hung-up"
_OUTCOMES = {
    "too-many-failed-attempts": CardEntryOutcome.GAVE_UP,
    "caller-interrupted-with-star": CardEntryOutcome.LEFT,
    HUNG_UP: CardEntryOutcome.ENDED,
    "payment-connector-error": CardEntryOutcome.UNAVAILABLE,
    "validation-error": CardEntryOutcome.UNAVAILABLE,
    "internal-error": CardEntryOutcome.UNAVAILABLE,
}
_OURS_TO_MEND = frozenset({"payment-connector-error", "validation-error", "internal-error"})
_BRANDS = {"diners-club": "diners", "master-card": "mastercard"}
"""The carrier's kinds of card that we call otherwise."""
_BRAND = re.compile(r"[a-z][a-z-]{1,15}")
"""No longer than the books take."""
_LAST_FOUR = re.compile(r"[0-9]{4}$")
_TOKEN = re.compile(r"(?=.*[A-Za-z_])[A-Za-z0-9_.:/+=-]{4,255}")
_EXPIRY = re.compile(r"(0[1-9]|1[0-2])([0-9]{2})")
_CODE = re.compile(r"[0-9]{1,6}")

_DECLINES = (
    (re.compile(r"expired_card|card (has|is) expired"), Decline.EXPIRED_CARD),
    (re.compile(r"(incorrect|invalid)_cvc|security code is (incorrect|invalid)"), Decline.INCORRECT_CVC),
    (re.compile(r"invalid_expiry(_month|_year)?|expiration (month|year) is invalid"), Decline.INVALID_EXPIRY),
    (
        re.compile(r"(incorrect|invalid)_number|card number is (incorrect|not a valid)"),
        Decline.INVALID_NUMBER,
    ),
    (re.compile(r"card_declined|card (is|was) declined|do_not_honor|generic_decline"), Decline.GENERIC),
)
"""What connectors say where the card is at fault and not the line: another card may do."""

_FIELDS = {
    "payment-card-number": "number",
    "expiration-date": "expiry",
    "security-code": "code",
    "postal-code": "postal_code",
    "payment-processing": "processing",
}
_MISTAKES = {
    "input-timeout": "silent",
    "timeout": "silent",
    "invalid-card-number": "wrong_number_of_digits_or_check",
    "invalid-card-type": "card_type_not_taken",
    "invalid-date": "wrong_date",
    "invalid-security-code": "wrong_code",
    "invalid-postal-code": "wrong_postal_code",
    "session-in-progress": "session_in_progress",
    "internal-error": "internal_error",
}
OTHER = "other"


def card_of(get: Get, *, behind_the_verb: bool) -> CardEntryResult | None:
    """What became of the card, in the words of the PCI process; None where the form says nothing of one."""
    result = get("Result")
    if not result:
        return CardEntryResult(CardEntryOutcome.GAVE_UP) if behind_the_verb else None
    if result == "success":
        return _collected(get)
    outcome = _OUTCOMES.get(result, CardEntryOutcome.UNAVAILABLE)
    if result == "payment-connector-error" and (decline := _decline(get)) is not None:
        return CardEntryResult(
            CardEntryOutcome.DECLINED, brand=_brand(get), last_four=_last_four(get), decline=decline
        )
    if result in _OURS_TO_MEND or result not in _OUTCOMES:
        known = result if result in _OUTCOMES else OTHER
        code = get("PayErrorCode") or ""
        log.error("pay_failed", result=known, error_code=code if _CODE.fullmatch(code) else OTHER)
    return CardEntryResult(outcome)


def _collected(get: Get) -> CardEntryResult:
    token, last_four = get("PaymentToken") or "", _last_four(get)
    if not _TOKEN.fullmatch(token) or last_four is None:
        log.error("pay_answer_unusable", has_token=bool(token), has_last_four=last_four is not None)
        return CardEntryResult(CardEntryOutcome.UNAVAILABLE)
    month, year = _expiry(get)
    return CardEntryResult(
        CardEntryOutcome.COLLECTED,
        token=Secret(token),
        brand=_brand(get),
        last_four=last_four,
        expiry_month=month,
        expiry_year=year,
    )


def progress_of(get: Get) -> PayReport | None:
    """A report on the way; None where it is of no field: the result, which the action gets as well."""
    field = get("For")
    if not field:
        return None
    attempt, mistake = get("Attempt") or "", get("ErrorType")
    return PayReport(
        field=_FIELDS.get(field, OTHER),
        attempt=int(attempt) if attempt in {str(number) for number in range(1, 11)} else None,
        mistake=_MISTAKES.get(mistake, OTHER) if mistake else None,
    )


def _brand(get: Get) -> str:
    named = (get("PaymentCardType") or "").lower()
    return _BRANDS.get(named, named) if _BRAND.fullmatch(named) else OTHER


def _last_four(get: Get) -> str | None:
    found = _LAST_FOUR.search(get("PaymentCardNumber") or "")
    return found[0] if found else None


def _expiry(get: Get) -> tuple[int | None, int | None]:
    found = _EXPIRY.fullmatch(get("ExpirationDate") or "")
    return (int(found[1]), 2000 + int(found[2])) if found else (None, None)


def _decline(get: Get) -> Decline | None:
    said = " ".join((get("ConnectorError") or "", get("PaymentError") or "")).lower()
    return next((decline for pattern, decline in _DECLINES if pattern.search(said)), None)
