"""The process as the web server loads it: a real pool, a real bank, threads that begin late and end."""

import json
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from werkzeug.test import Client

from ivr.pci import process
from ivr.pci.dependencies import PciDependencies
from ivr.pci.key_directory import DirectoryKeys
from ivr.pci.keys import WrappedKey
from ivr.pci.migrations import migrate
from ivr.pci.process import PciProcess, app_from_environ
from ivr.platform.clock import SystemClock
from ivr.platform.settings.reading import SettingsError
from tests.support.captured_logs import captured_logs
from tests.support.card_entry import CardEntryHarness, environment
from tests.support.sandbox_bank import running_bank
from tests.support.time_and_ids import ManualClock


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """This test process keeps its own limits and logging."""
    monkeypatch.setattr(process.memory, "close_to_others", lambda: None)
    monkeypatch.setattr(process, "configure", lambda *_: None)


def names() -> set[str]:
    return {thread.name.partition("_")[0] for thread in threading.enumerate()}


def test_threads_begin_with_the_first_request_and_end_with_close(quiet: None, tmp_path: Path) -> None:
    environ = environment(tmp_path)
    migrate(environ["PCI_DATABASE_URL"])
    made = app_from_environ(environ)
    assert isinstance(made, PciProcess)
    assert "pci-background" not in names()
    client = Client(made)
    assert client.get("/readyz").status_code == 200
    assert "pci-background" in names()
    made.close()
    assert "pci-background" not in names()
    assert client.get("/healthz").status_code == 200  # what still comes in is answered


def test_a_fault_in_the_settings_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Set GATEWAY"):
        app_from_environ(environment(tmp_path, GATEWAY=""))


def old_keys(folder: Path) -> list[Path]:
    """A generation's key, and an entry's, of a process that was stopped yesterday."""
    home = folder / "keys"
    keys = DirectoryKeys(home, ManualClock(datetime.now(UTC) - timedelta(days=1)))
    keys.current()
    keys.keep("entry.call_1.3", WrappedKey("1000", b"wrapped"))
    return [path for path in home.rglob("*") if path.is_file()]


def test_old_keys_are_destroyed_before_anybody_calls(quiet: None, tmp_path: Path) -> None:
    old = old_keys(tmp_path)
    made = app_from_environ(environment(tmp_path))
    assert len(old) == 2
    assert not [path for path in old if path.exists()]
    made.close()


def test_close_sweeps_once_more_and_keeps_shared_keys(quiet: None, tmp_path: Path) -> None:
    environ = environment(tmp_path)
    migrate(environ["PCI_DATABASE_URL"])
    made = app_from_environ(environ)
    other = DirectoryKeys(tmp_path / "keys", SystemClock())
    living = other.current()
    other.keep("entry.call_2.3", WrappedKey(living.id, b"wrapped"))
    old = old_keys(tmp_path)
    made.close()
    assert other.get(living.id) == living
    assert other.fetch("entry.call_2.3")
    assert len([path for path in old if path.exists()]) == 2  # those that live


def test_a_directory_of_others_for_the_keys_is_a_sentence(quiet: None, tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir(mode=0o755)
    with pytest.raises(SettingsError, match="PCI_KEY_DIRECTORY must be"):
        app_from_environ(environment(tmp_path))


def test_keys_that_cannot_be_destroyed_are_a_sentence(
    quiet: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(DirectoryKeys, "sweep", fail)
    with pytest.raises(SettingsError, match=r"PCI_KEY_DIRECTORY must be .*Permission denied"):
        app_from_environ(environment(tmp_path))


@pytest.mark.parametrize(("hard", "limit"), [(-1, "(1, 1) 0"), (0, "(0, 0) 0")])
def test_core_dumps_are_off_piped_ones_too(hard: int, limit: str, tmp_path: Path) -> None:
    script = (
        "import ctypes, os, resource, sys; from ivr.platform.process_memory import close_to_others;"
        f"resource.setrlimit(resource.RLIMIT_CORE, (0, {hard})); close_to_others();"
        "dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0);"
        "print(resource.getrlimit(resource.RLIMIT_CORE), dumpable, flush=True);"
        "os.chdir(sys.argv[1]); os.abort()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == limit
    assert list(tmp_path.iterdir()) == []


def test_a_slow_bank_is_waited_for_by_polling(
    quiet: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[PciDependencies] = []
    real = process.build_pci
    monkeypatch.setattr(process, "build_pci", lambda *a, **k: built.append(real(*a, **k)) or built[-1])
    with running_bank(tmp_path) as bank, captured_logs("debug", "pci") as logged:
        environ = environment(tmp_path, SANDBOX_URL=bank.url)
        migrate(environ["PCI_DATABASE_URL"])
        made = app_from_environ(environ)
        harness = CardEntryHarness.__new__(CardEntryHarness)
        harness.client, harness.clock, harness._nonces = Client(made), built[0].clock, 0  # type: ignore[assignment]
        with bank.held("/tokens") as processing:
            caller = harness.caller().card()
            processing.wait_until_reached()
            assert "/pci/e/" in (caller.wait().sent_to or "")
            assert harness.client.get("/healthz").status_code == 200
        until = time.monotonic() + 10
        while "/pci/e/" in (caller.sent_to or "") and time.monotonic() < until:
            caller.wait()
        assert harness.collected()["outcome"] == "collected"
        made.close()
    events = [json.loads(line) for line in logged.getvalue().splitlines()]
    assert any(one["event"] == "card_entry_ended" for one in events)


def test_a_worker_asks_to_be_replaced_only_some_time_after_it_heard_a_key() -> None:
    clock, asked = ManualClock(), []
    replacement = process.WorkerReplacement(900, clock, lambda: asked.append(clock.now()))
    clock.advance(3600)
    replacement.look()
    replacement.heard()
    began = clock.now()
    for _ in range(3):
        clock.advance(300)
        replacement.heard()
        replacement.look()
    assert asked == [began + timedelta(seconds=900)]
