"""Connections that are kept or not, sent once within one limit, and nothing told of a request.

How the limit holds against servers that drip, hang or lie: tests/ivr/integrations/test_merchant_post.py.
"""

import http.client
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import requests
import urllib3

from gateways.connection_errors import ConnectionFault
from gateways.http_client import HttpClient, HttpResponse, NoAnswerError
from tests.support.tls import served

KEY = "sk_test_is_never_told"


@dataclass
class Echo:
    """A server that keeps connections and sends each body back."""

    url: str = ""
    connections: list[int] = field(default_factory=list)
    cookies: list[str | None] = field(default_factory=list)
    closes: bool = False
    closes_after_s: float = 0
    """How long behind its answer it closes a connection that is not to be kept."""

    def handler(self) -> type[BaseHTTPRequestHandler]:
        echo = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                echo.connections.append(self.client_address[1])
                echo.cookies.append(self.headers["Cookie"])
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if echo.closes:
                    self.close_connection = True
                    return
                self.send_response(200)
                self.send_header("Set-Cookie", "session=1")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def finish(self) -> None:
                time.sleep(echo.closes_after_s)
                super().finish()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        return Handler


@pytest.fixture
def echo(tmp_path: Path) -> Iterator[Echo]:
    server = Echo()
    with served(tmp_path, server.handler()) as port:
        server.url = f"http://127.0.0.1:{port}/"
        yield server


@pytest.mark.parametrize(("keep", "connections"), [(True, 1), (False, 3)])
def test_connections_are_kept_where_that_is_wanted(echo: Echo, keep: bool, connections: int) -> None:
    """One that is not kept is never used again, also while the server has not closed it yet."""
    echo.closes_after_s = 0.1
    for number in range(3):
        answer = HttpClient(total_s=5, keep=keep).request("POST", echo.url, body=f"{number}")
        assert answer == HttpResponse(200, f"{number}".encode())
    assert len(set(echo.connections)) == connections
    assert echo.cookies == [None] * 3


def test_what_was_lost_is_not_sent_again(echo: Echo) -> None:
    client = HttpClient(total_s=5)
    client.request("POST", echo.url, body=b"first")
    echo.closes = True
    with pytest.raises(NoAnswerError) as lost:
        client.request("POST", echo.url, body=KEY, headers={"Authorization": KEY})
    assert len(echo.connections) == 2
    assert (lost.value.broke, lost.value.late, lost.value.never_sent) == (
        ConnectionFault.CLOSED,
        False,
        False,
    )
    assert KEY not in repr(lost.value)
    assert lost.value.__cause__ is None


def test_where_nobody_listens_nothing_was_sent() -> None:
    with pytest.raises(NoAnswerError) as refused:
        HttpClient(total_s=5).request("POST", "http://127.0.0.1:1/", body=KEY)
    assert (refused.value.broke, refused.value.never_sent) == (ConnectionFault.REFUSED, True)


def test_an_environment_proxy_is_used_only_on_request(echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", echo.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(NoAnswerError):
        HttpClient(total_s=5).request("POST", "http://nobody.invalid/", body=b"x")
    assert echo.connections == []
    by_proxy = HttpClient(total_s=5, environment=True)
    assert by_proxy.request("POST", "http://nobody.invalid/", body=b"x").body == b"x"


def test_a_bug_of_our_own_is_not_taken_for_a_broken_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def misspelt(*_: object) -> list[tuple[object, ...]]:
        raise KeyError("addreses")

    monkeypatch.setattr("gateways.http_client._resolve", misspelt)
    with pytest.raises(KeyError, match="addreses"):
        HttpClient(total_s=5).request("GET", "http://127.0.0.1:1/")


def test_a_machine_without_threads_left_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)
    with pytest.raises(NoAnswerError) as lost:
        HttpClient(total_s=5).request("POST", "http://127.0.0.1:1/", body=KEY)
    assert (lost.value.broke, lost.value.never_sent) == (ConnectionFault.OTHER, False)


@pytest.mark.parametrize(
    "raised",
    [
        requests.exceptions.ChunkedEncodingError("cut"),
        urllib3.exceptions.ProtocolError("broken"),
        urllib3.exceptions.DecodeError("no gzip"),
        http.client.IncompleteRead(b"half"),
        ssl.SSLError("bad record"),
        TimeoutError(),
        UnicodeError("label too long"),
        ValueError("I/O operation on closed file"),
    ],
    ids=lambda raised: type(raised).__name__,
)
def test_what_the_libraries_raise_is_no_answer(raised: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> object:
        raise raised

    monkeypatch.setattr(requests.Session, "request", fail)
    with pytest.raises(NoAnswerError):
        HttpClient(total_s=5).request("GET", "http://127.0.0.1:1/")
