"""What the bank's answers mean. Shared by the adapter and the PCI side, so that both read them alike.

What is not understood to the last field is `Unknown`: an answer that says "seen before", "in progress" or
"fenced" is never a decline, and no text of the bank is repeated unless it is a plain code.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from gateways.contract import CardDeleted, CardOnFile, CardShown, Declined, SaveCardResult, Unknown
from gateways.declines import Decline
from gateways.sandbox.client import BankReply, NoBankReply
from gateways.secret import Secret

_UNDERSTOOD = frozenset({200, 202, 402})
_CODE = re.compile(r"[a-z_]{1,40}")
_REFERENCE = re.compile(r"[a-z]{2,4}_[0-9a-z]{1,40}")
_LAST_FOUR = re.compile(r"[0-9]{4}")
_DECLINED = "declined"
_NOT_PROCESSED = "not_processed"
_HOLDER = re.compile(r"cus_[0-9a-z]{1,40}")
_DECLINES = {
    "authentication_required": Decline.AUTHENTICATION_REQUIRED,
    "blocked": Decline.SUSPECTED_FRAUD,
    "expired_card": Decline.EXPIRED_CARD,
    "generic_decline": Decline.GENERIC,
    "incorrect_cvc": Decline.INCORRECT_CVC,
    "insufficient_funds": Decline.INSUFFICIENT_FUNDS,
    "invalid_expiry": Decline.INVALID_EXPIRY,
    "invalid_number": Decline.INVALID_NUMBER,
    "lost_card": Decline.LOST_STOLEN,
    "processing_error": Decline.ISSUER_UNAVAILABLE,
    "stolen_card": Decline.LOST_STOLEN,
}
KNOWN_DECLINES = frozenset(_DECLINES)
"""A code that is not listed is `GENERIC`: the bank may learn new ones at any time."""


@dataclass(frozen=True, slots=True)
class BankAnswer:
    """How a charge, an authorization or a refund stands with the bank."""

    state: str
    reference: str
    code: str | None = None
    authorisation_code: str | None = None
    card: CardShown | None = None
    """The card that was charged."""
    amount_minor: object = None
    currency: object = None

    def declined(self) -> Declined | None:
        """The decline, where it is one."""
        if self.state != _DECLINED or self.code is None:
            return None
        return Declined(normalised(self.code), self.code, self.reference or None)

    def unclear(self) -> Unknown:
        """For a verb that cannot make its result of this state."""
        return Unknown(f"the bank says {self.state}")


def read_answer(reply: BankReply | NoBankReply) -> BankAnswer | Unknown:
    """The standing that an answer tells; Unknown where it tells none."""
    if isinstance(reply, NoBankReply):
        return Unknown(reply.reason)
    if reply.status not in _UNDERSTOOD:
        return unprocessed(reply)
    state = _matching(_CODE, reply.body.get("state"))
    if state is None:
        return Unknown(f"the bank's answer has no state (HTTP {reply.status})")
    read = BankAnswer(
        state=state,
        reference=_matching(_REFERENCE, reply.body.get("id")) or "",
        code=_matching(_CODE, reply.body.get("code")),
        authorisation_code=_matching(re.compile(r"[0-9A-Z]{6}"), reply.body.get("authorisation_code")),
        card=_card(reply.body),
        amount_minor=reply.body.get("amount_minor"),
        currency=reply.body.get("currency"),
    )
    if state in {"approved", "authorized"} and not read.reference:
        return Unknown(f"the bank says {state} without a reference")
    return read


def unprocessed(reply: BankReply) -> Unknown:
    """Unknown; the same request may be sent again if the bank's own error says that it did nothing."""
    code = error_code(reply.body)
    is_undone = reply.status == HTTPStatus.TOO_MANY_REQUESTS and code == _NOT_PROCESSED
    said = f"the bank refused (HTTP {reply.status}{f', {code}' if code else ''})"
    return Unknown(said, retry_same_key=is_undone)


def error_code(body: Mapping[str, Any]) -> str | None:
    """The code of a refusal, `{"error": {"code": ...}}`, where it is a plain word."""
    error = body.get("error")
    return _matching(_CODE, error.get("code")) if isinstance(error, dict) else None


def card_saved(reply: BankReply | NoBankReply, token: Secret) -> SaveCardResult:
    """The card as it is charged from now on: by the token that stood for it all along."""
    if isinstance(reply, NoBankReply):
        return Unknown(reply.reason)
    code = error_code(reply.body)
    if reply.status == HTTPStatus.PAYMENT_REQUIRED and code is not None:
        return Declined(normalised(code), code)
    gateway_customer_id = reply.body.get("holder")
    if (
        reply.status != HTTPStatus.CREATED
        or not isinstance(gateway_customer_id, str)
        or not _HOLDER.fullmatch(gateway_customer_id)
    ):
        return unprocessed(reply)
    return CardOnFile(gateway_customer_id, token)


def card_deleted(reply: BankReply | NoBankReply) -> CardDeleted | Unknown:
    if isinstance(reply, NoBankReply):
        return Unknown(reply.reason)
    if reply.status == HTTPStatus.OK and reply.body.get("state") == "forgotten":
        return CardDeleted()
    return unprocessed(reply)


def normalised(code: str) -> Decline:
    """The reason behind a code of the bank."""
    return _DECLINES.get(code, Decline.GENERIC)


def _card(body: Mapping[str, Any]) -> CardShown | None:
    brand = _matching(_CODE, body.get("brand"))
    last_four = _matching(_LAST_FOUR, body.get("last_four"))
    return CardShown(brand, last_four) if brand and last_four else None


def _matching(pattern: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None
