"""`paybycall call`, the body of `make call`: what it prints, how it ends, that it leaves nobody behind."""

import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable

import pytest

from tests.support.demo_terminal import PAYBYCALL, DemoRun, Terminal
from tests.support.http_phone_line import PATIENCE_S
from tests.support.server_checks import CARDS, KEYED, card_traces
from tests.support.server_processes import ROOT
from tests.support.waiting import eventually

CLOSED_PCI = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
class Closed(BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(200); self.end_headers()
    def do_POST(self): self.send_error(503)
HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Closed).serve_forever()
"""


def test_a_scripted_caller_pays(demo_run: DemoRun) -> None:
    """Without a terminal, as by AUTO=1."""
    status, printed = demo_run.ring()
    assert status == 0, printed
    for shown in (
        "To pay it, press 1.",
        "   > ••••••••••••••••\n",
        "You have paid 49 euros and 90 cents.",
        "In the ledger: 49.90 EUR, payment ",
        "The confirmation (console, sent):",
        "    . var/demo/env",
    ):
        assert shown in printed
    assert not card_traces(printed)
    assert demo_run.left_behind() == []
    reference = printed.partition("payment show ")[2].partition("\n")[0]
    shown = subprocess.run(
        ["sh", "-c", f". var/demo/env && {PAYBYCALL} payment show {reference}"],
        cwd=demo_run.folder, capture_output=True, text=True, check=True, env={"PATH": os.defpath},
    )  # fmt: skip
    assert reference in shown.stdout


def test_the_carrier_takes_the_card_and_there_is_no_pci_process(demo_run: DemoRun) -> None:
    """CARD_ENTRY=pay, in real processes: not even its line in the Procfile is needed."""
    lines = [line for line in (ROOT / "Procfile").read_text().splitlines() if not line.startswith("pci:")]
    (demo_run.folder / "Procfile").write_text("\n".join(lines) + "\n")
    status, printed = demo_run.ring(AUTO="1", CARD_ENTRY="pay")
    assert status == 0, printed
    for shown in (
        "Starting web and worker,",
        "   > ••••••••••••••••\n",
        "In the ledger: 49.90 EUR, payment ",
    ):
        assert shown in printed
    assert not card_traces(printed)
    demo = demo_run.folder / "var" / "demo"
    assert sorted(path.name for path in (demo / "logs").iterdir()) == [
        "release.log", "sandbox.log", "web.log", "worker.log",
    ]  # fmt: skip
    assert not [word for word in ("INTERNAL_SECRET", "PCI_") if word in (demo / "env").read_text()]
    for log in (demo / "logs").iterdir():
        assert not card_traces(log.read_text()), log
        assert "tok_" not in log.read_text()
    assert not [name for name in CARDS.values() if name.encode() in (demo / "paybycall.db").read_bytes()]
    assert demo_run.left_behind() == []


def test_what_is_not_paid_is_no_success(demo_run: DemoRun) -> None:
    """No card can be taken: the caller hears it, and so does whoever looks at the exit status."""
    (demo_run.folder / "closed.py").write_text(CLOSED_PCI)
    demo_run.change_procfile("pci", f"{sys.executable} closed.py")
    status, printed = demo_run.ring()
    assert status == 1, printed
    assert "I cannot take cards at the moment" in printed
    assert "Nothing was paid in this call." in printed
    assert "Traceback" not in printed
    assert demo_run.left_behind() == []


@pytest.mark.parametrize("name", ["worker", "release"])
def test_a_process_that_dies_is_named(demo_run: DemoRun, name: str) -> None:
    demo_run.change_procfile(name, "false")
    status, printed = demo_run.ring()
    assert (status, "Traceback" in printed) == (1, False)
    assert f"{name} {'failed' if name == 'release' else 'stopped by itself'}; see " in printed
    assert f"var/demo/logs/{name}.log" in printed
    assert demo_run.left_behind() == []


def test_elsewhere_than_in_the_projects_folder(demo_run: DemoRun) -> None:
    (demo_run.folder / "Procfile").write_text("web: paybycall serve web\n")
    status, printed = demo_run.ring()
    assert (status, "Traceback" in printed) == (1, False), printed
    assert "The Procfile has no release, pci, worker." in printed
    (demo_run.folder / "Procfile").unlink()
    status, printed = demo_run.ring()
    assert (status, "Traceback" in printed) == (1, False), printed
    assert "There is no Procfile here" in printed


def _a_process_starts(demo_run: DemoRun, _: subprocess.Popen[bytes]) -> None:
    eventually(lambda: len(demo_run.left_behind()) > 1, timeout_s=PATIENCE_S, what="a process")


def _they_talk(_: DemoRun, ringing: subprocess.Popen[bytes]) -> None:
    assert ringing.stdout is not None
    for line in ringing.stdout:
        if b"English, press 1." in line:
            return


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        (_a_process_starts, signal.SIGINT),
        (_a_process_starts, signal.SIGTERM),
        (_they_talk, signal.SIGHUP),
    ],
)
def test_a_signal_leaves_nobody_behind(
    demo_run: DemoRun, moment: Callable[[DemoRun, subprocess.Popen[bytes]], None], number: int
) -> None:
    ringing = demo_run.begin()
    moment(demo_run, ringing)
    ringing.send_signal(number)
    time.sleep(0.05)
    ringing.send_signal(number)  # whoever is impatient presses Ctrl-C twice
    printed, _ = ringing.communicate(timeout=PATIENCE_S)
    assert ringing.returncode in (130, -number), printed  # the second one may come when all is done
    assert b"Stopped." in printed
    assert b"Traceback" not in printed
    assert demo_run.left_behind() == []


def test_a_person_keys_and_pays(demo_run: DemoRun, terminal: Terminal) -> None:
    ringing = demo_run.begin(stdin=terminal.slave, out=terminal.slave)
    for question, keys in (
        ("English, press 1.", "1"),
        ("To pay it, press 1.", "1"),
        ("Please enter your card number.", CARDS["visa"]),
        ("its expiry", KEYED["expiry"]),
        ("three digits on the back", KEYED["code"]),
        ("Another card, 2.", "1"),
    ):
        terminal.sees(question)
        terminal.types(keys)
    terminal.sees("You have paid")
    terminal.sees("In the ledger: 49.90 EUR")
    until = time.monotonic() + PATIENCE_S
    while ringing.poll() is None and time.monotonic() < until:
        terminal.look(0.1)
    assert ringing.returncode == 0
    _, _, call = terminal.screen.partition("A test card: 4242 4242 4242 4242,")
    assert call
    assert not card_traces(call)
    assert termios.tcgetattr(terminal.slave) == terminal.before
    assert demo_run.left_behind() == []


def test_ctrl_c_while_the_server_starts_is_no_failure(demo_run: DemoRun, terminal: Terminal) -> None:
    ringing = demo_run.begin(stdin=terminal.slave, out=terminal.slave)
    terminal.sees("Starting web")
    ringing.send_signal(signal.SIGINT)
    terminal.sees("Stopped.")
    assert ringing.wait(PATIENCE_S) == 0
    eventually(lambda: not demo_run.left_behind(), timeout_s=PATIENCE_S, what="nobody left behind")


def test_a_person_who_hangs_up_is_no_failure(demo_run: DemoRun, terminal: Terminal) -> None:
    """Nothing was paid, the terminal is as it was, and everything is stopped."""
    ringing = demo_run.begin(stdin=terminal.slave, out=terminal.slave)
    terminal.sees("English, press 1.")
    terminal.types("\x03")
    terminal.sees("Nothing was paid in this call.")
    assert ringing.wait(PATIENCE_S) == 0
    assert termios.tcgetattr(terminal.slave) == terminal.before
    assert demo_run.left_behind() == []
