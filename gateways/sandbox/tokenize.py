"""The sandbox gateway as the PCI process knows it: the only file that reads a card number.

The bare digits stand in one expression, on their way into the sealed body of one request; nothing is logged,
and a lost answer is told without them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateways.capability import Capabilities, CardEntry, GatewayVerb, require
from gateways.contract import Card, CardAuthorized, Declined, Order, Tokenized, Unavailable, Unknown
from gateways.sandbox.answers import error_code, normalised, read_answer, unprocessed
from gateways.sandbox.client import BankClient, NoBankReply, order_fields
from gateways.sandbox.currencies import CURRENCIES
from gateways.sandbox.settings import SandboxCardSettings
from gateways.secret import Secret

_CREATED = 201
_REFUSED = 402
_AUTHORIZES = Capabilities(card_entry=CardEntry.AUTHORIZE, currencies=CURRENCIES)


@dataclass(frozen=True, slots=True)
class SandboxTokenizer:
    """Tokenizes and authorizes at the sandbox bank: which of the two is asked is the web process's choice."""

    client: BankClient

    def tokenize(self, card: Card, *, key: str) -> Tokenized | Declined | Unavailable:
        """A repeat under the same key gives another token for the same card: both together pay once."""
        reply = self.client.post("/tokens", _sealed(card, {"key": key}))
        if isinstance(reply, NoBankReply):
            return Unavailable(reply.reason)
        token = reply.body.get("token")
        if reply.status == _CREATED and isinstance(token, str) and token:
            return Tokenized(Secret(token))
        code = error_code(reply.body)
        if reply.status == _REFUSED and code is not None:
            return Declined(normalised(code), code)
        refused = unprocessed(reply)
        return Unavailable(refused.reason, refused.retry_same_key)

    def authorize(self, card: Card, order: Order) -> CardAuthorized | Declined | Unknown:
        require("sandbox", _AUTHORIZES, GatewayVerb.AUTHORIZE, currency=order.currency)
        asked = _sealed(card, order_fields(order))
        answer = read_answer(self.client.post("/authorizations", asked))
        if isinstance(answer, Unknown):
            return answer
        if answer.state == "authorized":
            return CardAuthorized(answer.reference)
        return answer.declined() or answer.unclear()


def _sealed(card: Card, asked: Mapping[str, Any]) -> Secret:
    """The request's JSON with the card in it, as one Secret."""
    return Secret(
        json.dumps(
            {
                **asked,
                "card": {
                    "number": card.number.reveal(),
                    "expiry_month": card.expiry_month,
                    "expiry_year": card.expiry_year,
                    "code": card.code.reveal(),
                },
            }
        )
    )


def from_settings(settings: SandboxCardSettings) -> SandboxTokenizer:
    """The PCI side as its settings have it."""
    return SandboxTokenizer(BankClient(settings.url))
