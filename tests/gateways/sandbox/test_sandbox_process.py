"""`paybycall sandbox` as a process: one line at start, a graceful end, a ledger that survives kill -9."""

import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event
from typing import NamedTuple

import pytest
import requests

from gateways.capability import CardEntry
from gateways.contract import Approved, Cancelled, ChargeRequest, Order, Result, Tokenized, Unknown
from gateways.sandbox.adapter import SandboxGateway
from gateways.sandbox.client import BankClient
from gateways.sandbox.tokenize import SandboxTokenizer
from tests.support.gateway_harness import card

pytestmark = pytest.mark.slow


class Process(NamedTuple):
    process: "subprocess.Popen[str]"
    line: str
    url: str

    @property
    def gateway(self) -> SandboxGateway:
        return SandboxGateway(BankClient(self.url), CardEntry.TOKENIZE)

    def charge(self, key: str, amount_minor: int = 5000) -> Result:
        token = SandboxTokenizer(BankClient(self.url)).tokenize(card("4242424242424242"), key=f"entry-{key}")
        if not isinstance(token, Tokenized):
            return Unknown("no token")
        return self.gateway.charge(ChargeRequest(Order(key, amount_minor, "EUR", "Water"), token.token))

    def think(self, path: str, delay_s: float) -> None:
        requests.post(f"{self.url}/control/faults", json={"path": path, "delay_s": delay_s}, timeout=5)


def command(database: Path, port: int = 0) -> list[str]:
    run = "from ivr.cli.sandbox import command; command()"
    return [sys.executable, "-c", run, "--port", str(port), "--database", str(database)]


@contextmanager
def process(database: Path) -> Iterator[Process]:
    with subprocess.Popen(
        command(database), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as started:
        try:
            assert started.stdout is not None
            line = started.stdout.readline()
            yield Process(started, line, re.findall(r"http://127\.0\.0\.1:\d+", line)[0])
        finally:
            started.kill()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "var" / "sandbox-bank.db"


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_ends_by_a_signal_without_a_word(database: Path, ending: int) -> None:
    with process(database) as bank:
        assert str(database) in bank.line
        bank.gateway.check()
        bank.process.send_signal(ending)

        assert bank.process.communicate(timeout=10)[0] == ""
        assert bank.process.returncode == 0


def test_it_finishes_what_is_under_way_before_it_ends(database: Path) -> None:
    with process(database) as bank, ThreadPoolExecutor() as threads:
        bank.think("/charges", 30)
        charged = threads.submit(bank.charge, "a-1")
        wait_until_in_progress(database, "a-1")
        bank.process.terminate()

        assert isinstance(charged.result(10), Approved)
        assert bank.process.wait(10) == 0


def test_a_taken_port_is_reported_and_leaves_the_ledger_alone(database: Path) -> None:
    with process(database) as bank, ThreadPoolExecutor() as threads:
        bank.think("/charges", 30)
        threads.submit(bank.charge, "a-1")
        wait_until_in_progress(database, "a-1")
        port = int(bank.url.rpartition(":")[2])
        second = subprocess.run(
            command(database, port), check=False, capture_output=True, text=True, timeout=30
        )

        assert second.returncode == 2
        assert f"Port {port} on 127.0.0.1 is already in use" in second.stderr
        assert "Traceback" not in second.stderr
        assert states(database) == {"a-1": "in_progress"}
        bank.process.kill()


def test_a_port_that_there_is_not_is_a_sentence(database: Path) -> None:
    ran = subprocess.run(command(database, 65536), check=False, capture_output=True, text=True, timeout=30)
    assert ran.returncode == 2
    assert "--port" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_bank_killed_during_a_charge_never_charges(database: Path) -> None:
    with process(database) as bank, ThreadPoolExecutor() as threads:
        assert isinstance(bank.charge("a-0"), Approved)
        bank.think("/charges", 30)
        cut_off = threads.submit(bank.charge, "a-1")
        wait_until_in_progress(database, "a-1")
        bank.process.kill()
        assert isinstance(cut_off.result(10), Unknown)

    with process(database) as bank:
        assert bank.gateway.lookup(Order("a-1", 5000, "EUR"), cancel=False) == Cancelled()
        assert isinstance(bank.charge("a-1"), Unknown)
        assert isinstance(bank.gateway.lookup(Order("a-0", 5000, "EUR"), cancel=True), Approved)
    assert states(database) == {"a-0": "approved", "a-1": "fenced"}


def test_a_bank_that_is_killed_under_load_keeps_every_promise_it_gave(database: Path) -> None:
    killed = Event()
    results: dict[str, Result] = {}

    def customer(bank: Process, name: int) -> None:
        number = 0
        while not killed.is_set():
            key = f"c{name}-{number}"
            results[key] = bank.charge(key)
            number += 1

    with process(database) as bank, ThreadPoolExecutor(4) as threads:
        customers = [threads.submit(customer, bank, name) for name in range(4)]
        while len(results) < 40 and not any(one.done() for one in customers):
            killed.wait(0.01)
        bank.process.kill()
        killed.set()
        for one in customers:
            one.result(10)

    assert sum(isinstance(result, Approved) for result in results.values()) >= 20
    with process(database) as bank:
        for key, result in results.items():
            found = bank.gateway.lookup(Order(key, 5000, "EUR"), cancel=True)
            assert (
                found == result if isinstance(result, Approved) else isinstance(found, Approved | Cancelled)
            )
    assert set(states(database).values()) <= {"approved", "fenced"}
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def states(database: Path) -> dict[str, str]:
    with closing(sqlite3.connect(database)) as connection:
        return dict(connection.execute("SELECT key, state FROM movement").fetchall())


def wait_until_in_progress(database: Path, key: str) -> None:
    for _ in range(500):
        if states(database).get(key) == "in_progress":
            return
        Event().wait(0.01)
    raise AssertionError(f"{key} never reached the bank: {states(database)}")
