"""Stands in for the connector that the carrier keeps for Stripe."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from gateways.secret import Secret
from ivr.simulators.phone.cards import KeyedCard
from ivr.simulators.phone.connectors import Token, TokenRefused, post_with_retries


class StripeConnector:
    """Makes a PaymentMethod, as the carrier's connector for Stripe does with tokenType=payment-method."""

    def __init__(self, api_base: str, key: Secret) -> None:
        self._url = f"{api_base.rstrip('/')}/v1/payment_methods"
        self._key = key

    def tokenize(self, card: KeyedCard, *, transaction_id: str, currency: str) -> Token | TokenRefused:
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
        answer = post_with_retries(self._url, {"data": form, "headers": headers})
        if isinstance(answer, TokenRefused):
            return answer
        status, body = answer
        if status == HTTPStatus.OK and isinstance(body.get("id"), str):
            return Token(Secret(body["id"]))
        error = body.get("error")
        said: Mapping[str, Any] = error if isinstance(error, dict) else {}
        return TokenRefused(str(said.get("message") or f"HTTP {status}"), said.get("code"))
