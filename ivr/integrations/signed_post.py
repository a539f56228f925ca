"""JSON that is signed and posted to the merchant's system, within a time limit whatever the other side does.

The header `Paybycall-Signature` is `t=<unix seconds>,v1=<hex HMAC-SHA256>`. Signed is `<t>.<body>`, as in
Stripe's webhooks, so that a merchant's programmer knows it already. While a secret is rotated there is one
`v1` for each of the two: the merchant may change theirs at any moment in between. README.md shows the
merchant's check. Redirects are answers, since a signed body goes nowhere else; answers are bounded in size.
"""

import hashlib
import hmac
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

from gateways.http_client import HttpClient, HttpResponse
from gateways.secret import Secret

ANSWER_MAX_BYTES = 65_536
HEADER = "Paybycall-Signature"


@cache
def _trusted_by_this_machine() -> ssl.SSLContext:
    """The machine's own list of authorities, which may hold the merchant's."""
    return ssl.create_default_context()


@dataclass(frozen=True, slots=True)
class SignedPost:
    """Posts to `url`, whose query may hold a secret of the merchant's. Safe to call from any thread."""

    url: str = field(repr=False)
    secrets: Sequence[Secret]
    limit_s: float
    """For the whole exchange, in seconds."""
    trust: ssl.SSLContext = field(default_factory=_trusted_by_this_machine)

    def __call__(self, body: bytes, now: datetime) -> HttpResponse:
        """Raises NoAnswerError."""
        client = HttpClient(self.limit_s, body_bytes_max=ANSWER_MAX_BYTES, trust=self.trust)
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            HEADER: sign(self.secrets, body, now),
        }
        return client.request("POST", self.url, body=body, headers=headers)


def sign(secrets: Sequence[Secret], body: bytes, now: datetime) -> str:
    """The header's value."""
    timestamp = str(int(now.timestamp()))
    return ",".join([f"t={timestamp}", *(f"v1={_mac(secret, timestamp, body)}" for secret in secrets)])


def _mac(secret: Secret, timestamp: str, body: bytes) -> str:
    return hmac.new(secret.reveal().encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
