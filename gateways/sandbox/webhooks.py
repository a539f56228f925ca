"""The bank's webhooks: signed by the bank, and heard by the adapter. Shared by both, so that they agree.

The signature is HMAC-SHA256 over the moment and the raw body; what is older than five minutes is refused, so
that nobody replays one for ever. An error never repeats the body.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import datetime

from gateways.events import GatewayEvent, InvalidWebhookError, PaymentUpdated
from gateways.secret import Secret

HEADER = "Sandbox-Signature"
OLDEST_S = 300
_SIGNED = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")
_WORD = re.compile(r"[A-Za-z0-9_.\-]{1,80}")


def webhook_body(event_id: str, kind: str, key: str) -> bytes:
    """The body of a webhook."""
    return json.dumps({"id": event_id, "type": kind, "key": key}).encode()


def sign(secret: Secret, body: bytes, now: datetime) -> str:
    """The header's value."""
    at = int(now.timestamp())
    return f"t={at},v1={_digest(secret, at, body)}"


def parse_webhook(secret: Secret, headers: Mapping[str, str], body: bytes, now: datetime) -> GatewayEvent:
    """What the bank says; raises InvalidWebhookError where it is not signed by the bank, too old or
    unreadable.
    """
    given = next((value for name, value in headers.items() if name.lower() == HEADER.lower()), "")
    signed = _SIGNED.fullmatch(given)
    if signed is None:
        raise InvalidWebhookError("it is not signed")
    at = int(signed[1])
    if not hmac.compare_digest(signed[2], _digest(secret, at, body)):
        raise InvalidWebhookError("its signature is not the bank's")
    if abs(now.timestamp() - at) > OLDEST_S:
        raise InvalidWebhookError("it is too old")
    try:
        said = json.loads(body)
        event_id, kind, key = (said[name] for name in ("id", "type", "key"))
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InvalidWebhookError("its body is not what the bank sends") from None
    if not all(isinstance(word, str) and _WORD.fullmatch(word) for word in (event_id, kind, key)):
        raise InvalidWebhookError("its body is not what the bank sends")
    return GatewayEvent(event_id, kind, PaymentUpdated(key) if kind == "link.paid" else None)


def _digest(secret: Secret, at: int, body: bytes) -> str:
    return hmac.new(secret.reveal().encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
