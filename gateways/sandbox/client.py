"""One request to the bank and its answer, or why there is none. Shared by the adapter and the PCI side.

A body travels as a `Secret`, bare only inside the library that sends it; it never comes back in an exception,
a repr or a reason. Neither proxies nor .netrc are read from the environment, nothing is sent twice, and no
redirect is followed: each of these could carry a secret, or a charge, where it was not meant to go.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from gateways.connection_errors import connection_fault
from gateways.secret import Secret

CONNECT_TIMEOUT_S = 2.0
READ_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What the bank said. The body stays out of the repr: it may hold a token."""

    status: int
    body: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Reply(status={self.status})"


@dataclass(frozen=True, slots=True)
class NoReply:
    """No answer that means anything: the bank may have done what it was asked, or not."""

    reason: str


def sealed(asked: Mapping[str, Any]) -> Secret:
    """A JSON body, with each Secret in it bare; nobody else has to unwrap one."""
    return Secret(json.dumps(asked, default=_bare))


def _bare(value: object) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    raise TypeError(f"a {type(value).__name__} has no place in a request")


class BankClient:
    """Speaks to one bank. Holds no connection between requests, so it is safe from any thread."""

    def __init__(
        self,
        url: str,
        *,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        self.url = url.rstrip("/")
        self._timeout_s = (connect_timeout_s, read_timeout_s)

    def get(self, path: str) -> Reply | NoReply:
        return self._send("GET", path, None)

    def post(self, path: str, body: Secret) -> Reply | NoReply:
        """`body` is a JSON document. The path names the verb alone: paths are logged."""
        return self._send("POST", path, body)

    def _send(self, method: str, path: str, body: Secret | None) -> Reply | NoReply:
        try:
            with requests.Session() as session:
                session.trust_env = False
                response = session.request(
                    method,
                    self.url + path,
                    data=body.reveal().encode() if body is not None else None,
                    headers={"Content-Type": "application/json"},
                    timeout=self._timeout_s,
                    allow_redirects=False,
                )
        except requests.ConnectTimeout:
            return NoReply("the bank did not accept the connection in time")
        except requests.Timeout:
            return NoReply("the bank did not answer in time")
        except Exception as fault:  # noqa: BLE001 - sent or not, nobody knows; and its traceback holds the body
            return NoReply(f"the connection to the bank broke: {connection_fault(fault)}")
        return _parsed(response.status_code, response.content)


def _parsed(status: int, content: bytes) -> Reply | NoReply:
    try:
        body = json.loads(content)
    except ValueError:
        return NoReply(f"the bank's answer was not JSON (HTTP {status})")
    if not isinstance(body, dict):
        return NoReply(f"the bank's answer was not a JSON object (HTTP {status})")
    return Reply(status, body)
