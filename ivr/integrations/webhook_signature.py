"""The header `Paybycall-Signature` on what we post to the merchant: `t=<unix seconds>,v1=<hex HMAC-SHA256>`.

Signed is `<t>.<body>`, as Stripe's webhooks are, so that a merchant's programmer knows it already. While a
secret is rotated there is one `v1` for each of the two: the merchant may change theirs at any moment in
between. `is_genuine` is the check as the merchant makes it; README.md shows it without our code.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from gateways.secret import Secret

HEADER = "Paybycall-Signature"
TOLERANCE_S = 300


def sign(secrets: Sequence[Secret], body: bytes, now: datetime) -> str:
    """The header's value."""
    timestamp = str(int(now.timestamp()))
    return ",".join([f"t={timestamp}", *(f"v1={_mac(secret, timestamp, body)}" for secret in secrets)])


def is_genuine(secret: Secret, header: str, body: bytes, now: datetime) -> bool:
    """Whether `secret` signed this body within the last minutes."""
    parts = [part.partition("=") for part in header.split(",")]
    timestamp = next((value for name, _, value in parts if name == "t"), "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):  # noqa: PLR2004 - a date
        return False
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE_S:
        return False
    expected = _mac(secret, timestamp, body).encode()
    return any(hmac.compare_digest(expected, value.encode()) for name, _, value in parts if name == "v1")


def _mac(secret: Secret, timestamp: str, body: bytes) -> str:
    return hmac.new(secret.reveal().encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
