"""What a server in the test's process is made of where the real part would wait or count by the machine.

Here stand the bank's time to think, the worker's line to the gateway, the pool in which cards are sent, PCI
as the web process reaches it, and a proxy before both. Whatever waits waits for the clock, so a test never
sleeps.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from gateways.contract import ChargeRequest, Gateway, Result, Unknown
from ivr.simulators.phone.transport import Form, HttpAnswer
from tests.support.phone import WsgiApp, WsgiTransport
from tests.support.sandbox_bank import ProcessingTime
from tests.support.time_and_ids import SequentialIds
from tests.support.virtual_clock import VirtualClock, Waiter

ADAPTER_PATIENCE_S = 10
"""What the sandbox's adapter waits for an answer, here by the test's clock."""


class LockedIds(SequentialIds):
    """Ids that count, also where several threads ask at once."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def _next(self, kind: str) -> int:
        with self._lock:
            return super()._next(kind)

    def reset(self) -> None:
        self._counts.clear()


class ClockedProcessing(ProcessingTime):
    """The bank's time to think passes on the test's clock."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def sleep(self, duration_s: float) -> None:
        if duration_s:
            self.slept_s.append(duration_s)
            self._clock.wait(duration_s)


class GatewayConnection:
    """The gateway as the worker has it, with the adapter's patience measured by the test's clock."""

    def __init__(self, gateway: Gateway, clock: VirtualClock) -> None:
        self._gateway = gateway
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gateway, name)

    def charge(self, charge: ChargeRequest) -> Result:
        return self._patiently(lambda: self._gateway.charge(charge))

    def _patiently(self, ask: Callable[[], Result]) -> Result:
        answers: list[Result] = []
        waiter: Waiter = self._clock.waiter(ADAPTER_PATIENCE_S)

        def asking() -> None:
            answers.append(ask())
            self._clock.call(waiter)

        self._clock.start(asking)
        self._clock.wait_for(waiter)
        return answers[0] if answers else Unknown("the bank did not answer in time")


class SubmissionPool(Executor):
    """Cards on their way to the bank, each in a thread for which the clock waits."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self._clock.start(lambda: fn(*args, **kwargs))
        self._clock.settle()
        return Future()


def nothing_meanwhile(_path: str) -> None:
    pass


@dataclass
class PciConnection:
    """The PCI process as the web process reaches it. A test stops it, or does something `meanwhile`."""

    app: WsgiApp
    down: bool = False
    meanwhile: Callable[[str], None] = nothing_meanwhile

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.meanwhile(environ["PATH_INFO"])
        if self.down:
            start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
            return [b"the process is not there\n"]
        return self.app(environ, start_response)


def not_yet(_environ: Any, start_response: Any) -> Sequence[bytes]:
    start_response("503 Service Unavailable", [])
    return [b""]


@dataclass
class PrefixProxy(WsgiTransport):
    """As WsgiTransport, behind a proxy that takes PUBLIC_URL's own path away before the app sees it."""

    prefix: str = ""

    def post(self, url: str, form: Form, headers: Any) -> HttpAnswer:
        path = urlsplit(url).path
        if self.prefix and not path.startswith(f"{self.prefix}/"):
            return HttpAnswer(404)
        origin = f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"
        inner = {origin: self._without_prefix(self.apps[origin])}
        return WsgiTransport(inner, self.posted).post(url, form, headers)

    def _without_prefix(self, app: WsgiApp) -> WsgiApp:
        def stripped(environ: dict[str, Any], start_response: Any) -> Any:
            return app(
                {**environ, "PATH_INFO": environ["PATH_INFO"].removeprefix(self.prefix)}, start_response
            )

        return stripped
