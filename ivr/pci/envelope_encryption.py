"""Encryption at rest: AES-256-GCM under a data key per entry, which is wrapped under a key-encryption key.

Every sealed value is bound to its entry and its field: bytes moved to another row or column do not open.
Nonces are random, and a data key seals a few dozen times at most. Only this file and `key_directory.py` ask
the machine for random bytes.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateways.secret import Secret
from ivr.pci.keys import KEY_BYTES, KeyGeneration, KeyGoneError, KeyService, WrappedKey

_NONCE_BYTES = 12


class BrokenSealError(KeyGoneError):
    """The bytes do not open under this key for this entry and field: moved, changed, or another key's."""


class DataKey:
    """The key of one entry, for the time of one turn."""

    __slots__ = ("_aead", "_entry_id")

    def __init__(self, key: bytes, entry_id: str) -> None:
        self._aead = AESGCM(key)
        self._entry_id = entry_id

    def seal(self, field: str, value: Secret) -> bytes:
        """The value, sealed for this entry and field."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, value.reveal().encode(), self._bound(field))

    def open(self, field: str, sealed: bytes) -> Secret:
        """The value back; raises BrokenSealError."""
        try:
            opened = self._aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], self._bound(field))
        except InvalidTag:
            raise BrokenSealError("a seal does not open") from None
        return Secret(opened.decode())

    def _bound(self, field: str) -> bytes:
        return f"paybycall:field:{self._entry_id}:{field}".encode()


def fresh(entry_id: str, generation: KeyGeneration) -> tuple[DataKey, WrappedKey]:
    """A new data key for this entry, and the same wrapped, to be kept."""
    key = AESGCM.generate_key(bit_length=KEY_BYTES * 8)
    nonce = os.urandom(_NONCE_BYTES)
    wrapped = nonce + AESGCM(generation.key).encrypt(nonce, key, _bound_key(entry_id, generation.id))
    return DataKey(key, entry_id), WrappedKey(generation.id, wrapped)


def kept(entry_id: str, keys: KeyService) -> DataKey:
    """The data key that is kept for this entry; raises KeyGoneError."""
    wrapped = keys.fetch(entry_id)
    return unwrap(entry_id, wrapped.wrapped, keys.get(wrapped.generation_id))


def unwrap(entry_id: str, wrapped: bytes, generation: KeyGeneration) -> DataKey:
    """A data key of this entry back; raises BrokenSealError."""
    try:
        key = AESGCM(generation.key).decrypt(
            wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], _bound_key(entry_id, generation.id)
        )
    except InvalidTag:
        raise BrokenSealError("a data key does not unwrap") from None
    return DataKey(key, entry_id)


def _bound_key(entry_id: str, generation_id: str) -> bytes:
    return f"paybycall:key:{entry_id}:{generation_id}".encode()
