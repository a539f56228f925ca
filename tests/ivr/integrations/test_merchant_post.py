"""One POST within a time limit, whatever the other side does: drips, hangs, lies, redirects."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateways.http_client import HttpResponse, NoAnswerError
from gateways.secret import Secret
from ivr.integrations.signed_post import ANSWER_MAX_BYTES, SignedPost
from ivr.platform.settings.web_settings import url_with_query
from tests.support.merchant_server import MerchantServer, is_genuine, merchant_server

LIMIT_S = 0.25
SECRET = Secret("merchant-secret")
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@pytest.fixture
def merchant() -> Iterator[MerchantServer]:
    with merchant_server() as server:
        yield server


def post(url: str, limit_s: float = LIMIT_S) -> HttpResponse:
    return SignedPost(url, [SECRET], limit_s)(b'{"a":1}', NOW)


def test_what_is_sent_and_what_comes_back(merchant: MerchantServer) -> None:
    merchant.answer({"ok": True}, status=418)
    assert post(merchant.url + "/hook?key=a%20b") == HttpResponse(418, b'{"ok": true}')
    [posted] = merchant.posted
    assert (posted.path, posted.body) == ("/hook?key=a%20b", b'{"a":1}')
    assert posted.headers["Content-Type"] == "application/json"
    assert posted.headers["Host"] == merchant.url.removeprefix("http://")
    assert is_genuine(SECRET, posted.headers["Paybycall-Signature"], posted.body, NOW)


def test_a_redirect_is_an_answer_and_is_not_followed(merchant: MerchantServer) -> None:
    merchant.status, merchant.headers = 307, {"Location": merchant.url + "/elsewhere"}
    assert post(merchant.url).status == 307
    assert len(merchant.posted) == 1


def test_the_environments_proxy_is_not_used(
    merchant: MerchantServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert post(merchant.url).status == 200


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"", b""),
        (b"HTTP/1.1 200 OK\r\n", b"X-Slow: 1\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"1"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    ],
)
def test_the_limit_holds_for_the_whole_exchange(merchant: MerchantServer, first: bytes, then: bytes) -> None:
    merchant.drip(first, then)
    began = time.monotonic()
    with pytest.raises(NoAnswerError, match=r"no answer within 0\.25 s"):
        post(merchant.url)
    assert time.monotonic() - began < LIMIT_S + 1


def test_a_server_that_accepts_and_says_nothing() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(NoAnswerError, match="no answer within"),
    ):
        post(f"http://127.0.0.1:{silent.getsockname()[1]}")


def test_a_name_that_does_not_resolve_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def hang(*args: Any, **kwargs: Any) -> Any:
        over.wait(5)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with pytest.raises(NoAnswerError, match="no answer within"):
        post("http://merchant.invalid")
    over.set()


def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(NoAnswerError, match="connection failed"):
        post(f"http://{'a' * 70}.invalid", 2)


@pytest.mark.parametrize(
    "noise",
    [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", b"\x16\x03\x01" * 100],
)
def test_no_http(merchant: MerchantServer, noise: bytes) -> None:
    merchant.misbehave = lambda handler: handler.wfile.write(noise)
    with pytest.raises(NoAnswerError):
        post(merchant.url)


@pytest.mark.parametrize("declared", [True, False])
def test_an_answer_that_is_too_large(merchant: MerchantServer, declared: bool) -> None:
    length = f"Content-Length: {ANSWER_MAX_BYTES + 1}\r\n" if declared else ""
    head = f"HTTP/1.1 200 OK\r\n{length}\r\n".encode()
    merchant.misbehave = lambda handler: handler.wfile.write(head + b" " * (ANSWER_MAX_BYTES + 1))
    with pytest.raises(NoAnswerError, match="larger than"):
        post(merchant.url, 5)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NoAnswerError, match="ConnectionRefusedError"):
        post(f"http://127.0.0.1:{port}")


@pytest.fixture
def own_certificate(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A certificate for 127.0.0.1: the server's context, and one that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "merchant")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "merchant.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem.write_bytes(certificate.public_bytes(Encoding.PEM) + private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))


def test_tls_with_a_certificate_that_we_trust(own_certificate: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    served, trusting = own_certificate
    with merchant_server(served) as merchant:
        merchant.answer({"ok": True})
        url = merchant.url + "/hook"
        assert SignedPost(url, [SECRET], 5, trust=trusting)(b"{}", NOW) == HttpResponse(200, b'{"ok": true}')
        with pytest.raises(NoAnswerError, match="SSLCertVerificationError"):
            SignedPost(url, [SECRET], 5)(b"{}", NOW)
        merchant.drip(b"HTTP/1.1 200 OK\r\n\r\n", b" ")
        with pytest.raises(NoAnswerError, match="no answer within"):
            SignedPost(url, [SECRET], LIMIT_S, trust=trusting)(b"{}", NOW)
        assert len(merchant.posted) == 2


def test_tls_without_a_certificate_that_we_trust(merchant: MerchantServer) -> None:
    with pytest.raises(NoAnswerError, match="SSL"):
        post(merchant.url.replace("http://", "https://"), 2)


@pytest.mark.parametrize(
    "url",
    [
        "merchant.example",
        "ftp://merchant.example/x",
        "http://",
        "https://u:p@merchant.example",
        "http://merchant.example:port/",
        "http://merchant.example/a b",
        "http://merchant.example/a\x0bb",
        "http://[::1",
    ],
)
def test_urls_that_nothing_is_posted_to(url: str) -> None:
    with pytest.raises(ValueError, match=r"^must "):
        url_with_query(url)


def test_without_a_url_nothing_is_posted() -> None:
    assert url_with_query("") == ""


def test_its_repr_masks_what_its_path_may_hold() -> None:
    assert "topsecret" not in repr(
        SignedPost("https://merchant.example/topsecret?key=topsecret", [SECRET], 5)
    )
