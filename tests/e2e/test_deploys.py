"""Web and pci restarted under calls, and beside strangers who send slowly: nobody who pays notices."""

import socket
from contextlib import ExitStack

from tests.support.deployed_server import DeployedServer
from tests.support.deploys import restarted_under_calls
from tests.support.http_phone_line import PATIENCE_S, HttpPhoneLine

UNFINISHED = b"POST /voice/incoming HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nCallSid="
SLOW = 40


def test_a_call_beside_forty_unfinished_requests_is_paid(server: DeployedServer) -> None:
    """At web and at pci, more than either has threads; who keeps them open reopens what is cut off."""
    reference = server.add_bill()
    with ExitStack() as open_ones:
        for name in ("web", "pci"):
            for _ in range(SLOW):
                slow = socket.create_connection(("127.0.0.1", server.ports[name]), timeout=PATIENCE_S)
                open_ones.enter_context(slow)
                slow.sendall(UNFINISHED)
        rung = server.ring(reference, line=HttpPhoneLine(patient=False))
    assert rung.ended.faults == ()
    assert "You have paid" in rung.words
    assert len(server.charges(reference)) == 1


def test_web_and_pci_are_restarted_under_calls_and_none_is_lost(server: DeployedServer) -> None:
    """The short form of `python -m tests.support.deploys`, which restarts each ten times under 30 calls."""
    told = restarted_under_calls(server, restarts=1, calls=4)
    assert told.lost == []
    assert told.paid >= 4
