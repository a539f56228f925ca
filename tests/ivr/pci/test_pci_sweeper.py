"""What nobody waits for is wiped, once, by whoever sweeps."""

import threading
from typing import Any

import pytest
import sqlalchemy as sa

from ivr.pci.key_directory import DirectoryKeys
from ivr.pci.keys import KeyGoneError
from ivr.pci.process import BackgroundThread
from tests.support.card_entry import ENTRY_ID, VISA, CardEntryHarness, HeldExecutor, both_engines

AUTHORIZE = {"key": "attempt_1", "amount_minor": 4990, "currency": "EUR", "description": "Demo Town Hall"}


def row(harness: CardEntryHarness) -> dict[str, Any]:
    with harness.engine.connect() as connection:
        return dict(connection.execute(sa.text("SELECT * FROM card_entry")).mappings().one())


def count(harness: CardEntryHarness, table: str) -> int:
    with harness.engine.connect() as connection:
        return int(connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608


@pytest.mark.slow
@both_engines
def test_a_caller_who_is_gone_without_a_word(harness: CardEntryHarness) -> None:
    harness.caller().key(VISA)
    harness.clock.advance(600)
    harness.pci_parts.sweeper.sweep()
    assert row(harness)["sealed_number"] is not None
    harness.clock.advance(1)
    harness.pci_parts.sweeper.sweep()
    harness.second_process().pci_parts.sweeper.sweep()
    assert row(harness)["sealed_number"] is None
    assert harness.collected()["outcome"] == "ended"
    assert 'pci_card_entries_total{outcome="ended"} 1.0' in harness.client.get("/metrics").text


@both_engines
@pytest.mark.parametrize(("authorize", "outcome"), [(None, "ended"), (AUTHORIZE, "authorization_unknown")])
def test_a_card_that_nobody_polls_for(harness: CardEntryHarness, authorize: Any, outcome: str) -> None:
    held = harness.second_process(executor=HeldExecutor())
    held.caller(authorize=authorize).card()
    with harness.engine.begin() as tx:
        tx.execute(sa.text("UPDATE card_entry SET claims = 1, lease_owner = 'pci_dead'"))
    harness.clock.advance(31)
    harness.pci_parts.sweeper.sweep()
    assert row(harness)["sealed_code"] is None
    assert harness.collected()["outcome"] == outcome


@both_engines
def test_an_uncollected_result_is_wiped_and_its_row_deleted_after_a_day(harness: CardEntryHarness) -> None:
    harness.caller().card()
    harness.pci_parts.sweeper.sweep()
    assert row(harness)["sealed_result"] is not None
    harness.clock.advance(601)
    harness.pci_parts.sweeper.sweep()
    assert row(harness)["sealed_result"] is None
    assert harness.collected()["token"] is None
    harness.clock.advance(24 * 3600)
    harness.pci_parts.sweeper.sweep()
    assert (count(harness, "card_entry"), count(harness, "card_entry_turn")) == (0, 0)


@both_engines
def test_the_key_of_an_ended_entry_is_deleted_a_second_time_only(
    harness: CardEntryHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[str] = []
    monkeypatch.setattr(DirectoryKeys, "forget", lambda _keys, entry_id: forgotten.append(entry_id))
    harness.caller().key(VISA)
    harness.pci_parts.sweeper.sweep()
    assert forgotten == []
    harness.hang_up()
    assert forgotten == [ENTRY_ID]
    for _ in range(3):
        harness.pci_parts.sweeper.sweep()
    assert forgotten == [ENTRY_ID, ENTRY_ID]


def test_the_sweeper_destroys_each_key_at_once(
    harness: CardEntryHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The round may end many, and the next one's row may be held by a turn."""
    harness.caller().key(VISA)
    harness.clock.advance(601)
    monkeypatch.setattr(harness.pci_parts.metrics, "entry_ended", lambda _: pytest.fail("after the key"))
    with pytest.raises(pytest.fail.Exception):
        harness.pci_parts.sweeper.sweep()
    with pytest.raises(KeyGoneError):
        harness.keys.fetch(ENTRY_ID)


def test_keys_past_their_life_are_destroyed_while_the_database_is_away(
    harness: CardEntryHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise sa.exc.OperationalError("SELECT 1", {}, OSError("away"))

    harness.caller().key(VISA)
    harness.clock.advance(900)
    monkeypatch.setattr("ivr.pci.sweeper.reading", fail)
    with pytest.raises(sa.exc.OperationalError):
        harness.pci_parts.sweeper.sweep()
    assert [path for path in (harness.folder / "keys").rglob("*") if path.is_file()] == []


def test_entries_are_ended_while_the_keys_home_is_away(
    harness: CardEntryHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("away")

    harness.caller().key(VISA)
    harness.clock.advance(601)
    for verb in ("sweep", "forget"):
        monkeypatch.setattr(DirectoryKeys, verb, fail)
    with pytest.raises(OSError, match="away"):
        harness.pci_parts.sweeper.sweep()
    assert row(harness)["status"] == "finished"


@both_engines
def test_nonces_are_kept_as_long_as_a_copy_could_pass(harness: CardEntryHarness) -> None:
    harness.open()
    harness.clock.advance(120)
    harness.pci_parts.sweeper.sweep()
    assert count(harness, "nonce") == 1
    harness.clock.advance(121)
    harness.pci_parts.sweeper.sweep()
    assert count(harness, "nonce") == 0


def test_the_thread_outlives_a_round_that_fails() -> None:
    swept = threading.Event()
    renewed: list[int] = []

    def renew() -> None:
        renewed.append(1)
        raise RuntimeError("the database is away")

    thread = BackgroundThread(renew=renew, sweep=swept.set, look=lambda: None)
    thread.start()
    thread.start()
    assert swept.wait(5)
    thread.close()
    assert renewed
    assert not [one for one in threading.enumerate() if one.name == "pci-background"]


def test_a_thread_that_was_closed_does_not_start() -> None:
    thread = BackgroundThread(renew=lambda: None, sweep=lambda: None, look=lambda: None)
    thread.close()
    thread.start()
    assert not [one for one in threading.enumerate() if one.name == "pci-background"]
