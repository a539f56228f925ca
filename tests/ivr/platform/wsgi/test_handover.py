"""Servers as processes: replaced, followed, orphaned, and told apart from what else may use a port."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psutil
import pytest

from ivr.demo.environment import free_ports
from ivr.platform.wsgi.http import LINGER_S
from tests.support import served_app
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

PATIENCE_S = served_app.PATIENCE_S


def ask(port: int, path: str = "/") -> int:
    """The process id of the worker that answers."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)) as connection:
        connection.request("POST", path, b"x")
        response = connection.getresponse()
        pid, length = response.read().split()
        assert (response.status, length) == (200, b"1")
        return int(pid)


def answers(port: int) -> bool:
    try:
        return ask(port) > 0
    except OSError:
        return False


class GatewayClient:
    """Asks without a pause: whatever is refused, reset or lost fails the test."""

    def __init__(self, port: int) -> None:
        self.pids: set[int] = set()
        self._faults: list[Exception] = []
        self._port = port
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(3)]
        for one in self._threads:
            one.start()

    def _ask(self) -> None:
        while not self._over.is_set():
            try:
                self.pids.add(ask(self._port, "/slow" if len(self.pids) % 2 else "/"))
            except Exception as fault:  # noqa: BLE001 - told by `end`
                self._faults.append(fault)
                return

    def end(self) -> None:
        self._over.set()
        for one in self._threads:
            one.join()
        assert self._faults == []


@contextmanager
def stopped_at_last(*running: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.communicate()


@contextmanager
def served_by(name: str, workers: int = 1) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A server that answers, and its port."""
    [port] = free_ports(1)
    running = served_app.start(name, port, workers=workers)
    with stopped_at_last(running):
        eventually(lambda: answers(port), timeout_s=PATIENCE_S, what="the first server")
        yield running, port


def test_a_second_server_takes_over_and_nobody_is_refused() -> None:
    """Twice in a row, also from two workers to one and back; the first ends by itself, with status 0."""
    with served_by("about_itself", workers=2) as (first, port):
        asking = GatewayClient(port)
        second = served_app.start("about_itself", port)
        with stopped_at_last(second):
            assert first.wait(PATIENCE_S) == 0
            third = served_app.start("about_itself", port, workers=2)
            with stopped_at_last(third):
                assert second.wait(PATIENCE_S) == 0
                asking.end()
                assert len(asking.pids) >= 3
                third.terminate()
                assert third.wait(PATIENCE_S) == 0
    assert not answers(port)


def test_an_idle_connection_is_answered_by_the_outgoing_server() -> None:
    """A caller listens to a question meanwhile, longer than a server waits that is stopped."""
    with (
        served_by("about_itself") as (first, port),
        closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)) as kept,
    ):
        was = kept_ask(kept)
        second = served_app.start("about_itself", port)
        with stopped_at_last(second):
            eventually(lambda: ask(port) != was, timeout_s=PATIENCE_S, what="the second server")
            time.sleep(LINGER_S + 0.5)
            assert kept_ask(kept) == was
            assert first.wait(PATIENCE_S) == 0
            assert kept_ask(kept) != was  # on a new connection


def kept_ask(connection: http.client.HTTPConnection) -> int:
    """The process id of the worker that answers on a connection that is kept while both sides want that."""
    connection.request("POST", "/", b"x")
    return int(connection.getresponse().read().split()[0])


def test_workers_are_replaced_unheard() -> None:
    """By its own wish, by SIGHUP, and after kill -9."""
    with served_by("about_itself") as (running, port):
        asking = GatewayClient(port)
        was = ask(port, "/replace")
        eventually(lambda: not psutil.pid_exists(was), timeout_s=PATIENCE_S, what="another worker")
        was = ask(port)
        running.send_signal(signal.SIGHUP)
        eventually(lambda: not psutil.pid_exists(was), timeout_s=PATIENCE_S, what="another worker")
        asking.end()
        os.kill(was := ask(port), signal.SIGKILL)
        assert ask(port) != was  # the connection waited in the kernel
        running.terminate()
        assert running.wait(PATIENCE_S) == 0


def test_many_wishes_to_be_replaced_start_one_worker_at_a_time() -> None:
    with served_by("slow_to_load") as (running, port):
        was = ask(port)
        parent = psutil.Process(running.pid)
        most = 0
        while psutil.pid_exists(was):
            running.send_signal(signal.SIGHUP)
            most = max(most, len(parent.children()))
        assert most <= 3  # the one that ends, the one that serves, the one that loads
        assert answers(port)
        running.terminate()
        assert running.wait(PATIENCE_S) == 0


def test_a_worker_that_dies_while_it_is_replaced_takes_nobody_with_it() -> None:
    """The parent is held, so that it hears of the death before the new worker serves."""
    with served_by("about_itself") as (running, port):
        was = ask(port)
        for number in (signal.SIGSTOP, signal.SIGHUP):
            running.send_signal(number)
        os.kill(was, signal.SIGKILL)
        running.send_signal(signal.SIGCONT)
        assert ask(port) != was
        assert running.poll() is None
        running.terminate()
        assert running.wait(PATIENCE_S) == 0


def test_a_parent_stopped_before_its_new_worker_reports() -> None:
    """It is held meanwhile, so that it hears both at once."""
    with served_by("about_itself") as (running, port):
        was = ask(port)
        parent = psutil.Process(running.pid)
        were = parent.children()
        running.send_signal(signal.SIGHUP)
        eventually(lambda: parent.children() != were, timeout_s=PATIENCE_S, what="a new worker", every_s=0)
        running.send_signal(signal.SIGSTOP)
        eventually(lambda: ask(port) != was, timeout_s=PATIENCE_S, what="its first answer")
        running.terminate()
        running.send_signal(signal.SIGCONT)
        _, told = running.communicate(timeout=PATIENCE_S)
        assert (running.returncode, b"Traceback" in told) == (0, False), told


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_end_with_their_parent(workers: int) -> None:
    """The port is free at once, and what was under way is answered."""
    with served_by("about_itself", workers=workers) as (running, port):
        children = psutil.Process(running.pid).children()
        assert len(children) == workers
        answered: list[int] = []
        asking = threading.Thread(target=lambda: answered.append(ask(port, "/slow")), daemon=True)
        asking.start()
        eventually(lambda: _is_served(children), timeout_s=PATIENCE_S, what="a request under way")
        running.kill()
        running.wait()
        successor = served_app.start("about_itself", port)
        with stopped_at_last(successor):
            eventually(lambda: answers(port), timeout_s=PATIENCE_S, what="the next server")
            asking.join()
            assert answered[0] in {child.pid for child in children}
            eventually(
                lambda: not any(child.is_running() for child in children),
                timeout_s=PATIENCE_S,
                what="their end",
            )


def _is_served(children: list[psutil.Process]) -> bool:
    return any(
        connection.status == psutil.CONN_ESTABLISHED
        for child in children
        for connection in child.net_connections()
    )


def test_a_successor_that_does_not_start_changes_nothing() -> None:
    with served_by("about_itself") as (running, port):
        for name, kind, said in (
            ("broken", "web", b"this application cannot be made"),
            ("about_itself", "pci", b"is already in use by `paybycall serve web`"),
        ):
            other = served_app.start(name, port, kind=kind)
            _, told = other.communicate(timeout=PATIENCE_S)
            assert other.returncode == 1
            assert said in told
        assert answers(port)
        successor = served_app.start("about_itself", port)
        with stopped_at_last(successor):
            assert running.wait(PATIENCE_S) == 0
            assert answers(port)


def test_connections_leave_file_handles_for_the_application() -> None:
    [port] = free_ports(1)
    running = subprocess.Popen(
        ["sh", "-c", 'ulimit -n 200; exec "$@"', "sh", *served_app.command("about_itself", port)],
        cwd=served_app.ROOT,
        env={"PATH": os.defpath},
        stderr=subprocess.PIPE,
    )
    idle: list[socket.socket] = []
    with stopped_at_last(running):
        eventually(lambda: answers(port), timeout_s=PATIENCE_S, what="the server")
        idle += (socket.create_connection(("127.0.0.1", port)) for _ in range(250))
        assert ask(port) > 0
        running.terminate()
        for one in idle:
            one.close()
        assert b"Too many open files" not in running.communicate(timeout=PATIENCE_S)[1]


def test_a_port_of_another_program_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = served_app.start("about_itself", port)
        _, told = refused.communicate(timeout=PATIENCE_S)
    assert refused.returncode == 1
    assert f"Port {port} on 127.0.0.1 is already in use".encode() in told


def test_a_socket_of_systemd_is_taken() -> None:
    """As `sd_listen_fds` has it: LISTEN_PID is our own process id, the socket is descriptor 3."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        handed = (
            f"import os, sys; os.dup2({listening.fileno()}, 3); os.environ['LISTEN_PID'] = str(os.getpid());"
            "os.execv(sys.argv[1], sys.argv[1:])"
        )
        running = subprocess.Popen(
            [sys.executable, "-c", handed, *served_app.command("about_itself", 1)],
            cwd=served_app.ROOT,
            env={"PATH": os.defpath, "LISTEN_FDS": "1"},
            pass_fds=[listening.fileno()],
        )
        with stopped_at_last(running):
            assert ask(port) in {child.pid for child in psutil.Process(running.pid).children()}
            running.terminate()
            assert running.wait(PATIENCE_S) == 0
