"""The whole server in the test's process, as a test sees it: its parts, and what happens to it from outside.

Web and PCI are the real Flask applications. Jobs run while time passes, and time passes when the phone waits.
Nothing of a call lives anywhere but in the databases, so every turn saves and reloads its session.
`tests.support.running_server` starts one; `reset` makes it as new for the next test.
"""

import shutil
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import flask
import requests
import sqlalchemy as sa

from gateways.sandbox import webhooks
from gateways.secret import Secret
from ivr.app import make_web
from ivr.bills import store
from ivr.bills.bill import NewBill
from ivr.dependencies import Dependencies
from ivr.pci import tables as pci_schema
from ivr.pci.dependencies import PciDependencies
from ivr.platform.database.engine import reading
from tests.support import schema
from tests.support.databases import empty_wal
from tests.support.due_jobs import DueJobs
from tests.support.phone import CALLER, WEB, WsgiTransport
from tests.support.sandbox_bank import RunningBank
from tests.support.server_parts import LockedIds, PciConnection, SubmissionPool, nothing_meanwhile
from tests.support.virtual_clock import VirtualClock

SPANISH = "+34911111111"
"""Whoever calls this number is spoken to in Spanish."""
ENGLISH = "+442000000000"
PERSON = "+34900900900"
REFERENCE = "10203040"
AMOUNT_MINOR = 4990
MINIMUM_MINOR = 1000
WEBHOOK_SECRET = Secret("a secret between the bank and the server")


@dataclass
class Server:
    """One running server. What a test needs of it."""

    clock: VirtualClock
    ids: LockedIds
    bank: RunningBank
    work: DueJobs
    on: Dependencies
    web: flask.Flask
    pci_parts: PciDependencies
    pci: flask.Flask
    pci_connection: PciConnection
    pool: SubmissionPool
    transport: WsgiTransport
    environ: dict[str, str]
    """The settings of its processes."""
    logs: list[Any] = field(default_factory=list)
    """Every line of every process, before it is scrubbed: `start_server` lays the list in."""
    expected: set[str] = field(default_factory=set)
    """Names of errors in the log that belong to this test."""
    webhooks_are_lost: bool = False

    def add_bill(self, reference: str = REFERENCE, *, phone: str | None = CALLER, **changed: Any) -> str:
        """A bill of 49.90 euros; its id."""
        described = {
            "currency": "EUR",
            "billed_minor": AMOUNT_MINOR,
            "minimum_minor": MINIMUM_MINOR,
            **changed,
        }
        new = NewBill(reference=reference, payer_phone=phone, **described)
        with self.on.engine.begin() as tx:
            store.upsert(tx, new, source="cli", clock=self.clock, ids=self.ids)
            found = store.find(tx, reference)
        assert found is not None
        return found.id

    def receive_bank_webhook(self, kind: str, key: str) -> None:
        """The bank's webhook arrives, unless webhooks are lost; it is signed by the machine's time."""
        if self.webhooks_are_lost:
            return
        body = webhooks.webhook_body(self.ids.new("evt"), kind, key)
        headers = {webhooks.HEADER: webhooks.sign(WEBHOOK_SECRET, body, datetime.now(UTC))}
        answer = self.web.test_client().post("/gateways/sandbox/webhook", data=body, headers=headers)
        assert answer.status_code == 204, answer.text

    def link_texts(self) -> list[str]:
        """The texts that carry a link, the eldest first."""
        texts = schema.confirmation.c
        with reading(self.on.engine) as connection:
            query = sa.select(texts.body).where(texts.purpose == "link").order_by(texts.created_at, texts.id)
            return list(connection.execute(query).scalars())

    def page_of_link(self) -> str:
        """The payer opens the last link that they were texted: where it leads."""
        path = self.link_texts()[-1].split(WEB)[1].split()[0]
        page = self.web.test_client().get(path)
        assert page.status_code == 303, page.text
        return page.headers["Location"]

    def pay_by_link(self, last_four: str = "4242") -> int:
        """The same, and they choose a test card there; 303: it is paid."""
        return self.bank.pay_page(self.page_of_link(), last_four).status_code

    def pass_time(self, duration_s: float) -> None:
        """Whatever falls due in this time is done."""
        self.clock.sleep(duration_s)

    def forget_cards(self) -> None:
        """What the PCI process's caretaker does in a quarter of an hour."""
        self.pass_time(self.pci_parts.config.key_life_s + 60)
        self.pci_parts.sweeper.sweep()

    def reset(self) -> None:
        """As it was when it started, for the next test: starting one takes longer than a call."""
        self.work.absent = True
        while self.clock.is_waited_for:
            self.clock.advance(60)
        self.clock.reset()
        self.work.reset()
        for engine, tables in ((self.on.engine, schema), (self.pci_parts.engine, pci_schema)):
            with engine.begin() as tx:
                for table in reversed(tables.metadata.sorted_tables):
                    tx.execute(table.delete())
            empty_wal(engine)
        with self.bank.ledger.writing() as tx:
            for emptied in ("kept_card", "token", "movement", "card", "link"):
                tx.execute(f"DELETE FROM {emptied}")  # noqa: S608 - the names of its tables
        requests.delete(f"{self.bank.url}/control/faults", timeout=5)
        shutil.rmtree(self.pci_parts.config.key_directory, ignore_errors=True)
        self.ids.reset()
        self.pci_connection.down, self.pci_connection.meanwhile = False, nothing_meanwhile
        self.expected.clear()
        self.webhooks_are_lost = False
        self.transport.posted.clear()

    def another_web(self, **changed: Any) -> flask.Flask:
        """A second web process with the same dependencies."""
        return make_web(replace(self.on, **changed))
