"""Why a server could not be reached over HTTP: one clause for the operator, without anything that was sent.

Shared by the gateways' clients and by `paybycall doctor`.
"""

import errno
import http.client
import socket
import ssl
from collections.abc import Iterator
from enum import StrEnum

import requests
from urllib3.exceptions import ConnectTimeoutError
from urllib3.exceptions import TimeoutError as HttpTimeout


class Break(StrEnum):
    """What broke, as the end of "it cannot be reached: ..."."""

    NO_NAME = "its host name is not found in DNS"
    REFUSED = "the connection is refused, so nothing listens there"
    NO_CONNECTION = "nothing answers there in time"
    SILENT = "it accepts the connection and does not answer in time"
    NO_ROUTE = "this machine has no network route to it"
    CLOSED = "it closes the connection without an answer"
    EXPIRED = "its TLS certificate has expired"
    NOT_YET = "its TLS certificate is not valid yet by this machine's clock"
    OTHER_HOST = "its TLS certificate is for another host name"
    SELF_SIGNED = "its TLS certificate is self-signed"
    UNKNOWN_CA = "its TLS certificate is from an authority that this machine does not trust"
    INCOMPLETE = (
        "its TLS certificate comes without the intermediate certificates, or from an unknown authority"
    )
    BAD_CERTIFICATE = "its TLS certificate is not accepted"
    NO_TLS = "it speaks plain http where https is expected"
    HANDSHAKE = "the TLS handshake fails, as by another TLS version or a missing client certificate"
    PROXY = "the proxy in HTTPS_PROXY or HTTP_PROXY does not pass the request on"
    NO_HTTP = "what answers does not speak HTTP"
    OTHER = "the request failed"


_CERTIFICATE = {
    9: Break.NOT_YET,
    10: Break.EXPIRED,
    18: Break.SELF_SIGNED,
    19: Break.UNKNOWN_CA,
    20: Break.INCOMPLETE,
    21: Break.INCOMPLETE,
    62: Break.OTHER_HOST,
    64: Break.OTHER_HOST,
}
"""By OpenSSL's verify codes (openssl-verification-options(1))."""
_SPEAKS_NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}

_NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH}


def what_broke(fault: BaseException) -> Break:
    """The kind of a requests exception, by what lies at its ground."""
    causes = list(_causes(fault))
    kinds: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Break], ...] = (
        (requests.exceptions.ProxyError, Break.PROXY),
        (socket.gaierror, Break.NO_NAME),
        (ConnectionRefusedError, Break.REFUSED),
        ((requests.ConnectTimeout, ConnectTimeoutError), Break.NO_CONNECTION),
        ((requests.Timeout, HttpTimeout, TimeoutError), Break.SILENT),
        (ConnectionError, Break.CLOSED),  # Python's own: reset, aborted, a closed pipe
        (http.client.HTTPException, Break.NO_HTTP),
    )
    of_tls = next((_of_tls(one) for one in causes if isinstance(one, ssl.SSLError)), None)
    plain = (found for kind, found in kinds if any(isinstance(one, kind) for one in causes))
    if any(isinstance(one, OSError) and one.errno in _NO_ROUTE for one in causes):
        return Break.NO_ROUTE
    return of_tls or next(plain, Break.OTHER)


def root_of(fault: BaseException) -> BaseException:
    """The exception of Python's own that lies at the ground, such as ConnectionRefusedError; or the fault."""
    own = (OSError, UnicodeError, http.client.HTTPException)
    return next((one for one in list(_causes(fault))[::-1] if isinstance(one, own)), fault)


def _of_tls(fault: ssl.SSLError) -> Break:
    if isinstance(fault, ssl.SSLCertVerificationError):
        return _CERTIFICATE.get(fault.verify_code, Break.BAD_CERTIFICATE)
    if isinstance(fault, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Break.CLOSED
    return Break.NO_TLS if getattr(fault, "reason", None) in _SPEAKS_NO_TLS else Break.HANDSHAKE


def _causes(fault: BaseException) -> Iterator[BaseException]:
    """The exception and all that led to it, kept as arguments, reasons, causes and contexts."""
    waiting, seen = [fault], set[int]()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        linked = [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
        waiting += [other for other in linked if isinstance(other, BaseException)]
