"""A PCI process for tests: its Flask app over fakes, a web process that signs, a caller who keys.

The clock stands still, the gateway is a fake behind the contract's own protocols, and cards are sent either
at once or when the test says so. All requests are signed as the real ones are: there is no other way in.
"""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from gateways.contract import Card, CardAuthorized, Declined, Order, Tokenized, Unavailable, Unknown
from gateways.secret import Secret
from ivr.pci.app import create_app
from ivr.pci.dependencies import PciDependencies, build_pci
from ivr.pci.key_directory import DirectoryKeys
from ivr.pci.keys import KeyService
from ivr.pci.settings import PciConfig, load_pci_config
from ivr.pci.tokenizers import CardGateway
from ivr.platform import request_signing as signing
from ivr.platform.ids import Ids
from ivr.simulators.phone.schema import validate
from tests.support.carrier_signature import signed_headers
from tests.support.time_and_ids import ManualClock, SequentialIds

PCI_URL = "https://pci.example.com"
WEB_URL = "https://pay.example.com"
ACCOUNT_SID = "AC0123456789abcdef0123456789abcdef"
CALL_SID = "CAfedcba98765432fedcba98765432feff"
CARRIER_TOKEN = Secret("carrier-token")
INTERNAL_SECRET = Secret("e9d2a4863b5e0f1c7d8a92e35b41f0c7")
ENTRY_ID = "entry.call_1.3"
AUTHORIZE = {"key": "attempt_1", "amount_minor": 4990, "currency": "EUR", "description": "Demo Town Hall"}
"""What is asked of a gateway that makes no tokens."""
RETURN_URL = f"{WEB_URL}/voice/call_1/t/4"
VISA = "4242424242424242"
AMEX = "378282246310005"

both_engines = pytest.mark.parametrize("pci_kind", ["sqlite", "postgres"])
"""For a test whose point is in the database: run on SQLite and on PostgreSQL."""

TokenAnswer = Tokenized | Declined | Unavailable
HoldAnswer = CardAuthorized | Declined | Unknown


class ImmediateExecutor(Executor):
    """Runs what it is given before it returns."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        fn(*args, **kwargs)
        return Future()


class HeldExecutor(Executor):
    """Keeps what it is given until `run` is called."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], Any]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.waiting.append(lambda: fn(*args, **kwargs))
        return Future()

    def run(self) -> None:
        waiting, self.waiting = self.waiting, []
        for one in waiting:
            one()


@dataclass
class FakeCardGateway:
    """Remembers what it was asked, answers what the test wants; `meanwhile` happens during the request."""

    token_answer: TokenAnswer | Exception = field(default_factory=lambda: Tokenized(Secret("tok_1")))
    hold_answer: HoldAnswer | Exception = field(default_factory=lambda: CardAuthorized("auth_1"))
    meanwhile: Callable[[], None] = lambda: None
    cards: list[Card] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)

    def tokenize(self, card: Card, *, key: str) -> TokenAnswer:
        self.cards.append(card)
        self.asked.append({"key": key})
        self.meanwhile()
        if isinstance(self.token_answer, Exception):
            raise self.token_answer
        return self.token_answer

    def authorize(self, card: Card, order: Order) -> HoldAnswer:
        self.cards.append(card)
        self.asked.append(
            {
                "key": order.key,
                "amount_minor": order.amount_minor,
                "currency": order.currency,
                "description": order.description,
                "metadata": order.metadata,
            }
        )
        self.meanwhile()
        if isinstance(self.hold_answer, Exception):
            raise self.hold_answer
        return self.hold_answer


def environment(folder: Path, **changes: str) -> dict[str, str]:
    """A complete environment of the PCI process."""
    return {
        "ENVIRONMENT": "development",
        "PCI_DATABASE_URL": f"sqlite:///{folder}/pci.db",
        "PCI_PUBLIC_URL": PCI_URL,
        "PUBLIC_URL": WEB_URL,
        "INTERNAL_SECRET": INTERNAL_SECRET.reveal(),
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": CARRIER_TOKEN.reveal(),
        "PCI_KEY_DIRECTORY": str(folder / "keys"),
        "GATEWAY": "sandbox",
    } | changes


class CardEntryHarness:
    """One PCI process, and the web process's and carrier's ways of asking it."""

    def __init__(self, engine: sa.Engine, clock: ManualClock, folder: Path, **parts: Any) -> None:
        self.engine = engine
        self.clock = clock
        self.folder = folder
        self.config: PciConfig = load_pci_config(environment(folder))
        self.ids: Ids = parts.get("ids") or SequentialIds()
        self.keys: KeyService = parts.get("keys") or DirectoryKeys(folder / "keys", clock)
        self.gateway: FakeCardGateway = parts.get("gateway") or FakeCardGateway()
        self.executor: Executor = parts.get("executor") or ImmediateExecutor()
        self.pci_parts: PciDependencies = build_pci(
            self.config,
            engine=engine,
            clock=clock,
            ids=self.ids,
            keys=self.keys,
            gateway=CardGateway(tokenizer=self.gateway, authorizer=self.gateway),
            executor=self.executor,
        )
        self.app: Flask = create_app(self.pci_parts)
        self.client = self.app.test_client()
        self._nonces = 0

    def second_process(self, **parts: Any) -> "CardEntryHarness":
        """Another PCI process over the same database and keys."""
        shared = {"keys": self.keys, "gateway": self.gateway, "ids": self.ids}
        other = CardEntryHarness(self.engine, self.clock, self.folder, **(shared | parts))
        other._nonces = self._nonces + 1000
        return other

    def ask(self, target: str, document: Any, **changes: Any) -> TestResponse:
        """A request of the web process, signed. `changes`: body, secret, headers, now, nonce."""
        body = changes.get("body", json.dumps(document).encode())
        self._nonces += 1
        headers = signing.sign(
            [changes.get("secret", INTERNAL_SECRET)],
            method="POST",
            target=target,
            body=body,
            now=changes.get("now", self.clock.now()),
            nonce=changes.get("nonce", f"nonce-{self._nonces}"),
        )
        return self.client.post(target, data=body, headers=headers | changes.get("headers", {}))

    def open(self, entry_id: str = ENTRY_ID, **changes: Any) -> TestResponse:
        document = {
            "id": entry_id,
            "call_sid": CALL_SID,
            "account_sid": ACCOUNT_SID,
            "language": "en",
            "return_url": RETURN_URL,
            "postal_code": False,
            "authorize": None,
        }
        return self.ask("/pci/internal/entries", document | changes)

    def collect(self, entry_id: str = ENTRY_ID, claimant: str = "call_1.4") -> TestResponse:
        return self.ask(f"/pci/internal/entries/{entry_id}/collect", {"claimant": claimant})

    def collected(self, entry_id: str = ENTRY_ID) -> dict[str, Any]:
        answer = self.collect(entry_id)
        assert answer.status_code == 200, answer.text
        return dict(answer.json)

    def hang_up(self, call_sid: str = CALL_SID) -> TestResponse:
        return self.ask(f"/pci/internal/calls/{call_sid}/ended", {})

    def post(self, url: str, form: Mapping[str, str] | None = None, **changes: Any) -> TestResponse:
        """A signed webhook to this full URL, without its fragment. `changes`: token, call_sid, account_sid,
        headers.
        """
        url = urldefrag(url).url
        whole = {
            "CallSid": changes.get("call_sid", CALL_SID),
            "AccountSid": changes.get("account_sid", ACCOUNT_SID),
            **(form or {}),
        }
        headers = changes.get("headers", signed_headers(changes.get("token", CARRIER_TOKEN), url, whole))
        answer = self.client.post(url.removeprefix(PCI_URL), data=whole, headers=headers)
        if answer.mimetype == "text/xml":
            assert validate(answer.text) == []
        return answer

    def turn_url(self, turn: int, entry_id: str = ENTRY_ID) -> str:
        return f"{PCI_URL}/pci/e/{entry_id}/t/{turn}"

    def caller(self, **opening: Any) -> "Caller":
        """A caller who was just sent to a fresh entry, and has heard its first question."""
        opened = self.open(**opening)
        assert opened.status_code == 201, opened.text
        return Caller(self).follow(opened.json["url"])


@dataclass
class Caller:
    """Somebody on the line: knows the last answer, and posts where it says."""

    harness: CardEntryHarness
    document: ET.Element = field(default_factory=lambda: ET.Element("Response"))
    text: str = ""
    url: str = ""

    def follow(self, url: str, form: Mapping[str, str] | None = None) -> "Caller":
        answer = self.harness.post(url, form)
        assert answer.status_code == 200, answer.text
        self.url, self.text, self.document = url, answer.text, ET.fromstring(answer.text)  # noqa: S314 - our own answer
        return self

    @property
    def words(self) -> str:
        return " ".join(say.text or "" for say in self.document.iter("Say"))

    @property
    def gather(self) -> ET.Element:
        found = self.document.find("Gather")
        assert found is not None, self.text
        return found

    @property
    def sent_to(self) -> str | None:
        found = self.document.find("Redirect")
        return None if found is None else urldefrag(found.text or "").url

    @property
    def wanted(self) -> int:
        return int(self.gather.attrib["numDigits"])

    def key(self, keys: str) -> "Caller":
        """Keys into the Gather as a carrier counts them: `#` ends it, and what is too much spills over."""
        while True:
            taken, ended = self._taken(keys)
            finished = "#" if ended else ""
            self.follow(self.gather.attrib["action"], {"Digits": taken, "FinishedOnKey": finished})
            keys = keys[len(taken) + ended :]
            if not keys:
                return self

    def _taken(self, keys: str) -> tuple[str, int]:
        before, hash_key, _ = keys.partition("#")
        if len(before) >= self.wanted:
            return before[: self.wanted], 0
        return before, len(hash_key)

    def silence(self) -> "Caller":
        return self.key("")

    def card(self, number: str = VISA, expiry: str = "0831", code: str = "123") -> "Caller":
        """A whole card, from the first question on."""
        return self.key(number).key(expiry).key(code)

    def wait(self) -> "Caller":
        """Follows one redirect."""
        assert self.sent_to is not None, self.text
        return self.follow(self.sent_to)
