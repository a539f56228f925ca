"""The stand-in on a socket of the loopback: HTTP/1.1 over `line`, a thread for each connection.

A lost answer closes the connection. `refuse` closes the door while the port stays ours, `accept` opens it
again, `close` is for good; all three cut the connections that are open. Nothing that is asked is logged.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, ClassVar

from ivr.platform.clock import Clock
from ivr.platform.ids import Ids, RandomIds
from tests.support.stripe.account import StripeAccount, Switches
from tests.support.stripe.line import Line, LostError
from tests.support.stripe.wire import Request
from tests.support.time_and_ids import ManualClock


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    line: ClassVar[Line]

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        request = Request.of(self.command, self.path, dict(self.headers.items()), self.rfile.read(length))
        try:
            answer = self.line.carry(request)
        except LostError:
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_: Any) -> None:
        """A path or a status is nothing to write down."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: set[socket.socket] = set()
        self._opening = Lock()
        super().__init__(("127.0.0.1", port), handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._opening:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._opening:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no error of ours."""

    def cut(self) -> None:
        with self._opening:
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)


class StripeServer:
    """An account that listens at `url` until `close`."""

    def __init__(
        self, clock: Clock | None = None, ids: Ids | None = None, switches: Switches | None = None
    ) -> None:
        self.account = StripeAccount(clock or ManualClock(), ids or RandomIds(), switches)
        self.line = Line(self.account)
        self.harm = self.line.harm
        self._handler = type("Handler", (_Handler,), {"line": self.line})
        self._server: _Server | None = None
        self._thread: Thread | None = None
        self._port = 0
        self.accept()
        self.url = f"http://127.0.0.1:{self._port}"
        self.account.pages = self.url

    def accept(self) -> None:
        """Listens (again)."""
        if self._server is None:
            server = _Server(self._port, self._handler)
            self._server, self._port = server, server.server_port
            self._thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
            self._thread.start()

    def refuse(self) -> None:
        """Nobody takes a connection until `accept`."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.cut()
            self._server.server_close()
            self._thread.join(10)
            self._server = None

    def close(self) -> None:
        self.line.calm()
        self.refuse()

    @property
    def settings(self) -> dict[str, str]:
        from tests.support.stripe.account import WEBHOOK_SECRET

        return {
            "STRIPE_API_BASE": self.url,
            "STRIPE_API_KEY": self.account.key,
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        }


@contextmanager
def running_stripe(
    clock: Clock | None = None, ids: Ids | None = None, switches: Switches | None = None
) -> Iterator[StripeServer]:
    """A stand-in for the length of a block."""
    server = StripeServer(clock, ids, switches)
    try:
        yield server
    finally:
        server.close()
