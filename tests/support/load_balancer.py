"""A small HTTP load balancer, as it stands before several processes of a kind: it reads a request whole,
gives it to the next in turn, and to another one where nobody listens there.

What was sent and not answered is never sent twice: the client gets 502, or 504 where the process merely keeps
silent. A door that failed rests for a while, unless all do. Where no door takes the connection it tries on
for some seconds, so that a restart of all at once is a wait and no fault.
"""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HOST = "127.0.0.1"
CONNECT_S_MAX = 1.0
ANSWER_S_MAX = 9.0
"""Longer than any answer of a process takes, shorter than the carrier waits."""
NOBODY_S_MAX = 10.0
REST_S = 3.0
_LOOK_S = 0.05
_SINGLE_HOP = {"connection", "keep-alive", "transfer-encoding", "host", "content-length"}


@dataclass(frozen=True, slots=True)
class Request:
    """One that was read whole."""

    method: str
    path: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    """Of a card entry it holds digits, and is shown nowhere."""
    client_port: int

    @property
    def document(self) -> dict[str, Any]:
        """A body that is JSON."""
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class LoadBalancer:
    """`ports` gives the doors as they are now. Use `balancing` to have one that runs."""

    ports: Callable[[], list[int]]
    answer_s_max: float = ANSWER_S_MAX
    breaks: bool = False
    """A broken line is passed on as one, instead of 502: this end shall not be noticed."""
    port: int = 0
    passed: int = 0
    """How many requests got an answer."""
    seen: list[Request] = field(default_factory=list)
    under_way: dict[int, Request] = field(default_factory=dict)
    """What a door has and did not answer yet, by the client's port."""
    keeps: Callable[[Request], bool] = lambda _: False
    """Which requests stay in `seen`."""
    _turn: int = 0
    _resting_until: dict[int, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def relay(self, request: Request) -> tuple[int, dict[str, str], bytes] | None:
        """Status, headers and body; None: break the line."""
        if self.keeps(request):
            self.seen.append(request)
        connection = self._connected()
        if connection is None:
            return HTTPStatus.SERVICE_UNAVAILABLE, {}, b"nobody listens\n"
        self.under_way[request.client_port] = request
        try:
            connection.request(request.method, request.path, request.body, request.headers)
            answer = connection.getresponse()
            found = answer.status, _passed_on(answer), answer.read()
        except TimeoutError:
            self._rest(connection)
            return HTTPStatus.GATEWAY_TIMEOUT, {}, b"no answer in time\n"
        except (OSError, HTTPException):
            self._rest(connection)
            return None if self.breaks else (HTTPStatus.BAD_GATEWAY, {}, b"the line broke\n")
        finally:
            del self.under_way[request.client_port]
            connection.close()
        self.passed += 1
        return found

    def _connected(self) -> HTTPConnection | None:
        give_up_at = time.monotonic() + NOBODY_S_MAX
        while True:
            for port in self._in_turn():
                connection = HTTPConnection(HOST, port, timeout=CONNECT_S_MAX)
                try:
                    connection.connect()
                except OSError:
                    self._rest(connection)
                    continue
                connection.sock.settimeout(self.answer_s_max)
                return connection
            if time.monotonic() > give_up_at:
                return None
            time.sleep(_LOOK_S)

    def _in_turn(self) -> list[int]:
        """Every door, the next one first; those that rest come last."""
        with self._lock:
            self._turn += 1
            turn = self._turn
        doors = self.ports()
        first = turn % len(doors)
        now = time.monotonic()
        return sorted(doors[first:] + doors[:first], key=lambda port: self._resting_until.get(port, 0) > now)

    def _rest(self, connection: HTTPConnection) -> None:
        self._resting_until[connection.port] = time.monotonic() + REST_S


def _passed_on(answer: HTTPResponse) -> dict[str, str]:
    return {name: value for name, value in answer.getheaders() if name.lower() not in _SINGLE_HOP}


@contextmanager
def balancing(ports: Callable[[], list[int]], **more: Any) -> Iterator[LoadBalancer]:
    """A load balancer at a port of its own, until the block ends."""
    balancer = LoadBalancer(ports, **more)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _SINGLE_HOP}
            found = balancer.relay(Request(self.command, self.path, headers, body, self.client_address[1]))
            self.close_connection = True
            if found is None:
                return
            status, headers, content = found
            with suppress(OSError):  # the client went away meanwhile
                self.send_response_only(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        do_GET = do_DELETE = do_POST  # noqa: N815 - the base class's names

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that was killed is what this is for; anything else is printed."""
            if not isinstance(sys.exc_info()[1], OSError):
                super().handle_error(request, client_address)

    server = Server((HOST, 0), Handler)
    balancer.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield balancer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
