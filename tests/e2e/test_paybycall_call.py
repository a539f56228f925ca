"""`paybycall call`, the body of `make call`: what it prints, how it ends, that it leaves nobody behind."""

import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.house_line import PATIENCE_S
from tests.support.house_processes import ROOT
from tests.support.server_checks import CARDS, KEYED, card_traces
from tests.support.waiting import eventually

COMMAND = [str(Path(sys.executable).parent / "paybycall"), "call"]
CLOSED_PCI = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
class Closed(BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(200); self.end_headers()
    def do_POST(self): self.send_error(503)
HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Closed).serve_forever()
"""


@pytest.fixture(autouse=True)
def signals_are_heard() -> Iterator[None]:
    """As in a terminal, wherever the tests run: who was started under nohup, or in the background, ignores
    some, and so would whoever they start.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGHUP)}
    for number, handler in before.items():
        if handler is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator["Desk"]:
    made = Desk(tmp_path)
    yield made
    made.clear()


class Desk:
    """A folder with the Procfile, as a clone is, and whoever rings from there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy(ROOT / "Procfile", folder)
        self._started: list[subprocess.Popen[bytes]] = []

    def begin(
        self, stdin: int = subprocess.DEVNULL, out: int = subprocess.PIPE, **variables: str
    ) -> subprocess.Popen[bytes]:
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        environ = {**kept, "PATH": os.defpath, "PYTHONUNBUFFERED": "1", **variables}
        ringing = subprocess.Popen(
            COMMAND,
            cwd=self.folder,
            env=environ,
            stdin=stdin,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._started.append(ringing)
        return ringing

    def ring(self, **variables: str) -> tuple[int, str]:
        """Exit status and what was printed."""
        ringing = self.begin(**variables)
        printed, _ = ringing.communicate(timeout=2 * PATIENCE_S)
        return ringing.returncode, printed.decode()

    def change_procfile(self, name: str, command: str) -> None:
        path = self.folder / "Procfile"
        lines = [line for line in path.read_text().splitlines() if not line.startswith(f"{name}:")]
        path.write_text("\n".join([*lines, f"{name}: {command}"]) + "\n")

    def left_behind(self) -> list[psutil.Process]:
        """The server's processes of this desk: they are known by the databases that they were given."""
        return [each for each in psutil.process_iter() if str(self.folder) in _database_of(each)]

    def clear(self) -> None:
        """A test that failed leaves nobody behind either."""
        for each in self._started:
            if each.poll() is None:
                each.kill()
                each.wait()
        for left in self.left_behind():
            left.kill()


def _database_of(process: psutil.Process) -> str:
    try:
        return process.environ().get("DATABASE_URL", "")
    except psutil.Error:
        return ""


def test_a_scripted_caller_pays_again_and_again(desk: Desk) -> None:
    """By AUTO=1, and without a terminal too."""
    status, printed = desk.ring(AUTO="1")
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
    again, printed_again = desk.ring()
    assert again == 0, printed_again
    assert "In the ledger: 49.90 EUR" in printed_again
    assert desk.left_behind() == []
    reference = printed.partition("payment show ")[2].partition("\n")[0]
    shown = subprocess.run(
        ["sh", "-c", f". var/demo/env && {COMMAND[0]} payment show {reference}"],
        cwd=desk.folder, capture_output=True, text=True, check=True, env={"PATH": os.defpath},
    )  # fmt: skip
    assert reference in shown.stdout


def test_the_carrier_takes_the_card_and_there_is_no_pci_process(desk: Desk) -> None:
    """CARD_ENTRY=pay, in real processes: not even its line in the Procfile is needed."""
    lines = [line for line in (ROOT / "Procfile").read_text().splitlines() if not line.startswith("pci:")]
    (desk.folder / "Procfile").write_text("\n".join(lines) + "\n")
    status, printed = desk.ring(AUTO="1", CARD_ENTRY="pay")
    assert status == 0, printed
    for shown in (
        "Starting web and worker,",
        "   > ••••••••••••••••\n",
        "In the ledger: 49.90 EUR, payment ",
    ):
        assert shown in printed
    assert not card_traces(printed)
    demo = desk.folder / "var" / "demo"
    assert sorted(path.name for path in (demo / "logs").iterdir()) == [
        "release.log", "sandbox.log", "web.log", "worker.log",
    ]  # fmt: skip
    assert not [word for word in ("INTERNAL_SECRET", "PCI_") if word in (demo / "env").read_text()]
    for log in (demo / "logs").iterdir():
        assert not card_traces(log.read_text()), log
        assert "tok_" not in log.read_text()
    assert not [name for name in CARDS.values() if name.encode() in (demo / "paybycall.db").read_bytes()]
    assert desk.left_behind() == []


def test_what_is_not_paid_is_no_success(desk: Desk) -> None:
    """No card can be taken: the caller hears it, and so does whoever looks at the exit status."""
    (desk.folder / "closed.py").write_text(CLOSED_PCI)
    desk.change_procfile("pci", f"{sys.executable} closed.py")
    status, printed = desk.ring()
    assert status == 1, printed
    assert "I cannot take cards at the moment" in printed
    assert "Nothing was paid in this call." in printed
    assert "Traceback" not in printed
    assert desk.left_behind() == []


@pytest.mark.parametrize("name", ["worker", "release"])
def test_a_process_that_dies_is_named(desk: Desk, name: str) -> None:
    desk.change_procfile(name, "false")
    status, printed = desk.ring()
    assert (status, "Traceback" in printed) == (1, False)
    assert f"{name} {'failed' if name == 'release' else 'stopped by itself'}; see " in printed
    assert f"var/demo/logs/{name}.log" in printed
    assert desk.left_behind() == []


def test_elsewhere_than_in_the_projects_folder(desk: Desk) -> None:
    (desk.folder / "Procfile").write_text("web: paybycall serve web\n")
    status, printed = desk.ring()
    assert (status, "Traceback" in printed) == (1, False), printed
    assert "The Procfile has no release, pci, worker." in printed
    (desk.folder / "Procfile").unlink()
    status, printed = desk.ring()
    assert (status, "Traceback" in printed) == (1, False), printed
    assert "There is no Procfile here" in printed


def _a_process_starts(desk: Desk, _: subprocess.Popen[bytes]) -> None:
    eventually(lambda: len(desk.left_behind()) > 1, timeout_s=PATIENCE_S, what="a process")


def _they_talk(_: Desk, ringing: subprocess.Popen[bytes]) -> None:
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
    desk: Desk, moment: Callable[[Desk, subprocess.Popen[bytes]], None], number: int
) -> None:
    ringing = desk.begin()
    moment(desk, ringing)
    ringing.send_signal(number)
    time.sleep(0.05)
    ringing.send_signal(number)  # whoever is impatient presses Ctrl-C twice
    printed, _ = ringing.communicate(timeout=PATIENCE_S)
    assert ringing.returncode in (130, -number), printed  # the second one may come when all is done
    assert b"Stopped." in printed
    assert b"Traceback" not in printed
    assert desk.left_behind() == []


class Terminal:
    """A real pseudo-terminal with a person before it."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.screen = ""
        self._seen = 0

    def sees(self, text: str) -> None:
        """Waits for this, behind what was waited for before."""
        until = time.monotonic() + PATIENCE_S
        while (found := self.screen.find(text, self._seen)) < 0:
            assert time.monotonic() < until, f"never saw {text!r} on\n{self.screen}"
            self.look(0.1)
        self._seen = found + len(text)

    def look(self, wait_s: float) -> None:
        if select.select([self.master], [], [], wait_s)[0]:
            self.screen += os.read(self.master, 65536).decode(errors="replace").replace("\r", "")

    def types(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def close(self) -> None:
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()


def test_a_person_keys_and_pays(desk: Desk, terminal: Terminal) -> None:
    ringing = desk.begin(stdin=terminal.slave, out=terminal.slave)
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
    assert desk.left_behind() == []


def test_ctrl_c_on_the_keypad_hangs_up(desk: Desk, terminal: Terminal) -> None:
    """Nothing was paid, the terminal is as it was, and everything is stopped."""
    ringing = desk.begin(stdin=terminal.slave, out=terminal.slave)
    terminal.sees("English, press 1.")
    terminal.types("\x03")
    terminal.sees("Nothing was paid in this call.")
    assert ringing.wait(PATIENCE_S) == 1
    assert termios.tcgetattr(terminal.slave) == terminal.before
    assert desk.left_behind() == []
