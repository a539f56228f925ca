"""Who sends slowly costs no thread, and is cut off in time."""

import select
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from ivr.platform.wsgi.http import HttpServer
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

THREADS = 2
BODY_BYTES_MAX = 1000
HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"


def count_bytes(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    body = str(len(environ["wsgi.input"].read())).encode()
    if environ["PATH_INFO"] == "/long":
        body = b"x" * 400_000
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


class Running:
    """A server in a thread, until `close`."""

    def __init__(
        self,
        *,
        request_s: float = 60,
        keep_alive_s: float = 60,
        answer_s: float = 60,
        connections_max: int = 100,
    ) -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = listening.getsockname()[1]
        self._over = threading.Event()
        self.server = HttpServer(
            count_bytes,
            listening,
            threads=THREADS,
            body_bytes_max=BODY_BYTES_MAX,
            request_s=request_s,
            keep_alive_s=keep_alive_s,
            answer_s=answer_s,
            connections_max=connections_max,
        )
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.is_set():
            self.server.step(0.05)
        self.server.drain(10)

    def close(self) -> None:
        self._over.set()
        self._thread.join()

    def post(self, body: bytes) -> tuple[int, bytes]:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request("POST", "/", body)
            response = connection.getresponse()
            return response.status, response.read()

    def begin(self, sent: bytes) -> socket.socket:
        """A connection that brings this and no more."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        connection.sendall(sent)
        return connection


@pytest.fixture(name="running")
def _running(request: pytest.FixtureRequest) -> Iterator[Running]:
    running = Running(**getattr(request, "param", {}))
    yield running
    running.close()


def is_cut(connection: socket.socket) -> bool:
    with closing(connection), suppress(ConnectionResetError):
        return connection.recv(1) == b""
    return True


def test_unfinished_requests_hold_no_thread(running: Running) -> None:
    """Far more of them than there are threads, some with half a header, some with half a body."""
    slow = [running.begin(sent) for sent in (b"", b"POST / HT", HEAD, HEAD + b"x" * 99) for _ in range(10)]
    assert running.post(b"x" * 900) == (200, b"900")
    slow[-1].sendall(b"x")
    assert b"200 OK" in slow[-1].recv(1000)
    for connection in slow:
        connection.close()


@pytest.mark.parametrize("running", [{"request_s": 0.2, "keep_alive_s": 0.2}], indirect=True)
def test_an_unfinished_request_is_cut_off(running: Running) -> None:
    """Also one that goes on sending, a byte now and then; and a connection left idle after an answer."""
    kept = HTTPConnection("127.0.0.1", running.port, timeout=20)
    kept.request("POST", "/", b"abc")
    assert kept.getresponse().read() == b"3"
    for connection in [running.begin(sent) for sent in (b"", b"POST / HT", HEAD + b"x")]:
        assert is_cut(connection)
    dripping = running.begin(HEAD)
    with suppress(BrokenPipeError, ConnectionResetError):
        for _ in range(90):
            dripping.sendall(b"x")
            dripping.settimeout(0.1)
            with suppress(TimeoutError):
                assert dripping.recv(1) == b""
                break
        else:
            pytest.fail("90 bytes were heard, one each tenth of a second")
    dripping.close()
    assert kept.sock is not None
    assert is_cut(kept.sock)


@pytest.mark.parametrize("running", [{"request_s": 0.5}], indirect=True)
def test_a_kept_connection_gives_each_request_its_own_time_limit(running: Running) -> None:
    kept = HTTPConnection("127.0.0.1", running.port, timeout=20)
    for _ in range(2):
        kept.request("POST", "/", b"abc")
        assert kept.getresponse().read() == b"3"
        assert is_cut(running.begin(b""))  # so long has the kept one been idle, and longer
    assert kept.sock is not None
    kept.sock.sendall(HEAD)
    assert is_cut(kept.sock)


def test_a_queued_request_is_answered_before_the_socket_closes() -> None:
    """The server is at the end of its patience with an idle connection when the request has just come."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = HttpServer(count_bytes, listening, threads=THREADS, body_bytes_max=BODY_BYTES_MAX)
    client = socket.create_connection(listening.getsockname(), timeout=20)
    whole = HEAD + b"x" * 100
    client.sendall(whole)
    answer = bytearray()

    def is_whole() -> bool:
        server.step(0.01)
        answer.extend(client.recv(1000) if _arrived(client) else b"")
        return answer.endswith(b"100")  # the body: so many bytes came

    eventually(is_whole, what="the first answer")
    client.sendall(whole)
    eventually(lambda: _arrived(server.active_channels[min(server.active_channels)].socket), what="it")
    server.linger_s = 0
    assert server.drain(10)
    assert b"200 OK" in client.recv(1000)
    client.close()


def _arrived(connection: socket.socket) -> bool:
    return bool(select.select([connection], [], [], 0)[0])


@pytest.mark.parametrize("running", [{"connections_max": 5}], indirect=True)
def test_where_there_are_too_many_the_longest_waiting_gives_way(running: Running) -> None:
    slow = [running.begin(HEAD) for _ in range(5)]
    assert running.post(b"abc") == (200, b"3")
    assert is_cut(slow[0])
    for connection in slow[2:]:
        connection.sendall(b"x" * 100)
        assert b"200 OK" in connection.recv(1000)
        connection.close()
    slow[1].close()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_long_is_refused(running: Running, chunked: bool) -> None:
    body = b"x" * (BODY_BYTES_MAX + 1)
    with closing(HTTPConnection("127.0.0.1", running.port, timeout=20)) as connection:
        connection.request("POST", "/", iter([body]) if chunked else body, encode_chunked=chunked)
        assert connection.getresponse().status == 413


def test_what_is_under_way_at_the_end_is_answered() -> None:
    """A request half sent, one waiting in the kernel, and a kept connection, whose next answer says close."""
    running = Running()
    kept = HTTPConnection("127.0.0.1", running.port, timeout=20)
    kept.request("POST", "/", b"abc")
    assert kept.getresponse().read() == b"3"
    half = running.begin(HEAD + b"x" * 50)
    closing_thread = threading.Thread(target=running.close, daemon=True)
    closing_thread.start()
    half.sendall(b"x" * 50)
    assert b"200 OK" in half.recv(1000)
    kept.request("POST", "/", b"abcd")
    last = kept.getresponse()
    assert (last.read(), last.getheader("Connection")) == (b"4", "close")
    closing_thread.join()
    with pytest.raises(ConnectionRefusedError):
        running.begin(b"")


def not_fetching(running: Running) -> socket.socket:
    """A client that asks for much more than the kernel keeps for it, and reads nothing."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    client.connect(("127.0.0.1", running.port))
    client.sendall(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
    return client


def test_who_fetches_no_answers_holds_no_thread_and_gives_way() -> None:
    running = Running(connections_max=4 * THREADS)
    slow = [not_fetching(running) for _ in range(8 * THREADS)]
    try:
        assert running.post(b"abc") == (200, b"3")
    finally:
        for client in slow:
            client.close()
        running.close()


def test_who_fetches_no_answer_in_time_is_cut_off() -> None:
    running = Running(answer_s=0.1)
    with closing(not_fetching(running)):
        eventually(lambda: len(running.server.active_channels) == 1, what="its connection")
        eventually(lambda: not running.server.active_channels, what="its end")
    running.close()


@pytest.mark.parametrize(
    "head", [b"Content-Length: 4\r\nTransfer-Encoding: chunked", b"Content-Length: " + b"9" * 5000]
)
def test_a_length_that_can_be_read_in_two_ways_or_not_at_all_is_refused(
    running: Running, head: bytes
) -> None:
    """A proxy that reads it otherwise would let a second request through in the body of the first."""
    with closing(socket.create_connection(("127.0.0.1", running.port), timeout=20)) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n")
        answered = b""
        with suppress(ConnectionResetError):
            while got := client.recv(65536):
                answered += got
    assert answered.startswith(b"HTTP/1.1 400 ")
    assert answered.count(b"HTTP/1.") == 1
