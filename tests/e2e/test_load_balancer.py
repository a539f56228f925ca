"""The load balancer that the tests of several processes stand on: no request is sent twice, none is lost."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import requests

from ivr.demo.environment import free_ports
from tests.support.load_balancer import LoadBalancer, balancing
from tests.support.merchant_server import MerchantServer, merchant_server


def port_of(server: MerchantServer) -> int:
    return int(server.url.rpartition(":")[2])


@contextmanager
def silent() -> Iterator[int]:
    """The port of somebody who takes a connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def pair() -> Iterator[list[MerchantServer]]:
    with ExitStack() as stack:
        yield [stack.enter_context(merchant_server()) for _ in range(2)]


def post(balancer: LoadBalancer) -> int:
    return requests.post(balancer.url + "/path?query=1", data=b"body", timeout=30).status_code


def test_processes_take_turns(pair: list[MerchantServer]) -> None:
    with balancing(lambda: [port_of(each) for each in pair]) as balancer:
        assert {post(balancer) for _ in range(4)} == {200}
    assert [[(one.path, one.body) for one in each.posted] for each in pair] == [
        [("/path?query=1", b"body")] * 2
    ] * 2


def test_a_refused_connection_is_tried_elsewhere(pair: list[MerchantServer]) -> None:
    with balancing(lambda: [*free_ports(1), port_of(pair[0])]) as balancer:
        assert {post(balancer) for _ in range(4)} == {200}
    assert len(pair[0].posted) == 4


def test_nobody_yet_is_waited_for(pair: list[MerchantServer]) -> None:
    balancers = free_ports(1)
    with balancing(lambda: list(balancers)) as balancer:
        later = threading.Timer(0.2, lambda: balancers.append(port_of(pair[0])))
        later.start()
        assert post(balancer) == 200
        later.join()


def test_what_was_sent_is_not_sent_again(pair: list[MerchantServer]) -> None:
    broken, other = pair
    broken.misbehave = lambda handler: handler.connection.shutdown(socket.SHUT_RDWR)
    with balancing(lambda: [port_of(broken), port_of(other)]) as balancer:
        found = [post(balancer) for _ in range(3)]
    assert sorted(found) == [200, 200, 502]
    assert (len(broken.posted), len(other.posted)) == (1, 2)


def test_silence_ends_and_a_broken_line_can_be_passed_on(pair: list[MerchantServer]) -> None:
    with silent() as port, balancing(lambda: [port], answer_s_max=0.1) as balancer:
        assert post(balancer) == 504
    pair[0].misbehave = lambda handler: handler.connection.shutdown(socket.SHUT_RDWR)
    with (
        balancing(lambda: [port_of(pair[0])], breaks=True) as balancer,
        pytest.raises(requests.ConnectionError),
    ):
        post(balancer)
