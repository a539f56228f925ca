"""The carrier's HTTP connection to a real server, in real time."""

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ivr.platform.clock import SystemClock
from ivr.simulators.phone.events import Ended
from ivr.simulators.phone.transport import Form, HttpAnswer, HttpTransport, NotConnectedError
from tests.support.waiting import eventually

PATIENCE_S = 60.0
"""Far more than anything takes on a quiet machine: a test fails by it, and never waits for it."""
CALL_S_MAX = 3 * PATIENCE_S


class HttpPhoneLine:
    """The carrier's way to the server: it remembers every answer, and waits while nobody listens yet,
    as a proxy in front of the processes does.

    `before` is told the number (from 1) and URL of each
    webhook before it is sent; none is sent while the line is not `passable`. `web_urls` are the web processes
    that take turns; the URL that is signed stays the public one. Where it is not `patient`, a refused
    connection is a fault of the call.
    """

    def __init__(
        self,
        before: Callable[[int, str], None] = lambda *_: None,
        web_urls: tuple[str, ...] = (),
        *,
        patient: bool = True,
    ) -> None:
        self._patient = patient
        self._inner = HttpTransport(SystemClock())
        self._until = time.monotonic() + CALL_S_MAX
        self.passable = threading.Event()
        self.passable.set()
        self._before = before
        self._web_urls = itertools.cycle(web_urls) if web_urls else None
        self.answers: list[tuple[str, HttpAnswer]] = []

    def post(self, url: str, form: Form, headers: Mapping[str, str]) -> HttpAnswer:
        assert time.monotonic() < self._until, "this call never ends"
        self._before(len(self.answers) + 1, url)
        assert self.passable.wait(PATIENCE_S)
        answered: list[HttpAnswer] = []

        def connected() -> bool:
            try:
                answered.append(self._inner.post(self._web_url(url), form, headers))
            except NotConnectedError:
                if not self._patient:
                    raise
                return False
            return True

        eventually(connected, timeout_s=PATIENCE_S, what=f"somebody listening at {url}")
        self.answers.append((url, answered[-1]))
        return answered[-1]

    def close(self) -> None:
        """The call is over: its connections are, too."""
        self._inner.close()

    def _web_url(self, url: str) -> str:
        path = urlsplit(url).path
        if self._web_urls is None or not path.startswith("/voice/"):
            return url
        return next(self._web_urls) + url[url.index(path) :]


@dataclass
class PhoneCall:
    """A call that is over."""

    call_sid: str
    ended: Ended
    said: list[str]
    line: HttpPhoneLine

    @property
    def words(self) -> str:
        return " ".join(self.said)

    @property
    def statuses(self) -> set[int]:
        return {answer.status for _, answer in self.line.answers}
