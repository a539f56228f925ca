"""One request to the bank and its answer, or why there is none. Shared by the adapter and the PCI side.

A body travels as a `Secret`, bare only inside the library that sends it; it never comes back in an exception,
a repr or a reason. Neither proxies nor .netrc are read from the environment, nothing is sent twice, and no
redirect is followed: each of these could carry a secret, or a charge, where it was not meant to go.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateways.connection_errors import ConnectionFault
from gateways.contract import Order
from gateways.http_client import HttpClient, NoAnswerError
from gateways.secret import Secret

CONNECT_S = 2.0
TOTAL_S = 10.0


@dataclass(frozen=True, slots=True)
class BankReply:
    """What the bank said. The body stays out of the repr: it may hold a token."""

    status: int
    body: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Reply(status={self.status})"


@dataclass(frozen=True, slots=True)
class NoBankReply:
    """No answer that means anything: the bank may have done what it was asked, or not."""

    reason: str


def sealed(asked: Mapping[str, Any]) -> Secret:
    """A JSON body, with each Secret in it bare; nobody else has to unwrap one."""
    return Secret(json.dumps(asked, default=_bare))


def order_fields(order: Order) -> dict[str, Any]:
    """An order as each request names it."""
    return {
        "key": order.key,
        "amount_minor": order.amount_minor,
        "currency": order.currency,
        "description": order.description,
        "metadata": dict(order.metadata),
    }


def _bare(value: object) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    raise TypeError(f"a {type(value).__name__} has no place in a request")


class BankClient:
    """Speaks to one bank. Safe to share between threads."""

    def __init__(self, url: str, *, total_s: float = TOTAL_S) -> None:
        self.url = url.rstrip("/")
        self._http = HttpClient(total_s, CONNECT_S)

    def get(self, path: str) -> BankReply | NoBankReply:
        return self._send("GET", path, None)

    def post(self, path: str, body: Secret) -> BankReply | NoBankReply:
        """`body` is a JSON document. The path names the verb alone: paths are logged."""
        return self._send("POST", path, body)

    def _send(self, method: str, path: str, body: Secret | None) -> BankReply | NoBankReply:
        try:
            response = self._http.request(
                method,
                self.url + path,
                body=body.reveal().encode() if body is not None else None,
                headers={"Content-Type": "application/json"},
            )
        except NoAnswerError as fault:
            return NoBankReply(_REASONS.get(fault.broke, f"the connection to the bank broke: {fault.broke}"))
        return _parsed(response.status, response.body)


_REASONS = {
    ConnectionFault.NO_CONNECTION: "the bank did not accept the connection in time",
    ConnectionFault.SILENT: "the bank did not answer in time",
}


def _parsed(status: int, content: bytes) -> BankReply | NoBankReply:
    try:
        body = json.loads(content)
    except ValueError:
        return NoBankReply(f"the bank's answer was not JSON (HTTP {status})")
    if not isinstance(body, dict):
        return NoBankReply(f"the bank's answer was not a JSON object (HTTP {status})")
    return BankReply(status, body)
