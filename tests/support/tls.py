"""A server that shows a certificate, good or bad: real TLS on a free port."""

import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme


@contextmanager
def served(
    folder: Path,
    handler: type[BaseHTTPRequestHandler],
    chain: Sequence[trustme.Blob] = (),
    **settings: object,
) -> Iterator[int]:
    """The port of a server on 127.0.0.1. `chain`: its key, then its certificates; none: plain http.
    `settings` are those of its SSLContext.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # a client that breaks off is no news
    if chain:
        shown = folder / "shown.pem"
        shown.write_bytes(b"".join(one.bytes() for one in chain))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(shown)
        for name, value in settings.items():
            setattr(context, name, value)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
