"""The gateway of a world, as a plug: its stand-in, and the truth about money that the books are held against.

Another gateway is another class like `SimulatedSandbox`: the server reaches it through its real adapter over
the simulated network, and what it holds in the end is the truth. The stand-in itself never fails: what goes
wrong is the way there, and what its issuer is made to say.
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from gateways.capability import CardEntry
from gateways.contract import Gateway
from gateways.events import EventData, GatewayEvent, InvalidWebhookError, PaymentUpdated, RefundUpdated
from gateways.sandbox.adapter import SandboxGateway
from gateways.sandbox.bank.app import create_app
from gateways.sandbox.bank.dependencies import BankDependencies
from gateways.sandbox.bank.ledger import Ledger
from gateways.sandbox.client import BankClient
from ivr.platform.clock import Clock
from ivr.simulators.phone.connectors import Connector
from tests.simulation.chance import Chance
from tests.simulation.network import Answer, Receiver, Request, wsgi
from tests.simulation.scheduler import Scheduler
from tests.support.time_and_ids import SequentialIds

MONEY_PATHS = frozenset(
    {
        "/charges",
        "/authorizations",
        "/captures",
        "/voids",
        "/refunds",
        "/lookups",
        "/links",
        "/link-lookups",
        "/saved-cards",
        "/saved-cards/forgotten",
    }
)
SIGNATURE, SIGNED = "x-sandbox-signature", "the bank's own hand"
_NOT_PROCESSED = b'{"error": {"code": "not_processed"}}'
_SIGNED = {"Content-Type": "application/json", SIGNATURE: SIGNED}


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
class Refunded:
    """Money that the gateway gave back."""

    key: str
    """The refund's id."""
    charge_key: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class ByHand:
    """Money that somebody gave back in the gateway's dashboard."""

    reference: str
    charge_key: str
    amount_minor: int
    came_back: bool


@dataclass(frozen=True, slots=True)
class Truth:
    """What the gateway holds at one moment."""

    taken: Sequence[Taken]
    given_back: Sequence[Refunded]
    """At our word."""
    held: Sequence[str]
    """Keys whose amount the issuer holds, and nobody took."""
    open: Sequence[str]
    """Keys of which nobody can say yet what becomes of them."""
    payable: Sequence[str]
    """Keys whose page can still be paid."""
    kept: Sequence[frozenset[str]]
    """Cards that can pay again, each by all its tokens, as `fingerprint` has them: what was asked for twice
    may have been named twice.
    """
    by_hand: Sequence[ByHand] = ()
    told_given_back: Mapping[str, str] = field(default_factory=dict)
    """Of each webhook that something was given back, by gateway and id: the key of the charge."""
    told_came_back: Mapping[str, str] = field(default_factory=dict)
    """Of each webhook that a refund by hand came to nothing, by gateway and id: that refund."""


def fingerprint(token: str) -> str:
    """By which a token is told from another, and nobody learns it."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class PendingWebhook:
    """One webhook of the gateway's. `posted` gives its headers and its body, signed at that moment."""

    gateway: str
    """Its name: the webhook goes to its own address."""
    posted: Callable[[], tuple[Mapping[str, str], bytes]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a stand-in needs of the world around it."""

    clock: Clock
    scheduler: Scheduler
    chance: Chance
    tell: Callable[[], None]
    """Something happened that nobody asked for just now: there may be news."""


class SimulatedGateway(Protocol):
    """A gateway's stand-in."""

    name: str
    """As GATEWAY has it."""
    host: str
    """Where the server's adapter asks."""
    settings: Mapping[str, str]
    approval: str
    """The card, by its name among the callers', whose bank wants its payer's own approval."""
    repeats_a_fault_for: AbstractSet[str]
    """Keys of ours for which it repeats a fault of its own for a day: they are settled after that at the
    earliest, by a person or by itself.
    """

    def is_money(self, path: str) -> bool:
        """Whether what is asked there is about money: it goes wrong most."""
        ...

    def begin(self, around: Surroundings) -> None:
        """A new world: it has never heard of anybody."""
        ...

    def pay_page(self, url: str, card: str) -> bool:
        """A payer pays on a page of a link by the card of these last four; whether this paid it."""
        ...

    def give_back(self, key: str, amount_minor: int | None, *, is_slow: bool) -> str | None:
        """Somebody in the dashboard gives so much of a charge back, or all that is left; the reference, or
        None where that cannot be done, or not now. `is_slow`: it takes its time, and may come back.
        """
        ...

    def connector(self) -> Connector | None:
        """Where a carrier that takes cards itself has them tokenized."""
        ...

    def complaints(self) -> Sequence[str]:
        """What it was asked for in words that no such gateway understands."""
        ...

    def close(self) -> None: ...

    def receiver(self) -> Receiver: ...

    def truth(self) -> Truth: ...

    def once_only(self, request: Request) -> str | None:
        """A name for what must be asked once in a lifetime, as far as our processes are concerned."""
        ...

    def let_go(self, key: str) -> None:
        """A person in the dashboard waits for what is pending, and releases what is held."""
        ...

    def adapter(self, settings: Any) -> Gateway:
        """The adapter of the web and worker processes."""
        ...

    def news(self) -> Sequence[PendingWebhook]:
        """Webhooks to be sent for what happened since the last time."""
        ...


class SandboxWithWebhooks(SandboxGateway):
    """The sandbox's adapter, and webhooks as other gateways have them: what the bank did, told unasked."""

    def __init__(self, client: BankClient, card_entry: CardEntry) -> None:
        super().__init__(client, card_entry)
        self.capabilities = replace(self.capabilities, webhooks=True)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> GatewayEvent:
        if {name.lower(): value for name, value in headers.items()}.get(SIGNATURE) != SIGNED:
            raise InvalidWebhookError("not signed")
        told = json.loads(body)
        notice: EventData = PaymentUpdated(told["key"], taken=told["state"] in {"approved", "authorized"})
        if told["kind"] == "refund":
            notice = RefundUpdated(told["key"])
        return GatewayEvent(told["id"], f"{told['kind']}.{told['state']}", notice)


class OneConnection(Ledger):
    """The bank's ledger in a simulation of one thread: it is opened once, and not for each transaction."""

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        self._anchor.execute(begin)
        try:
            yield self._anchor
        except BaseException:
            self._anchor.execute("ROLLBACK")
            raise
        self._anchor.execute("COMMIT")


class SimulatedSandbox:
    """The sandbox's own bank, its application called in this process."""

    name = "sandbox"
    host = "bank.example"
    repeats_a_fault_for: AbstractSet[str] = frozenset()
    approval = "approval"

    def __init__(self, folder: Path, card_entry: str) -> None:
        self.settings = {"SANDBOX_URL": f"http://{self.host}", "SANDBOX_CARD_ENTRY": card_entry}
        self._around: Surroundings
        self._limits: Chance
        self._ids = SequentialIds()
        self._told: dict[str, str] = {}
        self._ledger = OneConnection(folder / "bank.db")
        self._receive = wsgi(
            create_app(BankDependencies(self._ledger, self._what_time, self._wait, self._ids))
        )

    def is_money(self, path: str) -> bool:
        return path in MONEY_PATHS

    def begin(self, around: Surroundings) -> None:
        self._around = around
        self._limits = around.chance.apart("limits")
        self._ids._counts.clear()
        self._told.clear()
        with self._ledger.writing() as tx:
            for emptied in ("kept_card", "token", "movement", "card", "link"):
                tx.execute(f"DELETE FROM {emptied}")  # noqa: S608 - the names of its tables

    def receiver(self) -> Receiver:
        return self._received

    def _received(self, request: Request) -> Answer:
        """What is to be sent once, as the world counts, is never turned away."""
        rate = 0.0 if self.once_only(request) else self._around.chance.rates.gateway / 8
        if self._limits.strikes(rate):
            return Answer(429, {"Content-Type": "application/json"}, _NOT_PROCESSED)
        return self._receive(request)

    def truth(self) -> Truth:
        with self._ledger.reading() as tx:
            rows = [dict(row) for row in tx.execute("SELECT * FROM movement ORDER BY rowid")]
            pages = tx.execute("SELECT * FROM link WHERE state = 'open' ORDER BY rowid").fetchall()
            kept = tx.execute(
                "SELECT group_concat(digest, ' ') AS digests"
                " FROM token JOIN kept_card ON kept_card.card_id = token.card_id"
                " WHERE kept_card.holder IS NOT NULL AND NOT forgotten GROUP BY token.card_id ORDER BY 1"
            ).fetchall()
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
                Refunded(row["key"], keys[row["charge_id"]], row["amount_minor"])
                for row in moved
                if row["kind"] == "refund"
            ],
            held=[row["key"] for row in rows if row["state"] == "authorized"],
            open=[row["key"] for row in rows if row["state"] in {"pending", "in_progress"}],
            payable=[
                row["key"]
                for row in pages
                if datetime.fromisoformat(row["expires_at"]) > self._around.clock.now()
            ],
            kept=[frozenset(row["digests"].split()) for row in kept],
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

    def adapter(self, settings: Any) -> Gateway:
        return SandboxWithWebhooks(BankClient(settings.url), CardEntry(settings.card_entry))

    def news(self) -> Sequence[PendingWebhook]:
        """A webhook for each movement that stands elsewhere than before."""
        with self._ledger.reading() as tx:
            rows = tx.execute("SELECT key, kind, state FROM movement ORDER BY rowid").fetchall()
        fresh = [row for row in rows if self._told.get(row["key"]) != row["state"]]
        self._told |= {row["key"]: row["state"] for row in fresh}
        return [
            _news({"id": self._ids.new("evt"), **dict(row)}) for row in fresh if row["state"] != "in_progress"
        ]

    def pay_page(self, url: str, card: str) -> bool:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self._receive(Request("POST", url, headers, f"card={card}".encode()))
        assert urlsplit(url).path.startswith("/pay/"), url
        assert answer.status in {200, 303, 410}, answer
        return answer.status == 303

    def give_back(self, key: str, amount_minor: int | None, *, is_slow: bool) -> None:
        """Its dashboard only shows."""

    def connector(self) -> None:
        return None

    def complaints(self) -> Sequence[str]:
        return []

    def close(self) -> None:
        self._ledger.close()

    def _what_time(self) -> datetime:
        return self._around.clock.now()

    def _wait(self, duration_s: float) -> None:
        if duration_s > 0:
            self._around.scheduler.sleep(duration_s)


def _news(told: Mapping[str, Any]) -> PendingWebhook:
    body = json.dumps(told).encode()
    return PendingWebhook(SimulatedSandbox.name, lambda: (_SIGNED, body))
