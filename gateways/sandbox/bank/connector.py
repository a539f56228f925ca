"""The bank as the processor behind a carrier's Generic Pay Connector: its fields in ours, our answer in its.

The carrier's protocol: JSON by POST with Basic auth, one `transaction_id` for all tries of one card, always
200, and an error in the body. Only cards are kept here, nothing is charged. Source:
twilio.com/docs/voice/twiml/pay/generic-pay-connector.
"""

import hmac
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from gateways.sandbox.bank import fields

PATH = "/connector"
USERNAME = "paybycall"
PASSWORD = "sandbox"  # noqa: S105 - of a bank that nobody's money is in, on loopback alone
_DIGITS_OF_A_YEAR = 2
_MESSAGES = {
    "invalid_number": "The card number is not a valid credit card number.",
    "invalid_expiry": "The card's expiration year is invalid.",
    "incorrect_cvc": "The card's security code is incorrect.",
}


def is_let_in(username: str | None, password: str | None) -> bool:
    """Whether these are the connector's credentials."""
    given, wanted = (f"{username}:{password}", f"{USERNAME}:{PASSWORD}")
    return hmac.compare_digest(given.encode(), wanted.encode())


def as_tokenization(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The carrier's request as one for `/tokens`; raises MalformedError, which repeats no value."""
    if fields.text(body, "method") != "tokenize":
        raise fields.MalformedError("method must be tokenize: this bank is charged by the server")
    return {
        "key": f"connector-{fields.text(body, 'transaction_id')}",
        "card": {
            "number": fields.text(body, "cardnumber"),
            "code": fields.text(body, "cvv"),
            "expiry_month": _digits(body, "expiry_month"),
            "expiry_year": 2000 + _digits(body, "expiry_year"),
        },
    }


def answer(status: HTTPStatus, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """What `/tokens` said, as the carrier reads it."""
    if status is HTTPStatus.CREATED:
        return {"token_id": body["token"], "error_code": None, "error_message": None, "parameters": {}}
    code = body["error"]["code"]
    message = _MESSAGES.get(code, "The card was not accepted.")
    return {"token_id": None, "error_code": code, "error_message": message, "parameters": {}}


def _digits(body: Mapping[str, Any], name: str) -> int:
    value = fields.text(body, name)
    if not (value.isascii() and value.isdigit() and len(value) <= _DIGITS_OF_A_YEAR):
        raise fields.MalformedError(f"{name} must be two digits")
    return int(value)
