"""PostgreSQL's advisory locks, held until the transaction ends. SQLite has one writer, and needs none."""

from collections.abc import Iterable

import sqlalchemy as sa


def hold(tx: sa.Connection, numbers: Iterable[int]) -> None:
    """Waits for each lock in turn. Whoever takes several always takes them in the same order."""
    if tx.dialect.name != "postgresql":
        return
    for number in numbers:
        tx.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))


def number_of(digest: bytes) -> int:
    """The lock's number of a digest: its first eight bytes."""
    return int.from_bytes(digest[:8], "big", signed=True)
