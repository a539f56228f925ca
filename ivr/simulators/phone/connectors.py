"""Where the carrier's `<Pay>` takes a card: a connector, asked over HTTP for a token.

`GenericConnector` speaks the carrier's documented protocol for anybody's own; `StripeConnector` stands in for
the one that the carrier keeps for Stripe. The card is bare in the body of one request alone; a fault is told
without it. Source: twilio.com/docs/voice/twiml/pay/generic-pay-connector.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gateways.secret import Secret
from ivr.simulators.phone.cards import KeyedCard

TOTAL_S = 10.0
TRIES_MAX = 6
"""The first, and five more under the same transaction id where nobody answered."""
_OK, _PAYMENT_REQUIRED = 200, 402


@dataclass(frozen=True, slots=True)
class Token:
    token: Secret


@dataclass(frozen=True, slots=True)
class Refused:
    """The processor said no, or nothing that makes sense."""

    error: str
    """As the processor said it."""
    error_code: str | None = None


class Connector(Protocol):
    """Tokenizes a card. `transaction_id` is one for all tries."""

    def tokenize(self, card: KeyedCard, *, transaction_id: str, currency: str) -> Token | Refused: ...


class GenericConnector:
    """A Generic Pay Connector: JSON and Basic auth, to the merchant's own processor."""

    def __init__(self, url: str, username: str, password: Secret) -> None:
        self._url = url
        self._username = username
        self._password = password

    def tokenize(self, card: KeyedCard, *, transaction_id: str, currency: str) -> Token | Refused:
        asked = {
            "transaction_id": transaction_id,
            "method": "tokenize",
            "cardnumber": card.number.reveal(),
            "cvv": card.code.reveal() if card.code else "",
            "expiry_month": card.expiry.reveal()[:2],
            "expiry_year": card.expiry.reveal()[2:],
            "amount": "0.00",
            "currency_code": currency.upper(),
            "postal_code": card.postal_code.reveal() if card.postal_code else "",
            "description": "",
            "parameters": {},
        }
        answer = _patiently(self._url, {"json": asked, "auth": (self._username, self._password.reveal())})
        if isinstance(answer, Refused):
            return answer
        body = answer.body
        if answer.status == _OK and not body.get("error_code") and isinstance(body.get("token_id"), str):
            return Token(Secret(body["token_id"]))
        code = body.get("error_code")
        message = str(body.get("error_message") or "malformed response from the payment provider")
        return Refused(message, str(code) if code else None)


class StripeConnector:
    """Makes a PaymentMethod, as the carrier's connector for Stripe does with tokenType=payment-method."""

    def __init__(self, api_base: str, key: Secret) -> None:
        self._url = f"{api_base.rstrip('/')}/v1/payment_methods"
        self._key = key

    def tokenize(self, card: KeyedCard, *, transaction_id: str, currency: str) -> Token | Refused:  # noqa: ARG002 - a PaymentMethod has no currency
        form = {
            "type": "card",
            "card[number]": card.number.reveal(),
            "card[exp_month]": str(int(card.expiry.reveal()[:2])),
            "card[exp_year]": f"20{card.expiry.reveal()[2:]}",
        }
        if card.code:
            form["card[cvc]"] = card.code.reveal()
        if card.postal_code:
            form["billing_details[address][postal_code]"] = card.postal_code.reveal()
        headers = {"Authorization": f"Bearer {self._key.reveal()}", "Idempotency-Key": transaction_id}
        answer = _patiently(self._url, {"data": form, "headers": headers})
        if isinstance(answer, Refused):
            return answer
        if answer.status == _OK and isinstance(answer.body.get("id"), str):
            return Token(Secret(answer.body["id"]))
        error = answer.body.get("error")
        said: Mapping[str, Any] = error if isinstance(error, dict) else {}
        return Refused(str(said.get("message") or f"HTTP {answer.status}"), said.get("code"))


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: Mapping[str, Any]


def _patiently(url: str, sent: Mapping[str, Any]) -> _Answer | Refused:
    """One request, again under the same id where nobody answered in time."""
    import requests

    with requests.Session() as session:
        session.trust_env = False
        for _ in range(TRIES_MAX):
            try:
                response = session.post(url, timeout=TOTAL_S, allow_redirects=False, **sent)
            except requests.RequestException:  # its text would hold the request
                continue
            try:
                body = response.json()
            except requests.JSONDecodeError:
                body = None
            return _Answer(response.status_code, body if isinstance(body, dict) else {})
    return Refused("the payment provider does not answer")
