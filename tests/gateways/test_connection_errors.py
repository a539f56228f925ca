"""What broke on the way to a server is named, by servers that really break it so."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import requests
import trustme

from gateways.connection_errors import ConnectionFault, connection_fault
from tests.support.tls import served

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
ROOT = trustme.CA(key_type=trustme.KeyType.ECDSA)
BETWEEN = ROOT.create_child_ca(key_type=trustme.KeyType.ECDSA)
STRANGER = trustme.CA(key_type=trustme.KeyType.ECDSA)


def issued(by: trustme.CA, host: str = "127.0.0.1", **dates: datetime) -> list[trustme.Blob]:
    """Key, certificate, and what is between it and its root."""
    made = by.issue_cert(host, key_type=trustme.KeyType.ECDSA, **dates)
    return [made.private_key_pem, *made.cert_chain_pems]


class Hello(BaseHTTPRequestHandler):
    """Answers."""

    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(autouse=True)
def trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ROOT.cert_pem.write_to_path(str(tmp_path / "root.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "root.pem"))


def broke(url: str) -> ConnectionFault:
    with pytest.raises(requests.RequestException) as fault:
        requests.get(url, timeout=(1.0, 0.5))
    return connection_fault(fault.value)


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        (issued(BETWEEN), None),
        (issued(BETWEEN, not_before=NOW - 3 * DAY, not_after=NOW - DAY), ConnectionFault.EXPIRED),
        (issued(BETWEEN, not_before=NOW + DAY, not_after=NOW + 3 * DAY), ConnectionFault.NOT_YET),
        (issued(BETWEEN, "pay.example.org"), ConnectionFault.OTHER_HOST),
        (issued(BETWEEN, "127.0.0.2"), ConnectionFault.OTHER_HOST),
        (issued(BETWEEN)[:2], ConnectionFault.INCOMPLETE),
        ([STRANGER.private_key_pem, STRANGER.cert_pem], ConnectionFault.SELF_SIGNED),
        ([*issued(STRANGER), STRANGER.cert_pem], ConnectionFault.UNKNOWN_CA),
        (issued(STRANGER), ConnectionFault.INCOMPLETE),
    ],
)
def test_a_certificate(chain: list[trustme.Blob], expected: ConnectionFault | None, tmp_path: Path) -> None:
    with served(tmp_path, Hello, chain) as port:
        if expected is None:
            assert requests.get(f"https://127.0.0.1:{port}", timeout=2).status_code == 204
        else:
            assert broke(f"https://127.0.0.1:{port}") is expected


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_no_tls_and_a_handshake_that_fails(tmp_path: Path) -> None:
    with served(tmp_path, Hello) as port:
        assert broke(f"https://127.0.0.1:{port}") is ConnectionFault.NO_TLS
    with served(tmp_path, Hello, issued(BETWEEN), maximum_version=ssl.TLSVersion.TLSv1_1) as port:
        assert broke(f"https://127.0.0.1:{port}") is ConnectionFault.HANDSHAKE
    with served(tmp_path, Hello, issued(BETWEEN), verify_mode=ssl.CERT_REQUIRED) as port:
        assert broke(f"https://127.0.0.1:{port}") in {ConnectionFault.HANDSHAKE, ConnectionFault.CLOSED}


@pytest.fixture
def answering() -> Iterator[Callable[[bytes | None], int]]:
    """A server that answers each connection with these bytes and closes it; None: with nothing, for ever."""
    over = threading.Event()
    sockets = []

    def start(said: bytes | None) -> int:
        listening = socket.create_server(("127.0.0.1", 0))
        sockets.append(listening)

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                if said is None:
                    over.wait(5)
                else:
                    connection.sendall(said)

        threading.Thread(target=serve, daemon=True).start()
        port: int = listening.getsockname()[1]
        return port

    yield start
    over.set()
    for one in sockets:
        one.close()


@pytest.mark.parametrize(
    ("said", "scheme", "expected"),
    [
        (b"", "http", ConnectionFault.CLOSED),
        (b"", "https", ConnectionFault.CLOSED),
        (b"220 mail.example.org ESMTP\r\n", "http", ConnectionFault.NO_HTTP),
        (None, "http", ConnectionFault.SILENT),
    ],
)
def test_an_answer_that_is_none(
    answering: Callable[[bytes | None], int], said: bytes | None, scheme: str, expected: ConnectionFault
) -> None:
    assert broke(f"{scheme}://127.0.0.1:{answering(said)}") is expected


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert broke(f"http://127.0.0.1:{port}") is ConnectionFault.REFUSED
    assert broke("https://nohost.invalid") is ConnectionFault.NO_NAME
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
    assert broke("https://pay.example.org") is ConnectionFault.PROXY
    assert connection_fault(requests.ConnectTimeout()) is ConnectionFault.NO_CONNECTION
    assert connection_fault(OSError(101, "Network is unreachable")) is ConnectionFault.NO_ROUTE
    assert connection_fault(ZeroDivisionError()) is ConnectionFault.OTHER
