"""A merchant's own system, as a real HTTP server on a free loopback port: it records what is posted and
answers as told. And how a merchant checks our signature.
"""

import contextlib
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from gateways.secret import Secret

TOLERANCE_S = 300


@dataclass(frozen=True)
class Posted:
    """One request that arrived."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class MerchantServer:
    """What arrived, and what is answered next."""

    url: str = ""
    posted: list[Posted] = field(default_factory=list)
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    misbehave: Callable[[Any], None] | None = None
    """Instead of an answer: gets the raw handler, and may write what it likes to `wfile`."""
    closing: threading.Event = field(default_factory=threading.Event)

    def answer(self, content: Any, status: int = 200) -> None:
        self.status, self.body = status, json.dumps(content).encode()

    def drip(self, first: bytes, then: bytes) -> None:
        """Sends `first`, and then `then` again and again, a little at a time, until the test is over."""

        def slowly(handler: Any) -> None:
            handler.wfile.write(first)
            while not self.closing.wait(0.02):
                handler.wfile.write(then)
                handler.wfile.flush()

        self.misbehave = slowly


@contextmanager
def merchant_server(tls: ssl.SSLContext | None = None) -> Iterator[MerchantServer]:
    """The server, answering until the block ends; over TLS where a context with its certificate is given."""
    merchant = MerchantServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            merchant.posted.append(Posted(self.path, dict(self.headers), self.rfile.read(length)))
            self.close_connection = True
            if merchant.misbehave is not None:
                with contextlib.suppress(OSError):
                    merchant.misbehave(self)
                return
            self.send_response(merchant.status)
            for name, value in merchant.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(merchant.body)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(merchant.body)

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    merchant.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield merchant
    finally:
        merchant.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def is_genuine(secret: Secret, header: str, body: bytes, now: datetime) -> bool:
    """Whether `secret` signed this body within the last minutes."""
    parts = [part.partition("=") for part in header.split(",")]
    timestamp = next((value for name, _, value in parts if name == "t"), "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE_S:
        return False
    expected = (
        hmac.new(secret.reveal().encode(), timestamp.encode() + b"." + body, hashlib.sha256)
        .hexdigest()
        .encode()
    )
    return any(hmac.compare_digest(expected, value.encode()) for name, _, value in parts if name == "v1")
