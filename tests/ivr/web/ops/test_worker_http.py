"""The worker's own port: work goes on where it is taken, and it is served as soon as it is free."""

import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest
import requests
from structlog.testing import capture_logs

from ivr.demo.environment import free_ports
from ivr.web.ops.worker import WorkerHttp
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def well(_environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return [b"well"]


def answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5).text == "well"
    except requests.RequestException:
        return False


@pytest.mark.slow
def test_a_port_that_is_taken_is_told_once_and_served_when_it_is_free() -> None:
    [port] = free_ports(1)
    with capture_logs() as logs, socket.create_server(("127.0.0.1", port)) as other:
        http = WorkerHttp(well, "127.0.0.1", port, try_again_s=0.02)
        http.start()
        eventually(lambda: bool(logs), what="the warning")
        other.close()
        eventually(lambda: answers(port), what="an answer")
        http.stop()
    assert [line["event"] for line in logs] == ["worker_port_taken", "serving"]
    assert f"port {port} on 127.0.0.1: Address already in use" in logs[0]["sentence"]
    assert not answers(port)
