"""How long a card number stays in the memory of a real PCI process: read there, as a debugger would."""

import itertools
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import psutil
import pytest
import requests

from gateways.secret import Secret
from ivr.demo.environment import prepare
from ivr.demo.processes import Processes
from ivr.platform import request_signing as signing
from ivr.platform.clock import SystemClock
from ivr.platform.ids import RandomIds
from tests.support.carrier_signature import signed_headers
from tests.support.http_phone_line import PATIENCE_S
from tests.support.process_memory import found_in_memory
from tests.support.running_server import migrated_pci
from tests.support.server_checks import CARDS
from tests.support.server_processes import ServerProcesses
from tests.support.waiting import eventually

PAN = CARDS["visa_debit"]
CODE, EXPIRY = b"973", b"0931"
NEEDLES = [
    *(PAN[at : at + 8].encode() for at in (0, 4, 8)),
    *(PAN.encode(encoding) for encoding in ("utf-16-le", "utf-32-le")),
    *(b"Digits=" + keyed for keyed in (CODE, EXPIRY)),
    b'"code": "' + CODE,
]
"""Parts of the number, too: what is overwritten keeps its first bytes at times."""
SECONDS_MAX = 10.0


@dataclass
class Line:
    """Web and the carrier, as far as the PCI process sees them, over HTTP."""

    server: ServerProcesses
    _count: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def open(self) -> "Entry":
        nth = next(self._count)
        entry = Entry(self, f"CA{nth:032x}", f"entry.call_{nth}.1")
        environ = self.server.environ
        opening = {
            "id": entry.id,
            "call_sid": entry.call_sid,
            "account_sid": environ["TWILIO_ACCOUNT_SID"],
            "language": "en",
            "return_url": f"{environ['PUBLIC_URL']}/voice/call_{nth}/t/2",
            "postal_code": False,
            "authorize": None,
        }
        entry.url = self.ask("/pci/internal/entries", opening)["url"]
        return entry.key("")

    def ask(self, target: str, document: object) -> dict[str, str]:
        body = json.dumps(document).encode()
        headers = signing.sign(
            [Secret(self.server.environ["INTERNAL_SECRET"])],
            method="POST",
            target=target,
            body=body,
            now=SystemClock().now(),
            nonce=RandomIds().secret(),
        )
        answer = requests.post(self._url(target), data=body, headers=headers, timeout=PATIENCE_S)
        assert answer.ok, answer.text
        return dict(answer.json())

    def key(self, url: str, call_sid: str, keys: str) -> str:
        form = {"CallSid": call_sid, "AccountSid": self.server.environ["TWILIO_ACCOUNT_SID"], "Digits": keys}
        headers = signed_headers(Secret(self.server.environ["TWILIO_AUTH_TOKEN"]), url, form)
        answer = requests.post(url, data=form, headers=headers, timeout=PATIENCE_S)
        document = ET.fromstring(answer.text)  # noqa: S314 - our own answer
        gather, onward = document.find("Gather"), document.findtext("Redirect")
        return gather.attrib["action"] if gather is not None else str(onward)

    def _url(self, target: str) -> str:
        return f"http://127.0.0.1:{self.server.ports['pci']}{target}"


@dataclass
class Entry:
    """A caller who keys a card."""

    line: Line
    call_sid: str
    id: str
    url: str = ""

    def key(self, keys: str) -> "Entry":
        self.url = self.line.key(self.url, self.call_sid, keys)
        return self

    def collect(self) -> str:
        """The outcome, once there is one."""
        answers: list[str] = []

        def is_over() -> bool:
            target = f"/pci/internal/entries/{self.id}/collect"
            answers.append(self.line.ask(target, {"claimant": "call_1.2"})["outcome"])
            return answers[-1] != "open"

        eventually(is_over, timeout_s=PATIENCE_S, what="the end of the entry")
        return answers[-1]


@pytest.fixture
def pci(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ServerProcesses]:
    """A bank and a PCI process."""
    demo = prepare(tmp_path, RandomIds(), dict(os.environ))
    (tmp_path / "pci.db").write_bytes(migrated_pci(tmp_path))
    environ = {**demo.environ, "PCI_KEY_DIRECTORY": str(tmp_path / "keys"), **getattr(request, "param", {})}
    processes = Processes(environ, demo.logs)
    server = ServerProcesses(tmp_path, environ, demo.ports, processes, members=("sandbox", "pci"))
    try:
        server.start("sandbox", "pci")
        yield server
    finally:
        server.kill(*server.processes._running)


def _workers(server: ServerProcesses) -> list[int]:
    return [child.pid for child in psutil.Process(server.popen("pci").pid).children()]


def _left(server: ServerProcesses) -> list[bytes]:
    """What of the card stands in the parent or in a worker."""
    return [
        found
        for pid in (server.popen("pci").pid, *_workers(server))
        for found in found_in_memory(pid, NEEDLES)
    ]


def test_no_digit_stays_in_memory(pci: ServerProcesses) -> None:
    """After each part that is keyed, and after the end: within seconds, not two minutes."""
    line = Line(pci)
    [worker] = _workers(pci)
    try:
        known = found_in_memory(worker, [pci.environ["INTERNAL_SECRET"].encode()])
    except PermissionError:  # and so may nobody else of this user; the superuser's run looks inside
        return
    assert known, "what is there is found"
    entry = line.open().key(PAN)
    seconds = [_seconds_until_gone(pci)]
    assert entry.key(EXPIRY.decode()).key(CODE.decode()).collect() == "collected"
    seconds.append(_seconds_until_gone(pci))
    print("seconds until no digit is found, after the number and after the end:", seconds)  # noqa: T201 - for -s


def _seconds_until_gone(server: ServerProcesses) -> float:
    """From now to the beginning of the first look that found nothing."""
    began = time.monotonic()
    looks: list[float] = []

    def is_gone() -> bool:
        looks.append(time.monotonic() - began)
        return not _left(server)

    eventually(is_gone, timeout_s=SECONDS_MAX, what="a memory without the card")
    return round(looks[-1], 1)


def _is_replaced(server: ServerProcesses, before: list[int]) -> bool:
    return not set(before) & set(_workers(server))


@pytest.mark.parametrize("pci", [{"PCI_WORKER_LIFE_S": "1"}], indirect=True)
def test_a_worker_that_heard_keys_is_replaced_and_the_entry_goes_on(pci: ServerProcesses) -> None:
    entry = Line(pci).open()
    for keys in (PAN, EXPIRY.decode(), CODE.decode()):
        before = _workers(pci)
        entry.key(keys)
        another = partial(_is_replaced, pci, before)
        eventually(another, timeout_s=PATIENCE_S, what="another worker")
    assert entry.collect() == "collected"
