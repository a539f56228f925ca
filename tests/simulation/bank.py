"""The gateway of a world, as a plug: its stand-in, and the truth about money that the books are held against.

May import `gateways.sandbox.bank` and its own folder. A second gateway is a second class like `SandboxBank`:
the house reaches it through its real adapter over the simulated network, and what it holds in the end is the
truth. The stand-in itself never fails: what goes wrong is the way there, and what its issuer is made to say.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from gateways.contract import CardEntry, Gateway
from gateways.notices import BadNoticeError, Heard, Notice, PaymentMoved, RefundMoved
from gateways.sandbox.adapter import SandboxGateway
from gateways.sandbox.bank.app import create_app
from gateways.sandbox.bank.ledger import Ledger
from gateways.sandbox.bank.premises import Premises
from gateways.sandbox.client import BankClient
from ivr.ids import SequentialIds
from tests.simulation.network import Receiver, Request, wsgi

SIGNATURE, SIGNED = "x-sandbox-signature", "the bank's own hand"


@dataclass(frozen=True, slots=True)
class Taken:
    """Money that the gateway took from a card."""

    key: str
    """What it was asked under; ours is the attempt's id."""
    reference: str
    bill: str | None
    """The bill's reference, where the gateway was told."""
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class GivenBack:
    """Money that the gateway gave back."""

    key: str
    """The refund's id."""
    charge_key: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Truth:
    """What the gateway holds at one moment."""

    taken: Sequence[Taken]
    given_back: Sequence[GivenBack]
    held: Sequence[str]
    """Keys whose amount the issuer holds, and nobody took."""
    open: Sequence[str]
    """Keys of which nobody can say yet what becomes of them."""


@dataclass(frozen=True, slots=True)
class News:
    """One webhook of the gateway's, as it posts it."""

    headers: Mapping[str, str]
    body: bytes


class Bank(Protocol):
    """A gateway's stand-in."""

    name: str
    """As GATEWAY has it."""
    host: str
    """Where the house's adapter asks."""
    card_entries: Sequence[str]
    settings: Mapping[str, str]
    money_paths: frozenset[str]
    """What is asked there is about money: it goes wrong most."""

    def begin(self, now: Callable[[], datetime], sleep: Callable[[float], object]) -> None:
        """A new world: it has never heard of anybody."""
        ...

    def receiver(self) -> Receiver: ...

    def truth(self) -> Truth: ...

    def once_only(self, request: Request) -> str | None:
        """A name for what must be asked once in a lifetime, as far as our processes are concerned."""
        ...

    def let_go(self, key: str) -> None:
        """A person in the dashboard waits for what is pending, and releases what is held."""
        ...

    def adapter(self, settings: Mapping[str, Any]) -> Gateway:
        """The adapter of the web and worker processes."""
        ...

    def news(self) -> Sequence[News]:
        """Webhooks to be sent for what happened since the last time."""
        ...


class TellingSandbox(SandboxGateway):
    """The sandbox's adapter, and webhooks as other gateways have them: what the bank did, told unasked."""

    def __init__(self, client: BankClient, card_entry: CardEntry) -> None:
        super().__init__(client, card_entry)
        self.capabilities = replace(self.capabilities, notices=True)

    def hear(self, headers: Mapping[str, str], body: bytes) -> Heard:
        if {name.lower(): value for name, value in headers.items()}.get(SIGNATURE) != SIGNED:
            raise BadNoticeError("not signed")
        told = json.loads(body)
        notice: Notice = PaymentMoved(told["key"], taken=told["state"] in {"approved", "authorized"})
        if told["kind"] == "refund":
            notice = RefundMoved(told["key"])
        return Heard(told["id"], f"{told['kind']}.{told['state']}", notice)


class OneConnection(Ledger):
    """The bank's ledger in a house of one thread: it is opened once, and not for each transaction."""

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        self._anchor.execute(begin)
        try:
            yield self._anchor
        except BaseException:
            self._anchor.execute("ROLLBACK")
            raise
        self._anchor.execute("COMMIT")


class SandboxBank:
    """The sandbox's own bank, its application called in this process."""

    name = "sandbox"
    host = "bank.example"
    card_entries = ("tokenize", "authorize")
    money_paths = frozenset({"/charges", "/authorizations", "/captures", "/voids", "/refunds", "/lookups"})

    def __init__(self, folder: Path) -> None:
        self.settings = {"SANDBOX_URL": f"http://{self.host}"}
        self._now: Callable[[], datetime]
        self._sleep: Callable[[float], object]
        self._ids = SequentialIds()
        self._told: dict[str, str] = {}
        self._ledger = OneConnection(folder / "bank.db")
        self._receive = wsgi(create_app(Premises(self._ledger, self._what_time, self._wait, self._ids)))

    def begin(self, now: Callable[[], datetime], sleep: Callable[[float], object]) -> None:
        self._now, self._sleep = now, sleep
        self._ids._counts.clear()
        self._told.clear()
        with self._ledger.writing() as tx:
            for emptied in ("DELETE FROM token", "DELETE FROM movement", "DELETE FROM card"):
                tx.execute(emptied)

    def receiver(self) -> Receiver:
        return self._receive

    def truth(self) -> Truth:
        with self._ledger.reading() as tx:
            rows = [dict(row) for row in tx.execute("SELECT * FROM movement ORDER BY rowid")]
        keys = {row["id"]: row["key"] for row in rows}
        moved = [row for row in rows if row["state"] == "approved"]
        return Truth(
            taken=[
                Taken(
                    row["key"],
                    row["id"],
                    json.loads(row["metadata"]).get("bill"),
                    row["amount_minor"],
                    row["currency"],
                )
                for row in moved
                if row["kind"] != "refund"
            ],
            given_back=[
                GivenBack(row["key"], keys[row["charge_id"]], row["amount_minor"])
                for row in moved
                if row["kind"] == "refund"
            ],
            held=[row["key"] for row in rows if row["state"] == "authorized"],
            open=[row["key"] for row in rows if row["state"] in {"pending", "in_progress"}],
        )

    def once_only(self, request: Request) -> str | None:
        if request.path not in {"/charges", "/refunds"}:
            return None
        return f"{request.path} {json.loads(request.body)['key']}"

    def let_go(self, key: str) -> None:
        headers = {"Content-Type": "application/json"}
        body = json.dumps({"key": key, "fence": False}).encode()
        question = Request("POST", f"http://{self.host}/lookups", headers, body)
        while key in self.truth().open:
            answer = self._receive(question)
            assert answer.status < 400, answer
        with self._ledger.writing() as tx:
            tx.execute("UPDATE movement SET state = 'voided' WHERE key = ? AND state = 'authorized'", (key,))

    def adapter(self, settings: Mapping[str, Any]) -> Gateway:
        return TellingSandbox(BankClient(settings["SANDBOX_URL"]), CardEntry(settings["SANDBOX_CARD_ENTRY"]))

    def news(self) -> Sequence[News]:
        """A webhook for each movement that stands elsewhere than before."""
        with self._ledger.reading() as tx:
            rows = tx.execute("SELECT key, kind, state FROM movement ORDER BY rowid").fetchall()
        fresh = [row for row in rows if self._told.get(row["key"]) != row["state"]]
        self._told |= {row["key"]: row["state"] for row in fresh}
        return [
            News(
                {"Content-Type": "application/json", SIGNATURE: SIGNED},
                json.dumps({"id": self._ids.new("evt"), **dict(row)}).encode(),
            )
            for row in fresh
            if row["state"] != "in_progress"
        ]

    def close(self) -> None:
        self._ledger.close()

    def _what_time(self) -> datetime:
        return self._now()

    def _wait(self, duration_s: float) -> None:
        if duration_s > 0:
            self._sleep(duration_s)
