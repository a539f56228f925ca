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


class ConnectionFault(StrEnum):
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
    TOO_LONG = "its answer is too long"
    NO_HTTP = "what answers does not speak HTTP"
    OTHER = "the request failed"


_CERTIFICATE = {
    9: ConnectionFault.NOT_YET,
    10: ConnectionFault.EXPIRED,
    18: ConnectionFault.SELF_SIGNED,
    19: ConnectionFault.UNKNOWN_CA,
    20: ConnectionFault.INCOMPLETE,
    21: ConnectionFault.INCOMPLETE,
    62: ConnectionFault.OTHER_HOST,
    64: ConnectionFault.OTHER_HOST,
}
"""By OpenSSL's verify codes (openssl-verification-options(1))."""
_SPEAKS_NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}

_NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH}


def connection_fault(fault: BaseException) -> ConnectionFault:
    """The kind of a requests exception, by the exceptions that led to it."""
    causes = list(_causes(fault))
    kinds: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], ConnectionFault], ...] = (
        (requests.exceptions.ProxyError, ConnectionFault.PROXY),
        (socket.gaierror, ConnectionFault.NO_NAME),
        (ConnectionRefusedError, ConnectionFault.REFUSED),
        ((requests.ConnectTimeout, ConnectTimeoutError), ConnectionFault.NO_CONNECTION),
        ((requests.Timeout, HttpTimeout, TimeoutError), ConnectionFault.SILENT),
        (ConnectionError, ConnectionFault.CLOSED),  # Python's own: reset, aborted, a closed pipe
        (http.client.HTTPException, ConnectionFault.NO_HTTP),
    )
    of_tls = next((_of_tls(one) for one in causes if isinstance(one, ssl.SSLError)), None)
    plain = (found for kind, found in kinds if any(isinstance(one, kind) for one in causes))
    if any(isinstance(one, OSError) and one.errno in _NO_ROUTE for one in causes):
        return ConnectionFault.NO_ROUTE
    return of_tls or next(plain, ConnectionFault.OTHER)


def root_of(fault: BaseException) -> BaseException:
    """Python's own exception that it began with, such as ConnectionRefusedError; or the fault itself."""
    own = (OSError, UnicodeError, http.client.HTTPException)
    return next((one for one in list(_causes(fault))[::-1] if isinstance(one, own)), fault)


def _of_tls(fault: ssl.SSLError) -> ConnectionFault:
    if isinstance(fault, ssl.SSLCertVerificationError):
        return _CERTIFICATE.get(fault.verify_code, ConnectionFault.BAD_CERTIFICATE)
    if isinstance(fault, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return ConnectionFault.CLOSED
    return (
        ConnectionFault.NO_TLS
        if getattr(fault, "reason", None) in _SPEAKS_NO_TLS
        else ConnectionFault.HANDSHAKE
    )


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
