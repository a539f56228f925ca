"""A phone in the terminal: the dialogue line by line, single keys from the keyboard, dots for a card.

Keys go to the server as on a keypad, without Enter; h or Ctrl-C hangs up, also while the server is silent.
What could go wrong: a terminal left without echo. It is restored on every way out but kill -9, and keys that
nobody took are thrown away, so that no digit of a card ends up on a command line.
"""

import os
import queue
import re
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FrameType
from typing import TextIO

from ivr.platform.clock import Clock, SystemClock
from ivr.simulators.phone.engine import Call
from ivr.simulators.phone.events import Ended, KeysAsked, PhoneCaller, PhoneEvent, Said
from ivr.simulators.phone.keys import HANG_UP, KEYPAD, CallerHangUp, Collector
from ivr.simulators.phone.pay import NOTHING_INSTALLED, PayHabits
from ivr.simulators.phone.printer import Printer
from ivr.simulators.phone.transport import Form, HttpAnswer, HttpTransport, HungUpError, Transport
from ivr.simulators.phone.webhooks import CallSettings

SPEECH_S = 0.15
"""How long a sentence takes: enough to follow the dialogue, short enough for nobody to wait."""
WATCH_S = 0.05
_ESCAPE = re.compile(rb"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|O.)")
"""What arrow and function keys send: it holds digits that nobody pressed."""
LEAVE = b"\x03\x04"
"""Ctrl-C and Ctrl-D."""
HANG_UP_KEYS = LEAVE + b"hH"


@contextmanager
def single_keys(descriptor: int) -> Iterator[None]:
    """The terminal gives each key at once, unseen, Ctrl-C included; afterwards it is as it was."""
    before = termios.tcgetattr(descriptor)
    bare = termios.tcgetattr(descriptor)
    bare[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN)
    bare[6][termios.VMIN] = 1
    bare[6][termios.VTIME] = 0
    with _leaving_on_signals():
        try:
            termios.tcsetattr(descriptor, termios.TCSADRAIN, bare)
            yield
        finally:
            termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)


@contextmanager
def _leaving_on_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP raise here, so that the terminal is restored. Only the main thread can do this."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    before = {each: signal.signal(each, leave) for each in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


class Keyboard:
    """Keys of the keypad as they are pressed; everything else on a keyboard is ignored."""

    def __init__(self, descriptor: int, give_up: bytes = HANG_UP_KEYS) -> None:
        self.descriptor = descriptor
        self._give_up = set(give_up)
        self._keys = ""
        self.hung_up = False

    def listen(self, wait_s: float) -> None:
        """Waits so long at most for something to be pressed, and keeps it."""
        if self.hung_up or not select.select([self.descriptor], [], [], wait_s)[0]:
            return
        try:
            pressed = os.read(self.descriptor, 1024)
        except OSError:  # the terminal is gone
            pressed = b""
        typed = _ESCAPE.sub(b"", pressed)
        if not pressed or set(typed) & self._give_up:
            self.hung_up = True
        self._keys += "".join(key for key in typed.decode("ascii", "ignore") if key in KEYPAD)

    def key(self, wait_s: float, clock: Clock) -> str | CallerHangUp | None:
        """The next key; None: none came in time."""
        began = clock.now()
        left_s = wait_s
        while not self._keys and not self.hung_up and left_s > 0:
            self.listen(left_s)
            left_s = wait_s - (clock.now() - began).total_seconds()
        if self.hung_up:
            return HANG_UP
        pressed, self._keys = self._keys[:1], self._keys[1:]
        return pressed or None

    def pressed(self) -> str:
        """Everything pressed and not taken yet."""
        keys, self._keys = self._keys, ""
        return keys


@dataclass(frozen=True, slots=True)
class PersonAtTerminal:
    """A caller whose keys come from the keyboard, under the time limits of each Gather."""

    keyboard: Keyboard
    printer: Printer
    clock: Clock

    def keys(self, asked: KeysAsked, heard: Sequence[str]) -> str | CallerHangUp | None:  # noqa: ARG002 - it was printed
        collector = Collector(replace(asked.rules, num_digits=asked.wanted))
        typed = ""
        while not collector.complete:
            rules = asked.rules
            timeout_s = rules.timeout_s if asked.pressed or typed else rules.first_timeout_s
            key = self.keyboard.key(timeout_s, self.clock)
            if isinstance(key, CallerHangUp):
                return HANG_UP
            if key is None:
                break
            collector.press(key)
            self.printer.key(key)
            typed += key
        return typed or None

    def meanwhile(self, event: PhoneEvent) -> str | CallerHangUp:
        self.keyboard.listen(SPEECH_S if isinstance(event, Said) else 0)
        return HANG_UP if self.keyboard.hung_up else self.keyboard.pressed()


@dataclass(frozen=True, slots=True)
class WatchedTransport:
    """Lets the caller hang up while the server still thinks; the status callback then goes out unwatched."""

    inner: Transport
    keyboard: Keyboard

    def post(self, url: str, form: Form, headers: Mapping[str, str]) -> HttpAnswer:
        if self.keyboard.hung_up:
            return self.inner.post(url, form, headers)
        done: queue.SimpleQueue[Callable[[], HttpAnswer]] = queue.SimpleQueue()

        def work() -> None:
            try:
                answer = self.inner.post(url, form, headers)
            except Exception as fault:  # noqa: BLE001 - raised again below, in the caller's own thread
                done.put(_raising(fault))
            else:
                done.put(lambda: answer)

        threading.Thread(target=work, daemon=True).start()
        while True:
            try:
                return done.get(timeout=WATCH_S)()
            except queue.Empty:
                self.keyboard.listen(0)
            if self.keyboard.hung_up:
                raise HungUpError("the caller hung up while a webhook was under way")


def _raising(fault: Exception) -> Callable[[], HttpAnswer]:
    def again() -> HttpAnswer:
        raise fault

    return again


def run_terminal(
    settings: CallSettings,
    *,
    descriptor: int | None = None,
    out: TextIO | None = None,
    clock: Clock | None = None,
    transport: Transport | None = None,
    habits: PayHabits = NOTHING_INSTALLED,
) -> Ended:
    """One call of a person at a terminal, by default the one of this process; returns when it is over."""
    clock = clock or SystemClock()
    printer = Printer(out or sys.stdout, live=True)
    keyboard = Keyboard(sys.stdin.fileno() if descriptor is None else descriptor)
    with single_keys(keyboard.descriptor):
        printer.line(f"Ringing {settings.to_number}. Keys: 0-9, * and #. Press h or Ctrl-C to hang up.")
        return Call(
            settings,
            caller=PersonAtTerminal(keyboard, printer, clock),
            transport=WatchedTransport(transport or HttpTransport(clock), keyboard),
            clock=clock,
            listener=printer,
            habits=habits,
        ).run()


def run_script(
    settings: CallSettings,
    answers: PhoneCaller,
    out: TextIO,
    *,
    clock: Clock | None = None,
    transport: Transport | None = None,
    habits: PayHabits = NOTHING_INSTALLED,
) -> Ended:
    """One call of a caller who needs no terminal; the dialogue is printed as it happens."""
    clock = clock or SystemClock()
    printer = Printer(out)
    printer.line(f"Ringing {settings.to_number}.")
    return Call(
        settings,
        caller=answers,
        transport=transport or HttpTransport(clock),
        clock=clock,
        listener=printer,
        habits=habits,
    ).run()
