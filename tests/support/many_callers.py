"""Many callers at once, each by a real phone over HTTP, of every kind that a seed gives: who pays, who pays
what somebody else is paying, who hangs up, whose card is declined, whose bank is slow or loses answers.

A number of lines is kept busy until it is enough. Time is real, so a seed gives the same callers, and never
the same moments.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from random import Random

from ivr.simulators.phone.events import KeysAsked, PhoneCaller, PhoneEvent
from ivr.simulators.phone.keys import HANG_UP, CallerHangUp
from tests.support.deployed_server import DeployedServer, payer
from tests.support.http_phone_line import PhoneCall

GOOD = ("visa", "visa_debit", "mastercard")
DECLINING = ("declined", "no_funds", "lost", "stolen", "expired", "wrong_code", "issuer_down", "blocked")
ANSWERED = 90
"""The last two digits of an amount to which the bank says yes at once; see gateways/sandbox/README.md."""
GOES_WRONG = (71, 72, 74, 75, 76)
"""Slow, unknown, declined or pending. That the bank never heard of a charge (73) is certain after half a
minute only; a worker that is killed before it sends leads there as well.
"""
LINES = 7
THREADS = 32
EVENTS_MAX = 45
"""A payment has about as many."""


class HangsUp:
    """A caller who puts the phone down at the `nth` event."""

    def __init__(self, caller: PhoneCaller, nth: int) -> None:
        self._caller = caller
        self._left = nth

    def keys(self, asked: KeysAsked, heard: Sequence[str]) -> str | CallerHangUp | None:
        return self._caller.keys(asked, heard)

    def meanwhile(self, event: PhoneEvent) -> str | CallerHangUp:
        self._left -= 1
        return HANG_UP if self._left <= 0 else self._caller.meanwhile(event)


class ManyCallers:
    """Who rang, and how it went. A seed gives what kind of callers come, one after the other."""

    def __init__(self, server: DeployedServer, random: Random) -> None:
        self.rungs: list[PhoneCall] = []
        self._server = server
        self._random = random
        self._waiting: list[Callable[[], PhoneCall]] = []
        self._lock = threading.Lock()
        self._enough = threading.Event()
        self._pool = ThreadPoolExecutor(THREADS)
        self._busy: list[Future[None]] = []

    def begin(self) -> None:
        """Lines are busy from now on, until `enough`."""
        self._busy += [self._pool.submit(self._line) for _ in range(LINES)]

    def ring(self, reference: str) -> None:
        """One more patient caller, who pays this bill."""
        self._busy.append(self._pool.submit(self._rung, self._call(reference, "visa")))

    def enough(self) -> None:
        """Nobody else rings; who is on the line goes on."""
        self._enough.set()

    def is_over(self) -> bool:
        """Whether all have hung up; raises what went wrong with a call."""
        return all(line.result() is None for line in self._busy if line.done()) and all(
            line.done() for line in self._busy
        )

    def close(self) -> None:
        self.enough()
        self._pool.shutdown()

    def _line(self) -> None:
        while not self._enough.is_set():
            self._rung(self._next())

    def _rung(self, call: Callable[[], PhoneCall]) -> None:
        self.rungs.append(call())

    def _next(self) -> Callable[[], PhoneCall]:
        """One call, not rung yet; chosen by one thread at a time."""
        with self._lock:
            if not self._waiting:
                self._waiting = self._group()
            return self._waiting.pop()

    def _group(self) -> list[Callable[[], PhoneCall]]:
        """One caller, or several who pay the same bill."""
        random = self._random
        amount_minor = random.randrange(1000, 9000, 100) + ANSWERED
        [kind] = random.choices(
            ("pays", "together", "hangs up", "is declined", "goes wrong"), (3, 2, 3, 2, 3)
        )
        card = random.choice(DECLINING if kind == "is declined" else GOOD)
        if kind in {"goes wrong", "hangs up"}:
            amount_minor += random.choice(GOES_WRONG) - ANSWERED
        hangs_up_at = random.randrange(1, EVENTS_MAX) if kind == "hangs up" else 0
        callers = random.randrange(2, 5) if kind == "together" else 1
        reference = self._server.add_bill(amount_minor)
        return [self._call(reference, card, hangs_up_at) for _ in range(callers)]

    def _call(self, reference: str, card: str, hangs_up_at: int = 0) -> Callable[[], PhoneCall]:
        caller: PhoneCaller = payer(reference, card)
        if hangs_up_at:
            caller = HangsUp(caller, hangs_up_at)
        return lambda: self._server.ring(reference, caller=caller)
