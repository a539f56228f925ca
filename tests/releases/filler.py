"""The server whose databases are kept, and everybody around it: callers who stay on the line, a worker that
dies, the carrier's news of texts, a merchant's program. Used by `tests.releases.fill` alone.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import requests
import sqlalchemy as sa

from gateways.events import (
    GatewayEvent,
)
from ivr.jobs.enqueue import DurableWork
from ivr.messaging.channels.sms import Sms
from ivr.platform.database.engine import reading
from ivr.worker import handlers
from tests.releases import work_left
from tests.releases.open_calls import DiedError, OpenCall, go_on
from tests.releases.snapshot import DATABASES, dump, keys_in
from tests.releases.surroundings import settings
from tests.support import sandbox_bank, schema
from tests.support.carrier_api import CarrierApi
from tests.support.carrier_signature import signed_headers
from tests.support.merchant_server import MerchantServer
from tests.support.phone import AUTH_TOKEN, WEB, call_settings
from tests.support.recorded_jobs import RecordedJob
from tests.support.running_server import migrated_pci, running_server
from tests.support.server import ENGLISH, Server
from tests.support.server_parts import LockedIds
from tests.support.virtual_clock import VirtualClock

NO_CARD = ("(declined)", "(expiry)", "(code)")
APPROVAL = ("(authentication)", "(expiry)", "(code)")
HOUR_S = 3600
DAY_S = 24 * HOUR_S
STRICT = {
    "CARD_DECLINES_MAX_CALL": "2",
    "CARD_DECLINES_MAX_CALLER": "2",
    "CARD_DECLINES_MAX_BILL": "2",
    "PCI_CARD_DECLINES_MAX": "1",
    "PCI_BIN_DECLINES_MAX": "2",
    "CARD_BREAKER_CHARGES_MIN": "2",
    "CARD_BREAKER_DECLINES_PERCENT": "50",
}


_LEDGER = """
SELECT account || ' ' || sum(amount_minor) FROM ledger_line GROUP BY account ORDER BY account
"""
_PAYABLE = """
SELECT attempt.id, pay_link.token, bill_id FROM attempt JOIN pay_link ON attempt_id = attempt.id
WHERE attempt.payer_phone = :phone AND state = 'link_open'
"""


class CountedBankIds(LockedIds):
    """The bank's ids, with a note of every secret."""

    def __init__(self) -> None:
        super().__init__()
        self.secrets: list[str] = []

    def new(self, prefix: str) -> str:
        return f"{prefix}_{self._next(prefix):020}"

    def secret(self) -> str:
        self.secrets.append(f"bank-{super().secret()}")
        return self.secrets[-1]


@dataclass
class Filler:
    """The databases that are filled, and everybody around the server."""

    folder: Path
    carrier: CarrierApi
    merchant: MerchantServer
    ids: LockedIds = field(default_factory=LockedIds)
    bank_ids: CountedBankIds = field(default_factory=CountedBankIds)
    clock: VirtualClock = field(default_factory=VirtualClock)
    callers: dict[str, str] = field(default_factory=dict)
    """The numbers of those who ring again."""
    calls: dict[str, OpenCall] = field(default_factory=dict)
    waiting: list[Any] = field(default_factory=list)
    """Jobs that nobody has done, from one server to the next."""
    died: list[RecordedJob] = field(default_factory=list)
    """Jobs in the middle of which a worker died."""
    count: int = 0
    api_key: str = ""
    server: Server = field(init=False)

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.folder}/main.db"

    @contextmanager
    def serving(self, **changes: str) -> Iterator[Server]:
        """The server with these settings, where the last one left off."""
        clock = VirtualClock()
        clock.advance((self.clock.now() - clock.now()).total_seconds())
        self.clock = clock
        pci = self.folder / "pci.db"
        around = {**settings(self.carrier.url, self.merchant.url), **changes}
        template = pci.read_bytes() if pci.exists() else migrated_pci(self.folder)
        with (
            patch.object(sandbox_bank, "_NotedIds", lambda: self.bank_ids),
            running_server(
                self.folder, self.database_url, template, clock=clock, ids=self.ids, **around
            ) as server,
        ):
            self.hand_over(server)
            self.server = server
            yield server
            server.clock.settle()
            assert not server.work.failed, server.work.failed
            self.waiting = server.work._waiting
            self.end = clock.now()
            with server.pci_parts.engine.connect() as connection:
                connection.exec_driver_sql("COMMIT")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        clock = VirtualClock()
        clock.advance((self.end - clock.now()).total_seconds())
        self.clock = clock

    @contextmanager
    def beside(self, **changes: str) -> Iterator[None]:
        """Calls of a server with other settings, on the same databases, while this one stands still."""
        server = self.server
        with self.serving(**changes) as other:
            other.work.absent = True
            yield
        self.server, self.clock = server, server.clock
        server.clock.advance((self.end - server.clock.now()).total_seconds())
        self.hand_over(server)

    def hand_over(self, server: Server) -> None:
        """What nobody has done yet is this server's work now."""
        for at, _, asked in self.waiting:
            server.work.asked.append(asked)
            server.work._waiting.append((at, len(server.work.asked), asked))
        self.waiting = []

    # Callers ------------------------------------------------------------------------------------------------

    def bill(self, number: int, **changed: Any) -> str:
        """A bill of the caller of this number; its reference."""
        reference = f"{30_000_000 + number}"
        self.server.add_bill(reference, **{"phone": phone(number), **changed})
        return reference

    def ring(
        self,
        *lines: str,
        name: str = "",
        to_number: str = ENGLISH,
        caller: str | None = None,
        bill: Mapping[str, Any] | None = {},
        **more: Any,
    ) -> tuple[OpenCall, list[str]]:
        """A call of a caller of its own; with a `name` it stays on the line. None: they have no bill."""
        self.count += 1
        if bill is not None:
            self.bill(self.count, **bill)
        url = f"{WEB}/voice/incoming"
        new = OpenCall(name, call_sid(self.count), caller or phone(self.count), to_number, url, {}, None)
        pauses = {"pauses": 1} if name else {}
        stands, ended, said = go_on(self.server, new, lines, stays=bool(name), **{**pauses, **more})
        if name:
            assert ended is None, (name, ended, said)
            self.calls[name] = stands
        else:
            assert ended is not None
            assert not ended.faults, ended.faults
        return stands, said

    def hang_up(self, *lines: str) -> None:
        """A call whose caller puts the phone down as soon as they are to wait."""
        self.ring(*lines, pauses=1)

    def key(self, name: str, *lines: str, **more: Any) -> None:
        """The caller who is on the line keys more, and stays."""
        waits = {"pauses": 1, **more}
        self.calls[name], ended, said = go_on(self.server, self.calls[name], lines, stays=True, **waits)
        assert ended is None, (name, ended, said)

    def last_attempt(self, **where: Any) -> str:
        query = sa.select(schema.attempt.c.id).order_by(
            schema.attempt.c.created_at, schema.attempt.c.reference
        )
        for column, value in where.items():
            query = query.where(schema.attempt.c[column] == value)
        with reading(self.server.on.engine) as tx:
            return list(tx.execute(query).scalars())[-1]

    def value(self, column: sa.Column[Any], **where: Any) -> Any:
        """The one value of this column."""
        query = sa.select(column).where(*(column.table.c[name] == one for name, one in where.items()))
        with reading(self.server.on.engine) as tx:
            return tx.execute(query).scalar_one()

    def card_of(self, caller: str) -> str:
        """The one card that this caller agreed to have kept."""
        return str(
            self.value(schema.saved_card.c.id, customer_id=self.value(schema.customer.c.id, phone=caller))
        )

    def last_refund(self) -> str:
        with reading(self.server.on.engine) as tx:
            query = sa.select(schema.refund.c.id).order_by(schema.refund.c.created_at, schema.refund.c.id)
            return list(tx.execute(query).scalars())[-1]

    def refund(self, attempt_id: str, key: str, amount_minor: int) -> None:
        """A program asks for a refund."""
        path, headers = f"/payments/{attempt_id}/refunds", {"Idempotency-Key": key}
        self.api("POST", path, json={"amount_minor": amount_minor}, headers=headers)

    def heal(self) -> None:
        """The bank has no trouble any more."""
        requests.delete(f"{self.server.bank.url}/control/faults", timeout=5)

    # The worker ---------------------------------------------------------------------------------------------

    def take(self, job: Any, subject_id: str) -> RecordedJob:
        """Takes the next such job off the list."""
        work = self.server.work
        [found, *_] = sorted(
            one for one in work._waiting if (one[2].job, one[2].subject_id) == (job, subject_id)
        )
        work._waiting.remove(found)
        asked: RecordedJob = found[2]
        return asked

    def do(self, job: Any, subject_id: str, **changed: Any) -> None:
        """One job, done by hand: the worker is absent."""
        nth = self.take(job, subject_id).nth
        self.carrier.now = self.server.clock.now()
        handlers(replace(self.server.on, **changed))[job](subject_id, nth)

    def die(self, job: Any, subject_id: str, verb: str) -> None:
        """A worker dies in the middle of this job, as it asks this of the gateway, or sends a text."""
        asked = self.take(job, subject_id)
        self.died.append(asked)
        on = replace(self.server.on, gateway=DyingGateway(self.server.on.gateway, verb))
        with patch.object(Sms, verb, side_effect=DiedError, create=True), suppress(DiedError):
            handlers(on)[job](subject_id, asked.nth)
            raise AssertionError(f"{job.name} never came to {verb}")

    def news(self, kind: str, notice: Any) -> None:
        """A notice of the gateway's, as its webhook would have it."""
        heard = GatewayEvent(self.ids.new("evt"), kind, notice, self.server.clock.now())
        assert self.server.on.payments.gateway_events.take(heard)

    def text_status(self, confirmation_id: str, status: str, code: str = "") -> None:
        """The carrier's news of a text."""
        sid = self.value(schema.confirmation.c.provider_id, id=confirmation_id)
        url = f"{WEB}/messages/status?c={confirmation_id}"
        form = {"MessageSid": sid, "MessageStatus": status, "AccountSid": call_settings().account_sid}
        form |= {"ErrorCode": code} if code else {}
        answer = self.server.transport.post(
            url, {name: [value] for name, value in form.items()}, signed_headers(AUTH_TOKEN, url, form)
        )
        assert answer.status == 204, answer

    def text_of(self, attempt_id: str) -> str:
        return str(self.value(schema.confirmation.c.id, attempt_id=attempt_id))

    def api(self, method: str, path: str, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.api_key}", **more.pop("headers", {})}
        answer = self.server.web.test_client().open(f"/api/v1{path}", method=method, headers=headers, **more)
        assert answer.status_code < 300, answer.text
        return answer.json

    def rows(self, query: str, **values: Any) -> list[Any]:
        """The first column, or the columns of the one row."""
        with reading(self.server.on.engine) as tx:
            rows = tx.execute(sa.text(query), values).all()
        return list(rows[0]) if len(rows[0]) > 1 else [row[0] for row in rows]

    # What is kept -------------------------------------------------------------------------------------------

    def write(self, engine: sa.Engine, into: Path) -> None:
        """Everything as text. Jobs are asked for as they are in production, and some are under way."""
        now = self.server.clock.now()
        durable = DurableWork(engine)
        with engine.begin() as tx:
            for asked in self.died:
                durable.enqueue(tx, asked.job, asked.subject_id, nth=asked.nth)
        worker = [sys.executable, "-m", work_left.__name__, self.database_url, str(len(self.died))]
        assert subprocess.run(worker, check=False, capture_output=True).returncode == 9
        with engine.begin() as tx:
            for at, _, asked in self.server.work._waiting:
                delay_s = max((at - now).total_seconds(), 0)
                durable.enqueue(tx, asked.job, asked.subject_id, nth=asked.nth, delay_s=delay_s)
        due = {f"{one.job.name}:{one.subject_id}:{one.nth}": at for at, _, one in self.server.work._waiting}
        work_left.at(self.folder / "main.db", now, due)
        facts = {
            "now": now.isoformat(),
            "release": "bd60e44",
            "api_key": self.api_key,
            "ledger": self.rows(_LEDGER),
            "payable": self.rows(_PAYABLE, phone=self.callers["payable"]),
            "texts": self.carrier.texts,
            "keys": keys_in(self.folder / "keys"),
            "calls": [call.as_json() for call in self.calls.values()],
        }
        (into / "facts.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
        for name in DATABASES:
            dump(self.folder / f"{name}.db", into / f"{name}.sql")


@dataclass
class DyingGateway:
    """The process dies as it asks this of the gateway."""

    gateway: Any
    verb: str

    def __getattr__(self, name: str) -> Any:
        if name == self.verb:
            raise DiedError
        return getattr(self.gateway, name)


def phone(number: int) -> str:
    return f"+3460010{number:04}"


def call_sid(number: int) -> str:
    return f"CA{number:032x}"
