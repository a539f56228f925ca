"""Parts of the demo: its ports, its lock, its bills, and the texts out of the worker's log."""

import socket
from pathlib import Path

import pytest
import sqlalchemy as sa

from ivr.bills.bill import Status
from ivr.customers import customer
from ivr.demo.bills import SAMPLES, bills_of, make_bills, what_to_key
from ivr.demo.environment import FolderLock, is_ready, number_of, ports_like
from ivr.demo.processes import Texts
from ivr.platform.clock import SystemClock
from ivr.platform.database.migrations import migrate
from ivr.platform.ids import RandomIds


def test_a_port_that_is_taken_is_replaced() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = ports_like({"web": port, "pci": 0})
    assert port not in found.values()
    assert len(set(found.values())) == 2
    assert ports_like({"web": port}) == {"web": port}, "the one wanted, where it is free"


def test_one_demo_or_any_number_of_calls(tmp_path: Path) -> None:
    call, another = FolderLock.take(tmp_path, alone=False), FolderLock.take(tmp_path, alone=False)
    assert call is not None
    assert another is not None
    with call, another:
        assert FolderLock.take(tmp_path, alone=True) is None
    demo = FolderLock.take(tmp_path, alone=True)
    assert demo is not None
    with demo:
        assert FolderLock.take(tmp_path, alone=True) is None
        assert FolderLock.take(tmp_path, alone=False) is None
        assert not is_ready(tmp_path)
        demo.say_ready()
        assert is_ready(tmp_path)
    again = FolderLock.take(tmp_path, alone=True)
    assert again is not None
    with again:
        assert not is_ready(tmp_path), "what the last one said is forgotten"


def test_texts_come_whole_and_once(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text('{"event": "worker_started"}\n\n  +-- text to +34600000001\n  | Demo Town')
    texts = Texts(log)
    assert texts.new() == ["  +-- text to +34600000001"]
    with log.open("a") as file:
        file.write(" Hall: 49,90 €\n  +--\n\n")
    assert texts.new() == ["  | Demo Town Hall: 49,90 €", "  +--"]
    assert texts.new() == []


@pytest.mark.slow
def test_bills_are_made_once_and_stay(tmp_path: Path) -> None:
    url, clock = f"sqlite:///{tmp_path}/db", SystemClock()
    engine = sa.create_engine(url)
    migrate(engine)
    first = make_bills(url, clock, RandomIds())
    assert make_bills(url, clock, RandomIds()) == first
    assert [bill.status for _, bill in first if bill.status is not Status.OPEN] == ["paid", "withdrawn"]
    assert len({bill.currency for _, bill in first}) == 3
    assert len(bills_of(url, "+34600000002")) == 2
    with engine.connect() as connection:
        spanish = customer.find_by_phone(connection, "+34600000003")
    engine.dispose()
    assert spanish is not None
    assert spanish.language == "es"
    assert {sample.language for sample in SAMPLES} == {None, "es"}


def test_each_language_has_a_number() -> None:
    assert number_of("en,es", "en") == "+34910000001"
    assert number_of("en, es", "es") == "+34910000002"
    assert number_of("en,es", "fr") is None


@pytest.mark.slow
def test_who_calls_is_told_what_to_key(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/db"
    engine = sa.create_engine(url)
    migrate(engine)
    engine.dispose()
    bills = [bill for _, bill in make_bills(url, SystemClock(), RandomIds())]
    one, first, second = bills[0], bills[1], bills[2]
    for phone, told in (
        ("+34600000001", f"This caller is offered bill {one.reference} (49.90 EUR)."),
        (
            "+34600000002",
            (
                "This caller has 2 bills, so the call asks for a reference: "
                f"{first.reference} (120.00 EUR) or {second.reference} (35.50 EUR)."
            ),
        ),
        (
            "anonymous",
            (
                "No bill that can be paid now has this caller's number. "
                f"If the call asks for a reference, key {one.reference} (49.90 EUR)."
            ),
        ),
    ):
        assert what_to_key(bills_of(url, phone), one) == told
