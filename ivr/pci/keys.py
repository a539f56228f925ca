"""Key-encryption keys, in generations of minutes, and each entry's data key: kept outside the database.

`KeyService` is the port; `key_directory.py` is its one implementation, an HSM or a key service would be
another. What was sealed for an entry can be opened while its key is kept and its generation lives.
Afterwards nobody can open it, whatever bytes survive.
"""

from dataclasses import dataclass, field
from typing import Protocol

GENERATION_S = 300
LIFE_S = 900
KEY_BYTES = 32


class KeyGoneError(Exception):
    """The key is destroyed, or was never here: what it sealed is lost, as intended."""


class KeyStoreError(Exception):
    """The key service cannot be used; the message says what to mend."""


@dataclass(frozen=True, slots=True)
class KeyGeneration:
    """A generation's name and its key."""

    id: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key, sealed under the key of its generation."""

    generation_id: str
    wrapped: bytes = field(repr=False)


class KeyService(Protocol):
    """Where keys live. Never called inside a transaction: it may be a network call."""

    def current(self) -> KeyGeneration:
        """The generation for what is sealed now; made where it does not exist yet."""
        ...

    def get(self, generation_id: str) -> KeyGeneration:
        """A living generation; raises KeyGoneError."""
        ...

    def keep(self, entry_id: str, wrapped: WrappedKey) -> None:
        """Keeps the data key of an entry. The first one stays: whoever comes second changes nothing."""
        ...

    def fetch(self, entry_id: str) -> WrappedKey:
        """The entry's data key; raises KeyGoneError."""
        ...

    def forget(self, entry_id: str) -> None:
        """Destroys the entry's data key, at once; where there is none, nothing happens."""
        ...

    def sweep(self) -> int:
        """Destroys the generations past their life and the data keys kept for longer; returns how many."""
        ...
