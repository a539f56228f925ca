"""Webhooks over real HTTP on the loopback, to a server that is well, slow, deaf or endless."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from werkzeug.serving import make_server

from ivr.platform.clock import SystemClock
from ivr.simulators.phone.events import Reason, Said
from ivr.simulators.phone.transport import HttpTransport, NotConnectedError, NoWebhookAnswerError
from tests.support.phone import call_settings, ring
from tests.support.twiml_server import TinyServer

SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n<Response/>"


@contextmanager
def answering(reply: bytes, *, drip: bytes = b"", keep_open: bool = False) -> Iterator[str]:
    """A server that says the same bytes to everyone, then drips, then closes (or keeps silent)."""
    done = threading.Event()

    def serve() -> None:
        while not done.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(reply)
                try:
                    while drip and not done.wait(0.05):
                        connection.sendall(drip)
                except OSError:
                    continue
                if keep_open:
                    done.wait(5)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        done.set()
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_a_whole_call() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    tiny = TinyServer(
        {
            "/voice/incoming": "<Say>¿Qué tal, José?</Say><Redirect>/next?n=Jos%C3%A9</Redirect>",
            "/next": "<Hangup/>",
        },
        base=base,
    )
    server = make_server("127.0.0.1", port, tiny.app)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        clock = SystemClock()
        settings = call_settings(incoming_url=f"{base}/voice/incoming", fallback_url=None, status_url=None)
        ended, heard = ring(HttpTransport(clock), clock, settings=settings)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
    assert (ended.reason, ended.faults) == (Reason.SERVER, ())
    assert [said.text for said in heard.of(Said)] == ["¿Qué tal, José?"]


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    with pytest.raises(NotConnectedError, match="is the server running"):
        HttpTransport(SystemClock()).post(url, {}, {})


def test_a_server_that_never_answers() -> None:
    with (
        answering(b"", keep_open=True) as url,
        pytest.raises(NoWebhookAnswerError, match=r"no answer within 0\.2 s"),
    ):
        HttpTransport(SystemClock(), total_s=0.2).post(url, {}, {})


def test_a_server_that_drips() -> None:
    """Each read is quick enough; all of them together are not."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 60000\r\n\r\n"
    with (
        answering(head, drip=b"x") as url,
        pytest.raises(NoWebhookAnswerError, match=r"the answer took longer than 0\.3 s"),
    ):
        HttpTransport(SystemClock(), total_s=0.3).post(url, {}, {})


@pytest.mark.parametrize("reply", [b"", SHORT, b"SSH-2.0-hello\r\n"])
def test_a_connection_that_breaks(reply: bytes) -> None:
    with answering(reply) as url, pytest.raises(NoWebhookAnswerError, match="the connection broke"):
        HttpTransport(SystemClock(), total_s=2).post(url, {}, {})


def test_an_answer_without_end_is_read_no_further_than_a_document() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n"
    with answering(head, drip=b"x" * 65536) as url:
        answer = HttpTransport(SystemClock(), total_s=5).post(url, {}, {})
    assert len(answer.body) == 64_001


def test_redirects_are_not_followed_and_names_are_lower_case() -> None:
    with answering(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nX-A: b\r\nContent-Length: 0\r\n\r\n") as url:
        answer = HttpTransport(SystemClock()).post(url, {}, {})
    assert (answer.status, answer.headers["location"], answer.headers["x-a"]) == (302, "/x", "b")
    assert answer.content_type == ""
