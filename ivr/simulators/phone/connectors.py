"""Where the carrier's `<Pay>` takes a card: a connector, asked over HTTP for a token.

`GenericConnector` speaks the protocol that the carrier documents for any processor. Only the body of one
request holds the card in clear; a fault is reported without it. Source:
twilio.com/docs/voice/twiml/pay/generic-pay-connector.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gateways.secret import Secret
from ivr.simulators.phone.cards import KeyedCard

TOTAL_S = 10.0
TRIES_MAX = 6
"""The first, and five more under the same transaction id where nobody answered."""
_OK = 200


@dataclass(frozen=True, slots=True)
class Token:
    token: Secret


@dataclass(frozen=True, slots=True)
class TokenRefused:
    """The processor said no, or nothing that makes sense."""

    error: str
    """As the processor said it."""
    error_code: str | None = None


class Connector(Protocol):
    """Tokenizes a card. `transaction_id` is one for all tries."""

    def tokenize(self, card: KeyedCard, *, transaction_id: str, currency: str) -> Token | TokenRefused: ...


@dataclass(frozen=True, slots=True)
class GenericConnector:
    """A Generic Pay Connector: JSON and Basic auth, to the merchant's own processor."""

    url: str
    username: str
    password: Secret

    def tokenize(self, card: KeyedCard, *, transaction_id: str, currency: str) -> Token | TokenRefused:
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
        answer = post_with_retries(self.url, {"json": asked, "auth": (self.username, self.password.reveal())})
        if isinstance(answer, TokenRefused):
            return answer
        status, body = answer
        if status == _OK and not body.get("error_code") and isinstance(body.get("token_id"), str):
            return Token(Secret(body["token_id"]))
        code = body.get("error_code")
        message = str(body.get("error_message") or "malformed response from the payment provider")
        return TokenRefused(message, str(code) if code else None)


def post_with_retries(url: str, sent: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]] | TokenRefused:
    """Status and JSON of one request, sent again under the same id where nobody answered in time."""
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
            return response.status_code, body if isinstance(body, dict) else {}
    return TokenRefused("the payment provider does not answer")
