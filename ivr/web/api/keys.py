"""API keys: 256 random bits that are shown once and kept as a hash.

A key is found by its hash, so nothing is compared that time could betray; the bits are random, so SHA-256
needs no salt and no stretching. A revoked key is refused from the next request on.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from gateways.secret import Secret
from ivr.platform.clock import Clock
from ivr.platform.ids import Ids
from ivr.web.api.tables import api_key

PREFIX = "pbc_"
"""So that a scanner for leaked secrets knows one."""
NAME_MAX_LENGTH = 80
_TOKEN_MAX_LENGTH = 200


class BadNameError(ValueError):
    """A key's name is what a person finds it by; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key; its secret is not."""

    id: str
    name: str
    created_at: datetime
    revoked_at: datetime | None


def make(tx: sa.Connection, name: str, *, clock: Clock, ids: Ids) -> tuple[ApiKey, Secret]:
    """A new key and, this once, its secret. Raises BadNameError."""
    name = name.strip()
    if not name or len(name) > NAME_MAX_LENGTH or not name.isprintable():
        raise BadNameError(f"A key's name has 1 to {NAME_MAX_LENGTH} printable characters.")
    token = PREFIX + ids.secret()
    made = ApiKey(ids.new("key"), name, clock.now(), None)
    tx.execute(
        api_key.insert().values(id=made.id, name=name, hashed=_hashed(token), created_at=made.created_at)
    )
    return made, Secret(token)


def every(tx: sa.Connection) -> list[ApiKey]:
    """All keys, revoked ones too, the oldest first."""
    return [_key(row) for row in tx.execute(sa.select(api_key).order_by(api_key.c.created_at, api_key.c.id))]


def revoke(tx: sa.Connection, key_id: str, *, clock: Clock) -> ApiKey | None:
    """The key as it stands now; None where there is none. A second time changes nothing."""
    tx.execute(
        api_key.update()
        .where(api_key.c.id == key_id, api_key.c.revoked_at.is_(None))
        .values(revoked_at=clock.now())
    )
    row = tx.execute(sa.select(api_key).where(api_key.c.id == key_id)).one_or_none()
    return None if row is None else _key(row)


def find(tx: sa.Connection, token: str) -> ApiKey | None:
    """The key with this secret, where it is not revoked."""
    if not token.startswith(PREFIX) or len(token) > _TOKEN_MAX_LENGTH:
        return None
    row = tx.execute(
        sa.select(api_key).where(api_key.c.hashed == _hashed(token), api_key.c.revoked_at.is_(None))
    ).one_or_none()
    return None if row is None else _key(row)


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def _key(row: sa.Row[tuple[object, ...]]) -> ApiKey:
    return ApiKey(row.id, row.name, row.created_at, row.revoked_at)
