"""Waitress with time limits for requests and answers, a graceful end, and paths left as they came.

Waitress reads a request whole, in one thread for all connections, before a thread of the application sees it:
a slow sender costs no thread. It has no limit on how long a request may take to arrive; that is added here.
"""

import logging
import socket
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher, WSGITask

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

REQUEST_S = 10
"""How long a connection may take to bring a whole request, from its opening or the request's first byte."""
KEEP_ALIVE_S = 75
"""How long a connection stays open behind an answer. Proxies keep theirs for 60 s: if we closed first, a
request that they send at that moment would be lost.
"""
ANSWER_S = 30
"""How long it may take to fetch an answer."""
UNREAD_BYTES_MAX = 256_000
"""Where more of its answers wait to be fetched, a connection is asked no further."""
CONNECTIONS_MAX = 1000
BACKLOG = 1024
"""Connections that the kernel keeps until they are accepted."""
_LOGGED = {"waitress": logging.WARNING, "waitress.queue": logging.ERROR}
"""Below warning it logs paths, and a path may hold a secret."""
LINGER_S = 2
"""How long a graceful end waits for the next request of a connection that was just in use."""
LINGER_REPLACED_S = 20
"""The same where another process serves already: there is time, and the answer to a question that a caller
listens to comes on the connection on which it was asked.
"""


class _Task(WSGITask):  # type: ignore[misc] # waitress has no types
    def build_response_header(self) -> bytes:
        if self.channel.server.is_draining:
            self.set_close_on_finish()
        header: bytes = super().build_response_header()
        return header

    def get_environment(self) -> dict[str, Any]:
        """Slashes that were sent twice stay: such a path is not ours, and the application says so."""
        environ: dict[str, Any] = super().get_environment()
        environ["PATH_INFO"] = self.request.path
        return environ


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    def parse_header(self, header_plus: bytes) -> None:
        """Refuses what a proxy before us may have understood otherwise, and a length of 4,300 digits."""
        try:
            super().parse_header(header_plus)
        except ValueError:
            raise ParsingError("A header cannot be read.") from None
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            raise ParsingError("Give Content-Length or Transfer-Encoding, not both.")


class _Channel(HTTPChannel):  # type: ignore[misc]
    """One connection."""

    task_class = _Task
    parser_class = _Parser
    waiting_since: float
    requests: list[HTTPRequestParser]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting_since = time.monotonic()
        self.was_answered = False
        self._serves = False

    def received(self, data: bytes) -> bool:
        if self.is_idle:
            self.waiting_since = time.monotonic()
        taken: bool = super().received(data)
        return taken

    def service(self) -> None:
        """A client that sends request after request and fetches no answer would hold a thread."""
        if self.total_outbufs_len > UNREAD_BYTES_MAX:
            with self.requests_lock:
                self.close_when_flushed = True
                for request in self.requests:
                    request.close()
                self.requests = []
        else:
            self._serves = True
            super().service()
        self.waiting_since = time.monotonic()
        self.was_answered = True
        self._serves = False

    @property
    def is_done(self) -> bool:
        """Nothing is under way; an answer may be left to be fetched."""
        return not self.requests and not self._serves

    @property
    def is_waiting(self) -> bool:
        """For a request that has not arrived whole; nothing is under way and nothing is left to be sent."""
        return self.is_done and not self.total_outbufs_len

    @property
    def is_idle(self) -> bool:
        """Not even a part of a request was read."""
        return self.is_waiting and self.request is None

    def close_if_silent(self) -> None:
        """Not where bytes wait in the kernel: their sender would be reset in the middle of a request."""
        try:
            waits = bool(self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except OSError:  # there are none, or the connection broke
            waits = False
        if not waits:
            self.handle_close()


class HttpServer(TcpWSGIServer):  # type: ignore[misc]
    """Serves one application on a socket that listens already. `run` and `drain` belong to one thread."""

    channel_class = _Channel

    def __init__(
        self,
        application: "WSGIApplication",
        listening: socket.socket,
        *,
        threads: int,
        body_bytes_max: int,
        request_s: float = REQUEST_S,
        keep_alive_s: float = KEEP_ALIVE_S,
        answer_s: float = ANSWER_S,
        connections_max: int = CONNECTIONS_MAX,
    ) -> None:
        """`body_bytes_max`: a longer body is refused with 413, and none is ever written to a disk."""
        for name, level in _LOGGED.items():
            logging.getLogger(name).setLevel(level)
        self.is_draining = False
        self.linger_s: float = LINGER_S
        """How long `drain` waits for the next request of a connection; may be changed while it does."""
        self._request_s = request_s
        self._keep_alive_s = keep_alive_s
        self._answer_s = answer_s
        self._connections_max = connections_max
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(threads)
        settings = Adjustments(
            sockets=[listening],
            threads=threads,
            backlog=BACKLOG,
            connection_limit=connections_max + 100,
            max_request_body_size=body_bytes_max,
            inbuf_overflow=body_bytes_max + 1,
            channel_timeout=KEEP_ALIVE_S + REQUEST_S,
            cleanup_interval=1,
            asyncore_use_poll=True,
            ident=None,
        )
        super().__init__(
            application,
            map={},
            _sock=listening,
            dispatcher=dispatcher,
            adj=settings,
            bind_socket=False,
            sockinfo=(listening.family, listening.type, listening.proto, listening.getsockname()),
        )

    def step(self, timeout_s: float = 1.0) -> None:
        """Waits for connections and bytes once, and does what they ask for."""
        wasyncore.loop(timeout=timeout_s, use_poll=True, map=self._map, count=1)

    def drain(self, timeout_s: float) -> bool:
        """Accepts nothing more, and answers what is under way; False where that took longer."""
        self._stop_accepting()
        until = time.monotonic() + timeout_s
        while self.active_channels and time.monotonic() < until:
            for channel in self._channels():
                if channel.is_idle and time.monotonic() - channel.waiting_since > self.linger_s:
                    channel.close_if_silent()
            self.maintenance(time.time())
            self.step(0.05)
        done = not self.active_channels
        self.task_dispatcher.shutdown(timeout=max(0.1, until - time.monotonic()))
        return done

    def _stop_accepting(self) -> None:
        """What the kernel has accepted for us is taken over first: it would be reset."""
        connected = -1
        while connected != len(self.active_channels):
            connected = len(self.active_channels)
            self.handle_accept()
        self.is_draining = True
        self.accepting = False
        wasyncore.dispatcher.close(self)

    def handle_accept(self) -> None:
        """Where there are too many connections, the one that has waited longest for its request, or has taken
        longest to fetch its answer, gives way.
        """
        if len(self.active_channels) >= self._connections_max:
            waiting = [channel for channel in self._channels() if channel.is_done]
            if waiting:
                min(waiting, key=lambda channel: channel.waiting_since).handle_close()
        super().handle_accept()

    def maintenance(self, now: float) -> None:
        super().maintenance(now)
        at = time.monotonic()
        for channel in self._channels():
            waited_s = at - channel.waiting_since
            if channel.is_idle and channel.was_answered:
                if waited_s > self._keep_alive_s:
                    channel.close_if_silent()
            elif channel.is_waiting and waited_s > self._request_s:
                channel.will_close = True
            elif channel.is_done and waited_s > self._answer_s:
                channel.handle_close()

    def _channels(self) -> Iterator[_Channel]:
        return iter(list(self.active_channels.values()))
