"""Why a server could not be reached over HTTP: one clause for the operator, without anything that was sent.

Shared by the gateways' clients and by `paybycall doctor`.
"""

import socket
import ssl
from collections.abc import Iterator
from enum import StrEnum

import requests


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
    HANDSHAKE = "the TLS handshake fails: the two sides share no TLS version or cipher, or it wants a client certificate"
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


def what_broke(fault: BaseException) -> Break:
    """The kind of a requests exception, by what lies at its ground."""
    causes = list(_causes(fault))
    for one in causes:
        if isinstance(one, ssl.SSLCertVerificationError):
            return _CERTIFICATE.get(one.verify_code, Break.BAD_CERTIFICATE)
        if isinstance(one, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return Break.CLOSED
        if isinstance(one, ssl.SSLError):
            return Break.NO_TLS if one.reason in _SPEAKS_NO_TLS else Break.HANDSHAKE
    if isinstance(fault, requests.exceptions.ProxyError):
        return Break.PROXY
    for kind, found in (
        (socket.gaierror, Break.NO_NAME),
        (requests.ConnectTimeout, Break.NO_CONNECTION),
        (requests.Timeout, Break.SILENT),
        (ConnectionRefusedError, Break.REFUSED),
        (ConnectionError, Break.CLOSED),  # Python's own: reset, aborted, a closed pipe
    ):
        if any(isinstance(one, kind) for one in causes):
            return found
    names = {type(one).__name__ for one in causes}
    if names & {"BadStatusLine", "LineTooLong", "UnknownProtocol"}:
        return Break.NO_HTTP
    if any(isinstance(one, OSError) and one.errno in {101, 113} for one in causes):
        return Break.NO_ROUTE
    return Break.OTHER


def _causes(fault: BaseException) -> Iterator[BaseException]:
    """The exception and all that led to it: libraries keep them as arguments, reasons, causes and "
    "contexts."""
    waiting, seen = [fault], set[int]()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        linked = [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
        waiting += [other for other in linked if isinstance(other, BaseException)]
