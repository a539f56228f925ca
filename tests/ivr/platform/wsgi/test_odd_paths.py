"""On the wire, no odd path is mended by server or framework, and no URL is made of the Host header."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from flask import Flask

from ivr.platform.flask_app import set_up_requests
from ivr.platform.wsgi.http import HttpServer
from tests.support.time_and_ids import SequentialIds


@pytest.fixture
def port() -> Iterator[int]:
    app = Flask("odd", static_folder=None)
    set_up_requests(app, SequentialIds())
    app.add_url_rule("/", "root", lambda: "root", methods=["GET", "POST"])
    app.add_url_rule("/a/<turn:number>", "door", lambda number: f"door {number}", methods=["POST"])
    listening = socket.create_server(("127.0.0.1", 0))
    server = HttpServer(app, listening, threads=1, body_bytes_max=1000)
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            server.step(0.05)
        server.drain(10)

    thread = threading.Thread(target=serve)
    thread.start()
    yield int(listening.getsockname()[1])
    over.set()
    thread.join()


def answer(port: int, target: str) -> bytes:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as connection:
        head = (
            f"POST {target} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\nContent-Length: 4\r\n\r\n"
        )
        connection.sendall(head.encode() + b"4242")
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_an_odd_path_is_not_found(port: int) -> None:
    for target in ("/a/1", "/a/1?b=//", "http://evil.example/a/1", "/"):
        assert answer(port, target).startswith(b"HTTP/1.1 200 "), target
    for target in (
        "//a/1",
        "///a/1",
        "/a//1",
        "/a/1/",
        "//",
        "http://evil.example//a/1",
        "http://evil.example",
        "//evil.example/a/1",
        "/a/1//",
    ):
        got = answer(port, target)
        assert got.startswith(b"HTTP/1.1 404 "), (target, got)
        assert b"evil" not in got
        assert b"Location" not in got
