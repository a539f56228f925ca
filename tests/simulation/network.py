"""The network of a world: what one process asks another by HTTP, and how that goes wrong.

The real clients of the server are on the way, down to their adapter for the transport: that one is ours, and
calls the application of whoever listens. The receiver works in a task of its own, so a sender that gives up,
or dies, leaves a request under way. What could go wrong is a host that nobody named here: nothing ever leaves
this process.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
import urllib3
from werkzeug.test import run_wsgi_app

from tests.simulation.chance import Chance, Fate
from tests.simulation.processes import Process, Processes
from tests.simulation.scheduler import Box, HeldTransactionError, KilledError, Scheduler
from tests.simulation.trace import Trace

BROKEN_LINE = "paybycall.connection"
FATES = (
    Fate.LOST,
    Fate.ANSWER_LOST,
    Fate.LATE,
    Fate.SLOW,
    Fate.REPEATED,
    Fate.FAILED,
    Fate.ANSWER_FAILED,
    Fate.GARBAGE,
    Fate.KILLED_BEFORE,
    Fate.KILLED_DURING,
    Fate.KILLED_AFTER,
)
_PAGE = b"<html><body>Welcome to the proxy</body></html>"
_UNREACHABLE = -1


@dataclass(frozen=True, slots=True)
class Request:
    """One request on its way."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.url).path


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back; `status` below zero: the line broke."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


BROKEN = Answer(_UNREACHABLE)
Receiver = Callable[[Request], Answer]
"""Takes a request in the task of whoever listens."""


@dataclass
class Host:
    """Who listens under a name. `rate` says how often the way there goes wrong."""

    find: Callable[[], tuple[Process | None, Receiver] | None]
    """The process that takes the next request, and how; None: nobody is there."""
    rate: Callable[[str], float]
    late_s_max: float = 120.0
    seen: Callable[[Request], None] = lambda _: None
    """Told of each request as its sender means it, once."""
    done: Callable[[], None] = lambda: None
    """Told whenever a request was taken, before its answer is on its way."""


class Network(requests.adapters.BaseAdapter):
    """Carries every request that is made with the requests library."""

    def __init__(self, scheduler: Scheduler, chance: Chance, processes: Processes, trace: Trace) -> None:
        super().__init__()
        self._scheduler = scheduler
        self._chance = chance
        self._processes = processes
        self._trace = trace
        self.hosts: dict[str, Host] = {}

    @contextmanager
    def installed(self) -> Iterator[None]:
        """For the length of a block, every session of the requests library goes this way."""
        real = requests.Session.get_adapter
        requests.Session.get_adapter = lambda _session, url: self  # type: ignore[assignment] # noqa: ARG005 - asked for by name
        try:
            yield
        finally:
            requests.Session.get_adapter = real  # type: ignore[method-assign]

    def send(self, request: Any, **options: Any) -> requests.Response:  # type: ignore[override]
        timeout = options.get("timeout")
        patience_s = _patience_s(timeout)
        body = request.body or b""
        asked = Request(
            request.method,
            request.url,
            dict(request.headers),
            body.encode() if isinstance(body, str) else body,
        )
        answer = self.exchange(asked, patience_s)
        if answer is None:
            raise requests.ReadTimeout("no answer in time")
        if answer.status == _UNREACHABLE:
            raise requests.ConnectionError("the line broke")
        response = requests.Response()
        response.status_code = answer.status
        response.headers.update(answer.headers)
        response.raw = urllib3.HTTPResponse(io.BytesIO(answer.body), preload_content=False)
        if not options.get("stream"):
            response._content = answer.body
        response.url = request.url
        response.request = request
        return response

    def close(self) -> None:
        """Nothing is open."""

    def exchange(self, request: Request, patience_s: float) -> Answer | None:
        """The answer as the sender gets it; None: it gave up waiting."""
        task = self._scheduler.current
        assert task is not None
        if task.open_transactions:
            raise HeldTransactionError(f"{task.name} asks {request.path} with a transaction open")
        host = self.hosts[urlsplit(request.url).netloc]
        host.seen(request)
        fate = self._chance.fate(host.rate(request.path), FATES)
        if fate is not Fate.ANSWERED:
            self._trace(task.name, f"{request.path}: {fate.name.lower()}")
        if fate is Fate.KILLED_BEFORE:
            self._die("before a request")
        box = Box()
        self._leave(request, host, fate, box, patience_s)
        if fate is Fate.KILLED_DURING:
            self._scheduler.sleep(self._chance.seconds(0.0, 0.5))
            self._die("during a request")
        came = self._scheduler.wait(box, patience_s)
        if fate is Fate.KILLED_AFTER:
            self._die("after a request")
        if not came:
            return None
        return _as_it_arrives(fate, box.content)

    def _die(self, where: str) -> None:
        task = self._scheduler.current
        if task is not None and task.process is not None:
            self._processes.die_here(where)

    def _leave(self, request: Request, host: Host, fate: Fate, box: Box, patience_s: float) -> None:
        """The request goes on its way, as its fate has it."""
        back_s = 0.02
        match fate:
            case Fate.LOST:
                self._later(0.2, lambda: self._scheduler.fill(box, BROKEN))
                return
            case Fate.FAILED:
                self._later(0.2, lambda: self._scheduler.fill(box, Answer(503)))
                return
            case Fate.LATE:
                travel_s = patience_s + self._chance.seconds(0.1, host.late_s_max)
            case Fate.SLOW:
                travel_s = self._chance.seconds(0.1, patience_s / 2 - 0.5)
                back_s = self._chance.seconds(0.1, patience_s / 2 - 0.5)
            case _:
                travel_s = self._chance.seconds(0.01, 0.15)
        self._later(travel_s, lambda: self._arrive(request, host, box, back_s))
        if fate is Fate.REPEATED:
            again_s = self._chance.seconds(0.0, 30.0)
            self._later(again_s, lambda: self._arrive(request, host, Box(), back_s))

    def _later(self, delay_s: float, body: Callable[[], object]) -> None:
        self._scheduler.spawn("network", body, delay_s=delay_s)

    def _arrive(self, request: Request, host: Host, box: Box, back_s: float) -> None:
        found = host.find()
        if found is None:
            self._scheduler.fill(box, BROKEN)
            return
        process, receive = found

        def work() -> None:
            answer = BROKEN
            try:
                answer = receive(request)
            finally:
                self._later(back_s, lambda: self._scheduler.fill(box, answer))
            host.done()
            self._trace(process.name if process else "gateway", f"{request.path} -> {answer.status}")

        if process is None:
            self._later(0.0, work)
        else:
            self._processes.begin(process, request.path, work)


def _as_it_arrives(fate: Fate, answer: Answer) -> Answer:
    match fate:
        case Fate.ANSWER_LOST:
            return BROKEN
        case Fate.ANSWER_FAILED:
            return Answer(500)
        case Fate.GARBAGE:
            return Answer(200, {"Content-Type": "text/html"}, _PAGE)
        case _:
            return answer


def _patience_s(timeout: Any) -> float:
    """How long the sender waits for the answer, however it says so."""
    if isinstance(timeout, urllib3.Timeout):
        return float(timeout.total)
    return float(timeout[1] if isinstance(timeout, tuple) else timeout or 80.0)


class BreakableLine:
    """What a stand-in that breaks its connection takes for a socket."""

    def __init__(self) -> None:
        self.broken = False

    def shutdown(self, _how: int) -> None:
        self.broken = True


def wsgi(app: Any) -> Receiver:
    """An application that takes requests."""

    def receive(request: Request) -> Answer:
        line = BreakableLine()
        chunks, status, headers = run_wsgi_app(app, environ_of(request, line), buffered=True)
        if line.broken:
            return BROKEN
        return Answer(int(status.split()[0]), dict(headers), b"".join(chunks))

    return receive


def environ_of(request: Request, line: BreakableLine) -> dict[str, Any]:
    """The request as a web server hands it to an application."""
    parts = urlsplit(request.url)
    named = {
        "HTTP_" + name.upper().replace("-", "_"): value
        for name, value in request.headers.items()
        if name.lower() not in {"content-type", "content-length"}
    }
    kind = next((value for name, value in request.headers.items() if name.lower() == "content-type"), "")
    return {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(parts.path, "latin-1"),
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname or "",
        "SERVER_PORT": str(parts.port or (443 if parts.scheme == "https" else 80)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": kind,
        "CONTENT_LENGTH": str(len(request.body)),
        "HTTP_HOST": parts.netloc,
        **named,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        BROKEN_LINE: line,
    }


__all__ = ["BROKEN", "Answer", "Host", "KilledError", "Network", "Request", "wsgi"]
