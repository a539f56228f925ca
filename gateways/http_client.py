"""The HTTP client for every request that we send: to gateways, the carrier, the merchant, our own processes.

One limit holds for the whole exchange: looking up the name, connecting, TLS, sending, and an answer that
comes byte by byte (the usual libraries bound each read alone). Connections are kept for the next request.
Nothing is sent twice, no redirect is followed, and proxies of the environment are used only where that is
asked for: each could carry a secret, or a charge, where it was not meant to go.
"""

import http.client
import io
import queue
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Self, cast

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError

from gateways.connection_errors import ConnectionFault, connection_fault, root_of

BODY_BYTES_MAX = 16_000_000
_FAILURES = (OSError, ValueError, http.client.HTTPException, urllib3.exceptions.HTTPError)
"""What the libraries raise where no answer can be read. Those of requests and ssl are OSErrors; a host name
that cannot be encoded, and a connection closed while it is read, are ValueErrors. Anything else is a bug, and
comes through.
"""
KEPT_CONNECTIONS = 16
"""For each server."""


class NoAnswerError(Exception):
    """No answer came that can be read. The request may have been processed or not.

    `broke` says how it failed, `cause` names the class of the exception behind it. Neither holds anything
    that was sent.
    """

    def __init__(self, message: str, broke: ConnectionFault, cause: str = "") -> None:
        super().__init__(message)
        self.broke = broke
        self.cause = cause

    @classmethod
    def of(cls, fault: Exception, limit_s: float) -> Self:
        """What an exception of the libraries below means, where `limit_s` seconds were allowed."""
        broke, cause = connection_fault(fault), type(root_of(fault)).__name__
        late = broke in {ConnectionFault.SILENT, ConnectionFault.NO_CONNECTION}
        message = f"no answer within {limit_s:g} s" if late else f"the connection failed: {cause}"
        return cls(message, broke, cause)

    @property
    def late(self) -> bool:
        """Whether the time ran out, as opposed to a connection that failed before."""
        return self.broke in {ConnectionFault.SILENT, ConnectionFault.NO_CONNECTION}

    @property
    def would_fail_again(self) -> bool:
        """Whether the next try would fail alike, as by a certificate that is not trusted."""
        return self.broke is ConnectionFault.TOO_LONG or self.cause.startswith("SSL")

    @property
    def never_sent(self) -> bool:
        """Whether no connection came about, so that nothing was sent."""
        return self.broke in {
            ConnectionFault.NO_NAME,
            ConnectionFault.REFUSED,
            ConnectionFault.NO_CONNECTION,
            ConnectionFault.NO_ROUTE,
        }


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What came back, whatever its status. The body stays out of the repr: it may hold a token."""

    status: int
    body: bytes = field(repr=False, default=b"")
    headers: Mapping[str, str] = field(repr=False, compare=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class HttpClient:
    """Sends requests. Safe to share between threads; all clients share the kept connections.

    `total_s` bounds the whole exchange, `connect_s` its beginning until TLS stands; both in seconds. An
    answer longer than `body_bytes_max` is no answer. `trust` holds the authorities that are trusted in place
    of the library's own list. With `keep`, the connection is kept for the next request; without it, each has
    a connection of its own: an answer cannot be lost to a connection that the server was about to close. With
    `environment`, HTTPS_PROXY, REQUESTS_CA_BUNDLE and the like are used, as on the way to the carrier.
    """

    total_s: float
    connect_s: float | None = None
    body_bytes_max: int = BODY_BYTES_MAX
    trust: ssl.SSLContext | None = None
    keep: bool = True
    environment: bool = False

    def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes | str | Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        auth: tuple[str, str] | None = None,
        total_s: float | None = None,
    ) -> HttpResponse:
        """Sends one request, once. A mapping as `body` is sent as a form. `total_s` takes the place of the
        client's own limit.

        Raises NoAnswerError.

        >>> HttpClient(total_s=5).request("GET", "http://127.0.0.1:8000/healthz").status  # doctest: +SKIP
        200
        """
        limit_s = self.total_s if total_s is None else total_s
        limit = urllib3.Timeout(total=limit_s, connect=self.connect_s)
        try:
            with _session(self.trust, environment=self.environment, keep=self.keep).request(
                method,
                url,
                data=body,
                headers=headers if self.keep else {**(headers or {}), "Connection": "close"},
                params=params,
                auth=auth,
                timeout=cast("float", limit),  # requests hands it on to urllib3; its stubs do not say so
                allow_redirects=False,
                stream=True,
            ) as response:
                content = response.raw.read(self.body_bytes_max + 1, decode_content=True)
        except _FAILURES as fault:  # sent or not, nobody knows; its traceback may hold the body
            raise NoAnswerError.of(fault, limit_s) from None
        if len(content) > self.body_bytes_max:
            raise NoAnswerError(
                f"the answer is larger than {self.body_bytes_max} bytes", ConnectionFault.TOO_LONG
            )
        return HttpResponse(response.status_code, content, response.headers)


@cache
def _session(trust: ssl.SSLContext | None, *, environment: bool, keep: bool) -> requests.Session:
    session = requests.Session()
    session.trust_env = environment
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = _Adapter(trust, keep=keep)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


class _Adapter(HTTPAdapter):
    """The library's way to the network, over connections with one time limit."""

    def __init__(self, trust: ssl.SSLContext | None, *, keep: bool) -> None:
        self._trust = trust
        self._pools = {"http": _Pool, "https": _TlsPool} if keep else _CLOSING_POOLS
        super().__init__(pool_maxsize=KEPT_CONNECTIONS)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._trust, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **options: Any) -> urllib3.ProxyManager:
        manager: urllib3.ProxyManager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Without the library's own list of authorities where another is given."""
        if self._trust is None:
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]


class _Deadline:
    def __init__(self, limit_s: float | None) -> None:
        self._at = None if limit_s is None else time.monotonic() + limit_s

    def left_s(self) -> float | None:
        """Seconds left; raises TimeoutError where there are none."""
        if self._at is None:
            return None
        left_s = self._at - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s


class _TimedReader(io.RawIOBase):
    """The reading side of a socket, where each read may take what is left of the whole."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connection = connection
        self._deadline = _Deadline(connection.gettimeout())
        self._raw = connection.makefile("rb", buffering=0)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._connection.settimeout(self._deadline.left_s())
        return cast("io.RawIOBase", self._raw).readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """Made when the request has been sent: the socket's timeout is then what is left of the whole."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(cast("socket.socket", _TimedReader(sock)), *args, **kwargs)


class _LastResponse(_Response):
    """Its connection is closed behind it, also where the server does not say that it closes too."""

    def begin(self) -> None:
        super().begin()
        self.will_close = True


class _Connection(HTTPConnection):
    response_class = _Response

    def _new_conn(self) -> socket.socket:
        """Looks the name up and tries its addresses, all within the time to connect. What is left of it
        bounds the TLS handshake.
        """
        deadline = _Deadline(self.timeout)
        failed: OSError = OSError("the name has no address")
        try:
            for family, kind, protocol, _, address in _resolve(self.host, self.port, deadline):
                raw = socket.socket(family, kind, protocol)
                try:
                    raw.settimeout(deadline.left_s())
                    raw.connect(address)
                    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    raw.settimeout(deadline.left_s())
                except OSError as fault:
                    raw.close()
                    failed = fault
                else:
                    return raw
        except TimeoutError as fault:
            failed = fault
        except socket.gaierror as fault:
            raise NameResolutionError(self.host, self, fault) from fault
        if isinstance(failed, TimeoutError):
            raise ConnectTimeoutError(self, "no connection in time") from failed
        raise failed


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _ClosingConnection(_Connection):
    response_class = _LastResponse


class _ClosingTlsConnection(_TlsConnection):
    response_class = _LastResponse


class _ClosingPool(_Pool):
    ConnectionCls = _ClosingConnection


class _ClosingTlsPool(_TlsPool):
    ConnectionCls = _ClosingTlsConnection


_CLOSING_POOLS = {"http": _ClosingPool, "https": _ClosingTlsPool}


def _resolve(host: str, port: int, deadline: _Deadline) -> list[tuple[Any, ...]]:
    """The host's addresses. The system's resolver takes no time limit, so it is asked in a thread that may
    outlive the request.
    """
    found: queue.SimpleQueue[list[tuple[Any, ...]] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as fault:
            found.put(fault)

    try:
        threading.Thread(target=ask, name="resolve", daemon=True).start()
    except RuntimeError as fault:  # the machine's limit of threads, no bug of ours
        raise OSError("no thread can be started") from fault
    try:
        addresses = found.get(timeout=deadline.left_s())
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(addresses, Exception):
        raise addresses
    return addresses
