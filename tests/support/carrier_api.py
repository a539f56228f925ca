"""A stand-in for the carrier's REST API: a real HTTP server on a free port, with faults on demand."""

import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ACCOUNT = "AC" + "0" * 32
TOKEN = "carrier-token"

SLOW = "slow"
"""Takes the text, and answers only when the test is over."""
DROP = "drop"
"""Takes the text, and closes the line without an answer."""
DROP_UNREAD = "drop_unread"
"""Closes the line, and takes nothing."""
GARBLED = "garbled"
"""Takes the text, and answers what is no JSON."""


@dataclass(frozen=True)
class Fault:
    """An answer instead of 201: nothing is taken."""

    status: int
    code: int | None = None


@dataclass
class Recorded:
    method: str
    path: str
    query: dict[str, list[str]]
    form: dict[str, list[str]]


@dataclass
class CarrierApi:
    """What it was asked, what it took, and the faults of the next requests, in order."""

    url: str = ""
    faults: list[Fault | str] = field(default_factory=list)
    requests: list[Recorded] = field(default_factory=list)
    texts: list[dict[str, Any]] = field(default_factory=list)
    now: datetime = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
    over: threading.Event = field(default_factory=threading.Event)

    def take(self, form: dict[str, list[str]]) -> dict[str, Any]:
        """Takes a text as the carrier would, newest first."""
        text = {
            "sid": f"SM{len(self.texts) + 1:032d}",
            "account_sid": ACCOUNT,
            "to": form["To"][0],
            "from": form.get("From", [None])[0],
            "messaging_service_sid": form.get("MessagingServiceSid", [None])[0],
            "body": form["Body"][0],
            "status": "queued",
            "direction": "outbound-api",
            "date_created": format_datetime(self.now),
            "date_updated": format_datetime(self.now),
            "date_sent": None,
            "num_segments": "1",
            "num_media": "0",
            "price": None,
            "price_unit": "USD",
            "error_code": None,
            "error_message": None,
            "api_version": "2010-04-01",
            "uri": "",
            "subresource_uris": {},
        }
        self.texts.insert(0, text)
        return text


class _Handler(BaseHTTPRequestHandler):
    carrier: CarrierApi

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """A test's output stays readable."""

    def _answer(self, status: int, body: object) -> None:
        content = json.dumps(body).encode() if not isinstance(body, bytes) else body
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Date", format_datetime(self.carrier.now.astimezone(UTC), usegmt=True))
        self.end_headers()
        self.wfile.write(content)

    def _signed_in(self) -> bool:
        expected = "Basic " + b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        return self.headers["Authorization"] == expected

    def _begin(self) -> tuple[Recorded, Fault | str | None]:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        recorded = Recorded(self.command, parts.path, parse_qs(parts.query), parse_qs(body))
        self.carrier.requests.append(recorded)
        return recorded, self.carrier.faults.pop(0) if self.carrier.faults else None

    def _handle(self) -> None:
        recorded, fault = self._begin()
        if isinstance(fault, Fault):
            code = {"code": fault.code} if fault.code else {}
            self._answer(fault.status, {"message": "no", "status": fault.status, **code})
        elif not self._signed_in():
            self._answer(401, {"code": 20003, "message": "Authenticate", "status": 401})
        elif fault == DROP_UNREAD:
            self.close_connection = True
        else:
            self._serve(recorded, fault)

    def _serve(self, recorded: Recorded, fault: str | None) -> None:
        account = f"/2010-04-01/Accounts/{ACCOUNT}"
        if (recorded.method, recorded.path) == ("POST", f"{account}/Messages.json"):
            answer: tuple[int, object] = (201, self.carrier.take(recorded.form))
        elif (recorded.method, recorded.path) == ("GET", f"{account}/Messages.json"):
            texts = [text for text in self.carrier.texts if text["to"] == recorded.query["To"][0]]
            answer = (200, {"messages": texts, "next_page_uri": None, "page": 0, "page_size": 500})
        elif (recorded.method, recorded.path) == ("GET", f"{account}.json"):
            answer = (200, {"sid": ACCOUNT, "status": "active", "type": "Full", "friendly_name": "Town"})
        else:
            answer = (404, {"code": 20404, "message": "not found", "status": 404})
        if fault == DROP:
            self.close_connection = True
        elif fault == SLOW:
            self.carrier.over.wait()
            self.close_connection = True
        elif fault == GARBLED:
            self._answer(answer[0], b"<html>")
        else:
            self._answer(*answer)

    do_GET = do_POST = _handle  # noqa: N815 - the base class's names


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


@contextmanager
def carrier_api() -> Iterator[CarrierApi]:
    """A carrier that answers at `url` until the block ends."""
    carrier = CarrierApi()
    handler = type("Handler", (_Handler,), {"carrier": carrier})
    server = _Server(("127.0.0.1", 0), handler)
    carrier.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield carrier
    finally:
        carrier.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
