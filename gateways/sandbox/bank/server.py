"""The loopback server of the bank: one thread a request, the socket within reach, so that lines can break.

Listens on 127.0.0.1 and nowhere else. It is for development: a production server would hide the socket, and
that is what this bank needs.
"""

import socketserver
import sys
from threading import Thread
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

HOST = "127.0.0.1"
CONNECTION = "paybycall.connection"
"""Where the WSGI environ holds the client's socket."""
_POLL_S = 0.05


class _Threaded(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = False
    request_queue_size = 128

    def server_bind(self) -> None:
        """As the standard one, without asking the name service for our own name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away in the middle is no news; anything else is printed."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(WSGIRequestHandler):
    timeout = 5
    """Seconds that a silent client may hold its thread."""

    def get_environ(self) -> dict[str, Any]:
        return {**super().get_environ(), CONNECTION: self.connection}

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing: paths say little, and bodies must not be said."""


class BankServer:
    """Serves one WSGI application. The port is taken, and known, at once: also where 0 was asked for."""

    def __init__(self, port: int) -> None:
        """Raises OSError where the port is taken."""
        self._server = _Threaded((HOST, port), _Handler)
        self.port = self._server.server_port
        self.url = f"http://{HOST}:{self.port}"

    def serve(self, app: "WSGIApplication") -> None:
        """Until `stop`; then finishes the requests that are under way."""
        self._server.set_app(app)
        try:
            self._server.serve_forever(poll_interval=_POLL_S)
        finally:
            self._server.server_close()

    def stop(self) -> None:
        """May be called from a signal handler or any thread; returns at once."""
        Thread(target=self._server.shutdown, name="bank-stop").start()
