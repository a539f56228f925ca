"""The nonces of signed requests, remembered for all PCI processes in their database; the only queries of
`nonce`.

A nonce that was seen before is refused, so a copied request does nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ivr.pci.tables import nonce as seen
from ivr.platform.request_signing import TOLERANCE_S

_KEEP = seen.insert()
_TOO_OLD = seen.delete().where(seen.c.seen_at < sa.bindparam("before"))


@dataclass(frozen=True, slots=True)
class DatabaseNonces:
    """An `ivr.platform.request_signing.NonceStore`."""

    engine: sa.Engine

    def remember(self, nonce: str, now: datetime) -> bool:
        try:
            with self.engine.begin() as tx:
                tx.execute(_KEEP, {"nonce": nonce, "seen_at": now})
        except IntegrityError:
            return False
        return True


def forget(tx: sa.Connection, now: datetime) -> None:
    """Drops the nonces of requests that are refused for their age anyway."""
    tx.execute(_TOO_OLD, {"before": now - timedelta(seconds=4 * TOLERANCE_S)})
