"""Signed requests between our own processes: PCI knows that web asked, when, and that the request is no
replay.

The signature is HMAC-SHA256 over method, path with query, timestamp, nonce and the body's SHA-256. Several
secrets are accepted while one is rotated; the first signs. The receiver stores each nonce in its database
(`NonceStore`) for longer than a timestamp is accepted, so a copy is refused in every process.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from gateways.secret import Secret

HEADER_TIMESTAMP = "X-Paybycall-Timestamp"
HEADER_NONCE = "X-Paybycall-Nonce"
HEADER_SIGNATURE = "X-Paybycall-Signature"
TOLERANCE_S = 60
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_NONCE = re.compile(r"[!-~]{1,100}")


class BadSignatureError(Exception):
    """The request is not from one of ours, or it is old or seen before; the message never repeats what was
    sent.
    """


class NonceStore(Protocol):
    """Remembers the nonces of the last minutes, for all processes that share a database."""

    def remember(self, nonce: str, now: datetime) -> bool:
        """True where the nonce is new; False where it was seen."""
        ...


def _mac(secret: Secret, *signed: str, body: bytes) -> str:
    message = "\n".join([*signed, hashlib.sha256(body).hexdigest()])
    return hmac.new(secret.reveal().encode(), message.encode(), hashlib.sha256).hexdigest()


def sign(
    secrets: Sequence[Secret], *, method: str, target: str, body: bytes, now: datetime, nonce: str
) -> dict[str, str]:
    """The three headers of a signed request. `target` is the path with its raw query."""
    timestamp = str(int(now.timestamp()))
    return {
        HEADER_TIMESTAMP: timestamp,
        HEADER_NONCE: nonce,
        HEADER_SIGNATURE: _mac(secrets[0], method, target, timestamp, nonce, body=body),
    }


def verify(
    secrets: Sequence[Secret],
    *,
    method: str,
    target: str,
    body: bytes,
    headers: Mapping[str, str],
    now: datetime,
    nonces: NonceStore,
) -> None:
    """Returns where the request is ours and fresh; raises BadSignatureError otherwise."""
    timestamp = headers.get(HEADER_TIMESTAMP, "")
    nonce = headers.get(HEADER_NONCE, "")
    given = headers.get(HEADER_SIGNATURE, "")
    if not _TIMESTAMP.fullmatch(timestamp) or not _NONCE.fullmatch(nonce):
        raise BadSignatureError("the request is not signed")
    expected = [_mac(secret, method, target, timestamp, nonce, body=body) for secret in secrets]
    if not any(hmac.compare_digest(one.encode(), given.encode()) for one in expected):
        raise BadSignatureError(
            "the signature does not match: is INTERNAL_SECRET the same in both processes?"
        )
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE_S:
        raise BadSignatureError("the request is too old or too new: do the clocks of the two machines agree?")
    if not nonces.remember(nonce, now):
        raise BadSignatureError("the request was seen before")
