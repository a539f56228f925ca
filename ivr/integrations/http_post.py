"""One HTTP POST to the merchant's system, finished within a time limit whatever the other side does.

A caller may be on the line: the limit holds for the whole exchange, also for names that do not resolve and
for answers that drip byte by byte, where the usual libraries bound each read alone. Redirects are answers (a
signed body goes nowhere else), proxies and .netrc of the environment are not used, answers are bounded in
size.
"""

import http.client
import io
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self, cast
from urllib.parse import urlsplit

from ivr.platform.settings.reading import SettingsError

ANSWER_MAX_BYTES = 65_536


class NoAnswerError(Exception):
    """The other side did not answer as HTTP within the limits; the message says how, not what was sent."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to post to. Its query may hold a secret of the merchant's: it masks itself."""

    host: str
    port: int
    target: str
    tls: bool

    @classmethod
    def parse(cls, url: str) -> Self:
        """Raises ValueError with the end of a sentence that begins with the setting's name."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError("must be a URL") from None
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be a URL that begins with https:// (or http:// in development)")
        if parts.username is not None or parts.password is not None:
            raise ValueError("must hold no user name and no password: what we post is signed instead")
        tls = parts.scheme == "https"
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not target.isascii() or not target.isprintable() or " " in target:
            raise ValueError("must be percent-encoded")
        return cls(parts.hostname, port or (443 if tls else 80), target, tls)

    @classmethod
    def of_setting(cls, name: str, url: str) -> Self:
        """Raises SettingsError where the setting's URL is none that we can post to."""
        try:
            return cls.parse(url)
        except ValueError as fault:
            raise SettingsError(f"{name} {fault}.") from None

    def __repr__(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}/***"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status."""

    status: int
    body: bytes


class Post(Protocol):
    """How a room posts: a real `HttpPost`, or a test's own."""

    def __call__(self, endpoint: Endpoint, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Raises NoAnswerError."""
        ...


class HttpPost:
    """Posts over a connection of its own. Safe to call from any thread."""

    def __init__(
        self,
        time_limit_s: float,
        *,
        trust: ssl.SSLContext | None = None,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._time_limit_s = time_limit_s
        self._trust = trust or ssl.create_default_context()
        self._elapsed = elapsed

    def __call__(self, endpoint: Endpoint, body: bytes, headers: Mapping[str, str]) -> Answer:
        deadline = _Deadline(self._elapsed() + self._time_limit_s, self._elapsed)
        try:
            with self._connect(endpoint, deadline) as connection:
                return _exchange(connection, endpoint, body, headers, deadline)
        except TimeoutError:
            raise NoAnswerError(f"no answer within {self._time_limit_s:g} s") from None
        except (OSError, http.client.HTTPException, UnicodeError) as fault:
            raise NoAnswerError(f"the connection failed: {type(fault).__name__}") from fault

    def _connect(self, endpoint: Endpoint, deadline: "_Deadline") -> socket.socket:
        failed: OSError = OSError("the name has no address")
        for family, kind, protocol, _, address in _resolve(endpoint, deadline):
            raw = socket.socket(family, kind, protocol)
            try:
                raw.settimeout(deadline.left_s())
                raw.connect(address)
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                raw.settimeout(deadline.left_s())
                return self._trust.wrap_socket(raw, server_hostname=endpoint.host) if endpoint.tls else raw
            except OSError as fault:
                raw.close()
                failed = fault
        raise failed


class _Deadline:
    def __init__(self, at: float, elapsed: Callable[[], float]) -> None:
        self._at = at
        self._elapsed = elapsed

    def left_s(self) -> float:
        """Seconds left; raises TimeoutError where there are none."""
        left_s = self._at - self._elapsed()
        if left_s <= 0:
            raise TimeoutError
        return left_s


def _resolve(endpoint: Endpoint, deadline: _Deadline) -> list[tuple[Any, ...]]:
    """The host's addresses. The system's resolver takes no time limit, so it is asked in a thread that may
    outlive us.
    """
    answer: queue.SimpleQueue[list[tuple[Any, ...]] | OSError | UnicodeError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answer.put(socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as fault:
            answer.put(fault)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        found = answer.get(timeout=deadline.left_s())
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(found, Exception):
        raise found
    return found


def _exchange(
    connection: socket.socket,
    endpoint: Endpoint,
    body: bytes,
    headers: Mapping[str, str],
    deadline: _Deadline,
) -> Answer:
    kind = http.client.HTTPSConnection if endpoint.tls else http.client.HTTPConnection
    client = kind(endpoint.host, endpoint.port)
    client.sock = connection
    connection.settimeout(deadline.left_s())
    client.request(
        "POST",
        endpoint.target,
        body,
        {"Connection": "close", "Accept": "application/json", "Content-Type": "application/json", **headers},
    )
    response = http.client.HTTPResponse(cast("socket.socket", _Timed(connection, deadline)), method="POST")
    try:
        response.begin()
        content = response.read(ANSWER_MAX_BYTES + 1)
    finally:
        response.close()
    if len(content) > ANSWER_MAX_BYTES:
        raise NoAnswerError(f"the answer is larger than {ANSWER_MAX_BYTES} bytes")
    return Answer(response.status, content)


class _Timed(io.RawIOBase):
    """A socket's reading side, for http.client: each read may take what is left of the whole."""

    def __init__(self, connection: socket.socket, deadline: _Deadline) -> None:
        super().__init__()
        self._connection = connection
        self._deadline = deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(self._deadline.left_s())
        return self._connection.recv_into(buffer)
