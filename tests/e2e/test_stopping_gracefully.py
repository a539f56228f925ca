"""SIGTERM in the middle of a call: what is under way is finished, and the exit status is 0."""

import ctypes
import platform
import signal
from concurrent.futures import Future
from pathlib import Path

import pytest

from tests.support.deployed_server import DeployedServer
from tests.support.http_phone_line import PATIENCE_S, PhoneCall
from tests.support.waiting import eventually

TGKILL = {"x86_64": 234, "aarch64": 131}[platform.machine()]
"""Linux's number of the call that signals one thread."""


def heard_nothing_of_it(server: DeployedServer, reference: str, call: Future[PhoneCall]) -> None:
    rung = call.result()
    assert rung.ended.faults == ()
    assert rung.statuses <= {200, 204}
    assert "You have paid" in rung.words
    assert len(server.charges(reference)) == 1


@pytest.mark.parametrize("group", [False, True])
def test_web_finishes_the_turn_under_way(server: DeployedServer, group: bool) -> None:
    """It waits for a slow PCI process when the signal comes."""
    reference = server.add_bill()
    server.freeze("pci")
    try:
        call = server.ringing(reference)
        eventually(server.remote_call_is_under_way, timeout_s=PATIENCE_S, what="an errand")
        server.ask_to_stop("web", group=group)
    finally:
        server.thaw("pci")
    assert server.stop("web") == 0
    server.start("web")
    heard_nothing_of_it(server, reference, call)


@pytest.mark.parametrize("name", ["pci", "worker"])
def test_what_waits_for_the_bank_is_finished(server: DeployedServer, name: str) -> None:
    reference = server.add_bill(4971 if name == "worker" else 4990)
    if name == "pci":
        server.harm("none", "/tokens", delay_s=2)
    asked = len(server.bank_rows("SELECT key FROM card"))
    call = server.ringing(reference)
    if name == "worker":
        server.until(reference, "claimed")
    else:
        eventually(lambda: "sending" in server.entry_states(), timeout_s=PATIENCE_S, what="a card on its way")
    assert server.stop(name) == 0
    if name == "worker":
        assert server.state(reference) == "approved"
        assert "worker_stopped" in server.log("worker")
    else:
        assert "sending" not in server.entry_states()
    server.start(name)
    heard_nothing_of_it(server, reference, call)
    assert len(server.bank_rows("SELECT key FROM card")) == asked + 1


def test_an_idle_house_stops_at_once(server: DeployedServer) -> None:
    """In the order of a deploy, well within any supervisor's patience."""
    assert {name: server.stop(name) for name in ("web", "pci", "worker", "sandbox")} == {
        "web": 0, "pci": 0, "worker": 0, "sandbox": 0,
    }  # fmt: skip


def test_a_signal_that_another_thread_receives_ends_a_worker(server: DeployedServer) -> None:
    """The system may give a signal to any thread; Python runs its handler in the main thread alone."""
    worker = server.popen("worker")
    threads = (int(path.name) for path in Path(f"/proc/{worker.pid}/task").iterdir())
    other = next(thread for thread in threads if thread != worker.pid)
    assert ctypes.CDLL(None).syscall(TGKILL, worker.pid, other, signal.SIGTERM) == 0
    assert server.stopped("worker") == 0
