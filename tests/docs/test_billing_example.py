"""The example of a billing system where others behave badly: half answers, odd headers, odd webhooks.

tests/e2e/test_merchant_programs.py runs it at the real server.
"""

import importlib.util
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

from gateways.secret import Secret
from ivr.integrations.signed_post import sign
from ivr.platform.clock import SystemClock

FILE = Path(__file__).parents[2] / "docs/examples/billing_system.py"
SECRET = "a secret of this merchant's"
DENIED = b'{"detail": "There is no payment with this id."}'
PAYMENT = {
    "id": "attempt_2",
    "bill_reference": "12345678",
    "state": "approved",
    "updated_at": "2026-11-22T10:00:00.000Z",
    "amount_minor": 4990,
    "refunds": [],
}
Answer = tuple[int, dict[str, str], bytes]


class Line(BaseHTTPRequestHandler):
    """Says what a test put into `answers`, the last of them for ever."""

    answers: ClassVar[list[Answer]]
    asked: ClassVar[list[str]]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        status, headers, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("billing_system", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module.time, "sleep", lambda _: None)
    return module


@pytest.fixture
def line() -> Iterator[str]:
    Line.answers, Line.asked = [], []
    with ThreadingHTTPServer(("127.0.0.1", 0), Line) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def billing(example: ModuleType, line: str, tmp_path: Path) -> Any:
    return example.BillingSystem(tmp_path / "billing.db", example.PayByCall(line, "pbc_x"))


@pytest.mark.parametrize(
    "first",
    [
        (200, {"Content-Length": "1000"}, b'{"id": '),  # the line broke
        (200, {}, b"<html>"),
        (503, {"Retry-After": "Wed, 25 Nov 2026 10:00:00 GMT"}, b""),
        (503, {"Retry-After": "-5"}, b""),
        (429, {"Retry-After": "1e99"}, b""),
        (502, {"Content-Length": "1000"}, b"{"),
    ],
)
def test_it_asks_again_where_the_answer_is_none(billing: Any, first: Answer) -> None:
    Line.answers = [first, (200, {}, b'{"id": 1}')]
    assert billing.api.request("GET", "/payments/x") == {"id": 1}
    assert len(Line.asked) == 2


def test_a_refusal_that_breaks_off_is_one(example: ModuleType, billing: Any) -> None:
    Line.answers = [(404, {"Content-Length": "1000"}, b'{"detail": ')]
    with pytest.raises(example.RefusedError, match="status 404"):
        billing.api.request("GET", "/payments/x")


def test_an_invoice_again_changes_nothing(billing: Any) -> None:
    for _ in range(2):
        billing.add_invoice("12345678", 4990, "EUR")
    with pytest.raises(SystemExit, match="another invoice"):
        billing.add_invoice("12345678", 4991, "EUR")


@pytest.mark.parametrize("key", ["credit 17", "", "k" * 81, "é", "a\nb"])
def test_a_name_that_is_no_key_holds_up_no_other_refund(billing: Any, key: str) -> None:
    with pytest.raises(SystemExit, match="visible ASCII"):
        billing.want_refund(key, "10482233", 990)
    assert billing.db.execute("SELECT count(*) FROM refund").fetchone() == (0,)


def test_a_webhook_that_cannot_be_worked_off_holds_up_no_other(
    billing: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    hooks: list[tuple[str, dict[str, str]]] = [
        ("out_1", {"payment_id": "attempt_1"}),
        ("out_2", {"payment_id": "attempt_2"}),
        ("out_3", {"reference": "12345678"}),
    ]
    for name, data in hooks:
        body = json.dumps({"id": name, "data": data}).encode()
        signature = sign([Secret(SECRET)], body, SystemClock().now())
        assert billing.receive(SECRET, signature, body)
    Line.answers = [(404, {}, DENIED), (200, {}, json.dumps(PAYMENT).encode())]
    billing.work_off_webhooks()
    assert billing.paid_minor("12345678") == 4990
    assert "out_1 is worked off later: There is no payment" in capsys.readouterr().out
    waiting = billing.db.execute("SELECT id FROM webhook WHERE NOT is_done").fetchall()
    assert waiting == [("out_1",)]


def test_a_time_of_thousands_of_digits_is_no_time(example: ModuleType) -> None:
    for signature in (f"t={'9' * 5000},v1=x", "t=-1,v1=x", "t=,v1=", "v1=x", ""):
        assert not example.is_genuine(SECRET, signature, b"{}", time.time())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["invoice", "12345678", "49.90", "EUR"], "minor units"),
        (["refund", "k", "10482233", "-5"], "minor units"),
        (["balance", "12345678"], "PAYBYCALL_URL is not set"),
    ],
)
def test_a_slip_at_the_command_line_is_a_sentence(
    example: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], said: str
) -> None:
    monkeypatch.setenv("BILLING_DATABASE", str(tmp_path / "billing.db"))
    for name in ("PAYBYCALL_URL", "PAYBYCALL_KEY"):
        monkeypatch.delenv(name, raising=False)
        if "is not set" not in said:
            monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(SystemExit, match=said):
        example.main(arguments)
