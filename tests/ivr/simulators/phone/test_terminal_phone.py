"""The terminal phone on a real pseudo-terminal: single keys, dots for a card, Ctrl-C, and what it leaves."""

import codecs
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Mapping

import pytest

from ivr.platform.clock import SystemClock
from ivr.simulators.phone.events import Ended, Reason
from ivr.simulators.phone.keys import HANG_UP
from ivr.simulators.phone.terminal import Keyboard, run_terminal, single_keys
from ivr.simulators.phone.transport import Form, HttpAnswer, Transport
from tests.support.phone import call_settings
from tests.support.twiml_server import TinyServer

PATIENCE_S = 10
"""Far more than any step takes: a test fails by it, and never waits for it."""


class GatedClock(SystemClock):
    """A clock by which nobody waits longer than the test wants; Gathers listen in real time."""

    def __init__(self) -> None:
        self.gate = threading.Event()

    def sleep(self, duration_s: float) -> None:
        self.gate.wait(PATIENCE_S)


class PseudoTerminal:
    """A terminal with somebody before it: what is on its screen, and what they type."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.screen = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._out = os.fdopen(os.dup(self.slave), "w", encoding="utf-8")
        self._ended: list[Ended | ZeroDivisionError] = []
        self.clock = GatedClock()
        self._thread: threading.Thread | None = None

    def ring(self, transport: Transport, **changed: bool) -> None:
        def call() -> None:
            try:
                ended = run_terminal(
                    call_settings(**changed),
                    descriptor=self.slave,
                    out=self._out,
                    clock=self.clock,
                    transport=transport,
                )
            except ZeroDivisionError as fault:
                self._ended.append(fault)
            else:
                self._ended.append(ended)

        self._thread = threading.Thread(target=call, daemon=True)
        self._thread.start()

    def sees(self, text: str) -> None:
        """Waits until the screen shows this behind whatever was waited for before."""
        until = time.monotonic() + PATIENCE_S
        while text not in self.screen:
            assert time.monotonic() < until, f"never saw {text!r}; the screen is\n{self.screen}"
            self._look(0.05)

    def _look(self, wait_s: float) -> bool:
        """Reads what is new on the screen; False: nothing came."""
        if not select.select([self.master], [], [], wait_s)[0]:
            return False
        self.screen += self._decoder.decode(os.read(self.master, 65536)).replace("\r", "")
        return True

    def types(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def time_passes(self) -> None:
        """Whoever waits, waits no longer."""
        self.clock.gate.set()

    def until_over(self) -> Ended | ZeroDivisionError:
        assert self._thread is not None
        until = time.monotonic() + PATIENCE_S
        while self._thread.is_alive():
            assert time.monotonic() < until, f"the call never ended; the screen is\n{self.screen}"
            self._look(0.02)
        while self._look(0.05):
            pass
        return self._ended[0]

    @property
    def is_as_it_was(self) -> bool:
        return termios.tcgetattr(self.slave) == self.before

    def close(self) -> None:
        self._out.close()
        for descriptor in (self.master, self.slave):
            try:
                os.close(descriptor)
            except OSError:
                continue


@pytest.fixture
def terminal() -> Iterator[PseudoTerminal]:
    made = PseudoTerminal()
    yield made
    made.close()


def gather(action: str, digits: int, text: str, timeout_s: int = 30) -> str:
    return (
        f'<Gather action="{action}" numDigits="{digits}" timeout="{timeout_s}" actionOnEmptyResult="true">'
        f'<Say language="es-ES">{text}</Say></Gather>'
    )


def digits(server: TinyServer, path: str) -> list[str]:
    return [form["Digits"] for form in server.forms(path)]


def test_a_person_pays(terminal: PseudoTerminal) -> None:
    server = TinyServer(
        {
            "/voice/incoming": gather("/pci/number", 1, "Para pagar, pulse 1."),
            "/pci/number": gather("/pci/code", 16, "Marque su tarjeta."),
            "/pci/code": gather("/end", 3, "Marque el código."),
            "/end": '<Pause length="1"/><Say language="es-ES">Pagado, ¡gracias!</Say><Hangup/>',
        }
    )
    terminal.ring(server.transport)
    terminal.sees("  es Para pagar, pulse 1.\n")
    assert not termios.tcgetattr(terminal.slave)[3] & (termios.ECHO | termios.ICANON | termios.ISIG)
    terminal.types(b"1")
    terminal.sees("Marque su tarjeta.\n")
    for number, key in enumerate(b"4242424242424242", start=1):
        terminal.types(bytes([key]))
        terminal.sees("   > " + "•" * number)
    terminal.sees("Marque el código.\n")
    terminal.types(b"123")
    terminal.time_passes()
    ended = terminal.until_over()
    assert ended == Ended(Reason.SERVER)
    assert terminal.screen == (
        "Ringing +34910000000. Keys: 0-9, * and #. Press h or Ctrl-C to hang up.\n"
        "  es Para pagar, pulse 1.\n"
        "   > •\n"
        "  es Marque su tarjeta.\n"
        "   > ••••••••••••••••\n"
        "  es Marque el código.\n"
        "   > •••\n"
        "     ...\n"
        "  es Pagado, ¡gracias!\n"
        "     (the server hung up)\n"
    )
    assert (digits(server, "/pci/code"), digits(server, "/end")) == (["4242424242424242"], ["123"])
    assert terminal.is_as_it_was


def test_only_keys_of_the_keypad_count(terminal: PseudoTerminal) -> None:
    server = TinyServer({"/voice/incoming": gather("/end", 4, "Reference?"), "/end": "<Hangup/>"})
    terminal.ring(server.transport)
    terminal.sees("Reference?\n")
    terminal.types(b"a1\x1b[A\x1b[15~\x1bOP\n 2\xc3\xb13" + "٣".encode() + b"\x7f*")
    terminal.until_over()
    assert digits(server, "/end") == ["123*"]


def test_silence_takes_as_long_as_the_gather_says(terminal: PseudoTerminal) -> None:
    server = TinyServer(
        {"/voice/incoming": gather("/end", 2, "Well?", timeout_s=1), "/end": "<Say>Too late.</Say>"}
    )
    began = time.monotonic()
    terminal.ring(server.transport)
    terminal.until_over()
    assert time.monotonic() - began >= 1
    assert "   > (silence)\n     Too late.\n" in terminal.screen
    assert digits(server, "/end") == [""]


def test_keys_pressed_during_a_pause_are_kept_by_a_carrier_that_keeps_them(terminal: PseudoTerminal) -> None:
    server = TinyServer(
        {
            "/voice/incoming": '<Say>Listen.</Say><Pause length="1"/>' + gather("/end", 3, "Never said."),
            "/end": "<Hangup/>",
        }
    )
    terminal.ring(server.transport, keeps_keys=True)
    terminal.sees("...")
    terminal.types(b"12")
    assert select.select([terminal.slave], [], [], PATIENCE_S)[0]
    terminal.time_passes()
    terminal.sees("   > 12")
    terminal.types(b"3")
    terminal.until_over()
    assert digits(server, "/end") == ["123"]
    assert "Never said." not in terminal.screen
    assert "   > 123\n" in terminal.screen


def test_keys_that_nobody_took_do_not_reach_the_shell(terminal: PseudoTerminal) -> None:
    gate = threading.Event()
    server = TinyServer({"/voice/incoming": gather("/end", 2, "Two?"), "/end": "<Hangup/>"})

    class Slow:
        def post(self, url: str, form: Form, headers: Mapping[str, str]) -> HttpAnswer:
            if url.endswith("/voice/status"):
                gate.wait(PATIENCE_S)
            return server.transport.post(url, form, headers)

    terminal.ring(Slow())
    terminal.sees("Two?\n")
    terminal.types(b"12")
    while not server.forms("/end"):
        time.sleep(0.01)
    terminal.types(b"4242424242424242\n")
    select.select([terminal.slave], [], [], 0.1)
    gate.set()
    terminal.until_over()
    assert terminal.is_as_it_was
    assert not select.select([terminal.slave], [], [], 0.05)[0]


@pytest.mark.parametrize("key", [b"\x03", b"\x04", b"12\x03", b"h"])
def test_ctrl_c_hangs_up(terminal: PseudoTerminal, key: bytes) -> None:
    server = TinyServer({"/voice/incoming": gather("/end", 4, "Reference?")})
    terminal.ring(server.transport)
    terminal.sees("Reference?\n")
    terminal.types(key)
    assert terminal.until_over() == Ended(Reason.CALLER)
    assert server.paths == ["/voice/incoming", "/voice/status"]
    assert terminal.screen.endswith("(the caller hung up)\n")
    assert terminal.is_as_it_was


def test_ctrl_c_hangs_up_while_the_call_waits(terminal: PseudoTerminal) -> None:
    server = TinyServer({"/voice/incoming": '<Say>One moment.</Say><Pause length="600"/>'})
    terminal.ring(server.transport)
    terminal.sees("...")
    terminal.types(b"\x03")
    terminal.time_passes()
    assert terminal.until_over() == Ended(Reason.CALLER)
    assert server.paths == ["/voice/incoming", "/voice/status"]


def test_ctrl_c_hangs_up_while_the_server_thinks(terminal: PseudoTerminal) -> None:
    gate = threading.Event()
    server = TinyServer({"/voice/incoming": gather("/slow", 1, "Go?"), "/slow": "<Hangup/>"})

    class Thinking:
        def post(self, url: str, form: Form, headers: Mapping[str, str]) -> HttpAnswer:
            if url.endswith("/slow"):
                gate.wait(PATIENCE_S)
            return server.transport.post(url, form, headers)

    terminal.ring(Thinking())
    terminal.sees("Go?\n")
    terminal.types(b"1")
    terminal.sees("> 1")
    terminal.types(b"\x03")
    assert terminal.until_over() == Ended(Reason.CALLER)
    gate.set()
    assert server.forms("/voice/status")[0]["CallStatus"] == "completed"
    assert terminal.is_as_it_was


def test_a_terminal_that_is_gone_hangs_up() -> None:
    master, slave = pty.openpty()
    keyboard = Keyboard(slave)
    os.close(master)
    try:
        assert keyboard.key(1, SystemClock()) is HANG_UP
    finally:
        os.close(slave)


def test_a_bug_leaves_the_terminal_as_it_was(terminal: PseudoTerminal) -> None:
    class Broken:
        def post(self, url: str, form: Form, headers: Mapping[str, str]) -> HttpAnswer:
            raise ZeroDivisionError("a bug")

    terminal.ring(Broken())
    assert isinstance(terminal.until_over(), ZeroDivisionError)
    assert terminal.is_as_it_was


def test_a_terminal_is_restored_when_the_process_is_told_to_stop(terminal: PseudoTerminal) -> None:
    code = (
        "import time\n"
        "from ivr.simulators.phone.terminal import single_keys\n"
        "with single_keys(0):\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdin=terminal.slave, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"ready\n"
        assert not terminal.is_as_it_was
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 128 + signal.SIGTERM
    finally:
        process.kill()
        process.stdout.close()
        process.wait()
    assert terminal.is_as_it_was


def test_handlers_of_the_process_come_back(terminal: PseudoTerminal) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with single_keys(terminal.slave):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
