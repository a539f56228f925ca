"""Ids and secrets, passed in: nobody calls `secrets` or `uuid` elsewhere.

An id reads `bill_7k3...`: its prefix says what it names. Spoken references are digits alone, so that a caller
can note them and key them.
"""

import secrets
from typing import Protocol

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_ID_LENGTH = 20
_LINK_TOKEN_LENGTH = 26
REFERENCE_LENGTH = 8


class Ids(Protocol):
    """Where a component gets a fresh name for a thing."""

    def new(self, prefix: str) -> str:
        """A fresh id, `prefix_` and 100 random bits."""
        ...

    def reference(self) -> str:
        """Eight digits that a caller can note down; not unique by itself: a database constraint sees to
        that.
        """
        ...

    def secret(self) -> str:
        """A fresh URL-safe secret of 256 bits."""
        ...

    def link_token(self) -> str:
        """A fresh secret of 130 bits in small letters and digits: for a link that a person may have to
        type.
        """
        ...


class RandomIds:
    """Ids from the machine's random source."""

    def new(self, prefix: str) -> str:
        return f"{prefix}_{_random(_ID_LENGTH)}"

    def reference(self) -> str:
        return str(secrets.randbelow(9 * 10 ** (REFERENCE_LENGTH - 1)) + 10 ** (REFERENCE_LENGTH - 1))

    def secret(self) -> str:
        return secrets.token_urlsafe(32)

    def link_token(self) -> str:
        return _random(_LINK_TOKEN_LENGTH)


def _random(length: int) -> str:
    """Each character has five random bits: the alphabet has 32."""
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in secrets.token_bytes(length))
