"""The server of today on the databases of an earlier release, at the moment at which that one stopped."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from ivr.jobs.job_list import ALL_JOBS
from tests.releases.open_calls import OpenCall, go_on
from tests.releases.snapshot import Snapshot
from tests.releases.surroundings import settings
from tests.support.api_client import ApiClient
from tests.support.carrier_api import CarrierApi, carrier_api
from tests.support.merchant_server import MerchantServer, merchant_server
from tests.support.recorded_jobs import RecordedJob
from tests.support.running_server import running_server
from tests.support.server import Server
from tests.support.server_parts import LockedIds
from tests.support.virtual_clock import VirtualClock

_JOBS = """
SELECT one.workflow_uuid, one.name, one.status, one.delay_until_epoch_ms, given.inputs
FROM {0}workflow_status one JOIN {0}workflow_input given ON given.workflow_uuid = one.workflow_uuid
WHERE one.status IN ('ENQUEUED', 'DELAYED', 'PENDING') ORDER BY one.created_at, one.workflow_uuid
"""
_AUTHORIZING = "SELECT id FROM attempt WHERE gateway_authorization IS NOT NULL OR state = 'authorizing'"


class LaterIds(LockedIds):
    """Ids that no earlier row has."""

    def _next(self, kind: str) -> int:
        return 10_000 + super()._next(kind)


@dataclass(frozen=True)
class JobLeft:
    """Work that the earlier release left behind."""

    name: str
    subject_id: str
    nth: int
    due_at: datetime | None
    """None: at once."""


def jobs_left(engine: sa.Engine) -> list[JobLeft]:
    """All of it, as the database keeps it."""
    query = _JOBS.format("" if engine.dialect.name == "sqlite" else "dbos.")
    with engine.connect() as connection:
        rows = connection.execute(sa.text(query)).all()
    found = []
    for row in rows:
        subject_id, nth, *_ = json.loads(row.inputs)["positionalArgs"]
        delayed = row.status == "DELAYED"
        due_at = datetime.fromtimestamp(row.delay_until_epoch_ms / 1000, UTC) if delayed else None
        found.append(JobLeft(row.name, subject_id, nth, due_at))
    return found


@dataclass
class Resumed:
    """The running server, and everybody around it."""

    snapshot: Snapshot
    server: Server
    carrier: CarrierApi
    merchant: MerchantServer
    engine: sa.Engine

    @property
    def api(self) -> ApiClient:
        """The merchant's program, with the key that it has."""
        return ApiClient(self.server.web, self.snapshot.facts["api_key"], set())

    def go_on(self, name: str, *lines: str, **more: Any) -> str:
        """What the caller of this open call hears from here to its end."""
        call: OpenCall = self.snapshot.calls[name]
        _, ended, said = go_on(self.server, call, lines, **more)
        assert ended is not None
        assert not ended.faults, (name, ended.faults, said)
        return "\n".join(said)

    def column(self, query: str, **values: Any) -> list[Any]:
        """The first column of this query."""
        with self.engine.connect() as connection:
            return list(connection.execute(sa.text(query), values).scalars())

    def page_at_bank(self, token: str) -> str:
        """Where the payer's link leads; the bank listens on another port than it did."""
        answer = self.server.web.test_client().get(f"/pay/{token}")
        assert answer.status_code == 303, answer.text
        return f"{self.server.bank.url}{urlsplit(answer.headers['Location']).path}"


def take_over(server: Server, engine: sa.Engine, snapshot: Snapshot, *, authorizes: bool) -> None:
    """All work that was left is this server's, but for that of attempts whose cards are taken in another way
    than it takes them. Payouts are another gateway's: the sandbox has none.
    """
    named = {job.name: job for job in ALL_JOBS}
    with engine.connect() as connection:
        authorizing = set(connection.execute(sa.text(_AUTHORIZING)).scalars())
    for one in jobs_left(engine):
        assert one.name in named, f"no job is called {one.name} any more"
        if one.name != "read_payout" and (one.subject_id in authorizing) == authorizes:
            asked = RecordedJob(named[one.name], one.subject_id, one.nth, 0.0)
            server.work.keep(asked, one.due_at or snapshot.now)


@contextmanager
def resumed(snapshot: Snapshot, folder: Path, database_url: str, **changes: str) -> Iterator[Resumed]:
    """`folder` holds the databases, migrated; `changes` are settings."""
    clock = VirtualClock()
    clock.advance((snapshot.now - clock.now()).total_seconds())
    with carrier_api() as carrier, merchant_server() as merchant:
        carrier.texts = list(snapshot.facts["texts"])
        carrier.now = snapshot.now
        around = {**settings(carrier.url, merchant.url), **changes}
        with running_server(folder, database_url, b"", clock=clock, ids=LaterIds(), **around) as server:
            engine = server.on.engine
            take_over(server, engine, snapshot, authorizes=changes.get("SANDBOX_CARD_ENTRY") == "authorize")
            yield Resumed(snapshot, server, carrier, merchant, engine)
