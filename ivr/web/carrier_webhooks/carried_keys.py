"""The keys of a turn that failed, carried to its retry: sealed, in the query of our own URLs.

The database may be what failed, and any process may take the retry, so the carrier brings the keys back. They
are sealed under a key made of the carrier's token, bound to call and turn, and open for a minute. Keys that
may be part of a card are not carried: the question is asked again.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence
from datetime import timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateways.secret import Secret
from ivr.platform.clock import Clock

LIFE = timedelta(seconds=60)
KEYS_MAX = 8
"""No Gather of the web process takes more."""
_CARD_PIECE_MIN = 7
_CARDS_BEGIN_WITH = frozenset("234568")
_NONCE_BYTES = 12


def may_be_carried(keys: str) -> bool:
    """Not the first piece of a card that was keyed too early, and not more than a Gather takes."""
    digits = keys.replace("#", "").replace("*", "")
    like_a_card = len(digits) >= _CARD_PIECE_MIN and digits[0] in _CARDS_BEGIN_WITH
    return 0 < len(keys) <= KEYS_MAX and not like_a_card


class CarriedKeys:
    """Seals and opens. `tokens`: the carrier's, two while one is rotated; the first seals."""

    def __init__(self, tokens: Sequence[Secret], clock: Clock) -> None:
        self._ciphers = [AESGCM(_key(token)) for token in tokens]
        self._clock = clock

    def seal(self, call_id: str, turn: int, keys: str) -> str:
        """The keys as a value of a query; empty where they must not be carried."""
        if not may_be_carried(keys):
            return ""
        nonce = os.urandom(_NONCE_BYTES)
        until = int((self._clock.now() + LIFE).timestamp())
        sealed = self._ciphers[0].encrypt(nonce, f"{until}:{keys}".encode(), _bound(call_id, turn))
        return base64.urlsafe_b64encode(nonce + sealed).decode().rstrip("=")

    def open(self, call_id: str, turn: int, sealed: str) -> str | None:
        """None where nothing was carried, or it is too old, of another turn, or not ours."""
        try:
            given = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
        except ValueError:
            return None
        for cipher in self._ciphers:
            try:
                opened = cipher.decrypt(given[:_NONCE_BYTES], given[_NONCE_BYTES:], _bound(call_id, turn))
            except (InvalidTag, ValueError):
                continue
            until, _, keys = opened.decode().partition(":")
            return keys if self._clock.now().timestamp() <= int(until) else None
        return None


def after_apology(carried: str | None, pressed: str | None) -> str | None:
    """What the retry hears, where another key was pressed during the apology. Two different keys can be meant
    either way: then neither counts.
    """
    if not carried or not pressed:
        return carried or pressed
    return carried if len(carried) > 1 or carried == pressed else None


def _key(token: Secret) -> bytes:
    return hmac.new(token.reveal().encode(), b"paybycall: keys behind an apology", hashlib.sha256).digest()


def _bound(call_id: str, turn: int) -> bytes:
    return f"{call_id}:{turn}".encode()
