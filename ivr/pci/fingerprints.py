"""Fingerprints tell one card from another without storing it: keyed hashes of its number and of its BIN.

HMAC-SHA256 under PCI_FINGERPRINT_KEY, with a derived key for each of the two, so that neither opens the
other. A bare hash of a number is found by trying all numbers (PCI DSS 3.5.1.1). Each value stands beside
the id of its key: while a key is rotated the new one is written, and both are looked for.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateways.secret import Secret

_LONG_BIN_FROM = 16
_KEY_ID_LENGTH = 8
SHOWN_LENGTH = 8


class FingerprintKind(StrEnum):
    """What is counted and locked out here."""

    CARD = "card"
    BIN = "bin"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One keyed hash. `value` is hexadecimal."""

    kind: FingerprintKind
    key_id: str
    value: str


@dataclass(frozen=True, slots=True)
class CardFingerprints:
    """Of one card: what is written now, and everything it may have been written as before."""

    card: Fingerprint
    bin: Fingerprint
    known_as: tuple[Fingerprint, ...]

    def of(self, kind: FingerprintKind) -> tuple[Fingerprint, ...]:
        return tuple(mark for mark in self.known_as if mark.kind is kind)


class FingerprintKeys:
    """Makes fingerprints. The first key is used to write; all are looked for."""

    def __init__(self, keys: Sequence[Secret]) -> None:
        if not keys:
            raise ValueError("a fingerprint needs a key")
        self._keys = tuple(_Key(key) for key in keys)

    def of(self, number: Secret) -> CardFingerprints:
        """The fingerprints of a card by its number."""
        digits = number.reveal()
        known = tuple(mark for key in self._keys for mark in (key.card(digits), key.bin(digits)))
        return CardFingerprints(known[0], known[1], known)


class _Key:
    """One key of PCI_FINGERPRINT_KEY: its id, and a key derived from it for each use."""

    def __init__(self, key: Secret) -> None:
        self._for_card = _mac(key.reveal().encode(), "card number")
        self._for_bin = _mac(key.reveal().encode(), "issuer number")
        self._id = _mac(key.reveal().encode(), "key id").hex()[:_KEY_ID_LENGTH]

    def card(self, digits: str) -> Fingerprint:
        return Fingerprint(FingerprintKind.CARD, self._id, _mac(self._for_card, digits).hex())

    def bin(self, digits: str) -> Fingerprint:
        """The issuer's part: eight digits, or six of a shorter number (ISO/IEC 7812-1:2017)."""
        issuer = digits[:8] if len(digits) >= _LONG_BIN_FROM else digits[:6]
        return Fingerprint(FingerprintKind.BIN, self._id, _mac(self._for_bin, issuer).hex())


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
