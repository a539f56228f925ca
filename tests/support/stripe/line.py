"""The line to the account, and what can go wrong on it: each harm for the next requests of one kind.

Between a test's client (a socket in `server`, or a call in `in_process`) and `StripeAccount`. A request that
is lost raises `LostError`; the caller drops the connection. Waiting is done here, in the threads of the
callers; the account itself is entered by one at a time.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from tests.support.gateway_harness import HeldRequest
from tests.support.stripe.account import Started, StripeAccount
from tests.support.stripe.errors import Refusal, key_in_use, rate_limited
from tests.support.stripe.routes import KINDS, kind_of
from tests.support.stripe.wire import Answer, Request, json_answer

PATIENCE_S = 20
GARBAGE = Answer(
    200, {"Content-Type": "text/html"}, b"<html><body><h1>Scheduled maintenance</h1></body></html>"
)
BAD_GATEWAY = Answer(502, {"Content-Type": "text/html"}, b"<html><body>502 Bad Gateway</body></html>")


class Harm(StrEnum):
    DROP_BEFORE = "drop_before"
    """Breaks before the account has read it."""
    DROP_AFTER = "drop_after"
    """Done, and the answer is lost."""
    ERROR_AFTER = "error_after"
    """Done, and somebody in between answers 502; the same request again gets the true answer."""
    BROKEN_INSIDE = "broken_inside"
    """Done, and Stripe answers 500: kept under the key, and said again to the same request."""
    ERROR_BEFORE = "error_before"
    """Not done, and answered by 503."""
    GARBAGE_AFTER = "garbage_after"
    """Done, and answered by a page of HTML with status 200."""
    HOLD = "hold"
    """In progress at Stripe until released: its key and its objects are locked."""
    STALL = "stall"
    """Not at Stripe yet until released: a late request."""
    DELAY = "delay"
    REPEAT = "repeat"
    """Sent twice, as a proxy does; the second answer is what comes back."""
    REPEAT_LATER = "repeat_later"
    """Answered, and sent again by `replay_now`, for as long after as a test likes."""
    RATE_LIMIT = "rate_limit"
    CONFLICT = "conflict"
    """409, as if another request under the key were in progress."""
    OTHER_WORDS = "other_words"
    """Not done, and answered in a test's own words: what Stripe could say, and its account here cannot."""
    TELL_FIRST = "tell_first"
    """Done; then something else happens (a webhook arrives); then answered."""


class LostError(Exception):
    """No answer comes."""


class HeldAnswer(HeldRequest):
    """A request that waits for a test's word."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._go_on = threading.Event()

    def wait_until_reached(self) -> None:
        assert self._reached.wait(PATIENCE_S), "the request never reached the gateway"

    def wait(self) -> None:
        self._reached.set()
        assert self._go_on.wait(PATIENCE_S), "a test forgot to let the gateway go on"

    def let_go(self) -> None:
        self._go_on.set()


@dataclass
class Fault:
    harm: Harm
    kind: str | None
    times: int
    processing: HeldAnswer | None = None
    delay_s: float = 0
    act: Callable[[], None] | None = None
    says: Answer | None = None


class Line:
    """`carry` takes a request over, with the faults that a test has asked for."""

    def __init__(self, account: StripeAccount, sleep: Callable[[float], None] = time.sleep) -> None:
        self.account = account
        self.received = 0
        """Requests that came this far, the lost ones too."""
        self.between: Callable[[], None] | None = None
        """Called while each request is in progress, with nobody kept out: requests then overlap, and meet
        each other's locks. None: each is done at one go.
        """
        self._sleep = sleep
        self._faults: list[Fault] = []
        self._replays: list[Request] = []
        self._one_at_a_time = threading.RLock()

    def harm(
        self,
        harm: Harm | str,
        kind: str | None = None,
        *,
        times: int = 1,
        delay_s: float = 0,
        act: Callable[[], None] | None = None,
        says: Answer | None = None,
    ) -> HeldAnswer:
        """The next `times` requests of this kind (None: any) go wrong so; a held one waits for `let_go`."""
        assert kind is None or kind in KINDS, kind
        processing = HeldAnswer()
        with self._one_at_a_time:
            self._faults.append(Fault(Harm(harm), kind, times, processing, delay_s, act, says))
        return processing

    @contextmanager
    def held(self, kind: str, harm: Harm = Harm.HOLD) -> Iterator[HeldAnswer]:
        """The next request of this kind is in progress until the block ends."""
        processing = self.harm(harm, kind)
        try:
            yield processing
        finally:
            processing.let_go()

    @contextmanager
    def alone(self) -> Iterator[StripeAccount]:
        """The account for a test's own words (a payer pays, a payout is made) while others ask it, too."""
        with self._one_at_a_time:
            yield self.account

    def calm(self) -> None:
        """No fault is left."""
        with self._one_at_a_time:
            for fault in self._faults:
                if fault.processing is not None:
                    fault.processing.let_go()
            self._faults.clear()

    def carry(self, request: Request) -> Answer:
        fault = self._fault_for(request)
        if fault is None:
            return self._handled(request)
        return _CARRIERS[fault.harm](self, request, fault)

    def replay_now(self) -> list[Answer]:
        """What a proxy kept of `repeat_later` arrives again; nobody reads the answers but the test."""
        replays, self._replays = self._replays, []
        return [self._handled(request) for request in replays]

    def _fault_for(self, request: Request) -> Fault | None:
        kind = kind_of(request)
        with self._one_at_a_time:
            self.received += kind is not None
            for fault in self._faults:
                if kind is not None and fault.kind in (None, kind):
                    fault.times -= 1
                    if not fault.times:
                        self._faults.remove(fault)
                    return fault
        return None

    def _begun(self, request: Request) -> Started | Answer:
        with self._one_at_a_time:
            return self.account.begin(request)

    def _finished(self, started: Started | Answer, *, broken: bool = False) -> Answer:
        if isinstance(started, Answer):
            return started
        with self._one_at_a_time:
            return self.account.finish(started, broken=broken)

    def _handled(self, request: Request) -> Answer:
        if self.between is None:
            with self._one_at_a_time:
                return self.account.handle(request)
        started = self._begun(request)
        self.between()
        return self._finished(started)

    def _drop_before(self, request: Request, fault: Fault) -> Answer:
        raise LostError

    def _drop_after(self, request: Request, fault: Fault) -> Answer:
        self._handled(request)
        raise LostError

    def _error_after(self, request: Request, fault: Fault) -> Answer:
        self._handled(request)
        return BAD_GATEWAY

    def _broken_inside(self, request: Request, fault: Fault) -> Answer:
        return self._finished(self._begun(request), broken=True)

    def _error_before(self, request: Request, fault: Fault) -> Answer:
        return Answer(503, BAD_GATEWAY.headers, b"<html><body>503 Service Unavailable</body></html>")

    def _garbage_after(self, request: Request, fault: Fault) -> Answer:
        self._handled(request)
        return GARBAGE

    def _hold(self, request: Request, fault: Fault) -> Answer:
        started = self._begun(request)
        assert fault.processing is not None
        fault.processing.wait()
        return self._finished(started)

    def _stall(self, request: Request, fault: Fault) -> Answer:
        assert fault.processing is not None
        fault.processing.wait()
        return self._handled(request)

    def _delay(self, request: Request, fault: Fault) -> Answer:
        answer = self._handled(request)
        self._sleep(fault.delay_s)
        return answer

    def _repeat(self, request: Request, fault: Fault) -> Answer:
        self._handled(request)
        return self._handled(request)

    def _repeat_later(self, request: Request, fault: Fault) -> Answer:
        self._replays.append(request)
        return self._handled(request)

    def _rate_limit(self, request: Request, fault: Fault) -> Answer:
        return _said(rate_limited())

    def _conflict(self, request: Request, fault: Fault) -> Answer:
        return _said(key_in_use(request.headers.get("idempotency-key", "")))

    def _other_words(self, request: Request, fault: Fault) -> Answer:
        assert fault.says is not None, "other_words needs an answer"
        return fault.says

    def _tell_first(self, request: Request, fault: Fault) -> Answer:
        answer = self._handled(request)
        assert fault.act is not None, "tell_first needs an act"
        fault.act()
        return answer


_CARRIERS = {harm: getattr(Line, f"_{harm.value}") for harm in Harm}


def _said(refusal: Refusal) -> Answer:
    return json_answer(
        refusal.status, {"error": refusal.error}, {"Request-Id": "req_line", **refusal.headers}
    )
