"""The bank's payment pages as a payer meets them, its webhooks, and links in the list of charges."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from queue import Queue
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
import requests

from gateways.capability import CardEntry, UnsupportedError
from gateways.contract import Approved, ChargeRequest, LinkOpen, Unknown
from gateways.events import GatewayEvent, InvalidWebhookError, PaymentUpdated
from gateways.sandbox import webhooks
from gateways.sandbox.adapter import SandboxGateway
from gateways.sandbox.bank.notifier import Notifier
from gateways.sandbox.client import BankClient
from gateways.secret import Secret
from tests.support.link_contract import order
from tests.support.sandbox_bank import RunningBank
from tests.support.sandbox_harness import SandboxHarness
from tests.support.time_and_ids import SequentialIds

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
SECRET = Secret("a webhook secret")


@pytest.fixture
def harness(bank: RunningBank) -> SandboxHarness:
    return SandboxHarness(bank, CardEntry.TOKENIZE)


def _open(harness: SandboxHarness, **changed: Any) -> str:
    opened = harness.gateway.open_link(harness.link("a-1", **changed))
    assert isinstance(opened, LinkOpen)
    return opened.url


def _page(url: str) -> requests.Response:
    return requests.get(url, timeout=5)


def test_the_page_says_what_is_paid_in_the_payers_language(harness: SandboxHarness) -> None:
    page = _page(_open(harness))
    assert page.status_code == 200
    assert 'lang="en"' in page.text
    assert "€50.00" in page.text
    assert "color-scheme: light dark" in page.text
    assert "Water bill 12345678" in page.text
    spanish = _page(
        _open(SandboxHarness(harness.bank, CardEntry.TOKENIZE), order=order("b-1"), language="es")
    )
    assert 'lang="es"' in spanish.text
    assert "Elija una tarjeta de prueba" in spanish.text
    assert "50,00\N{NO-BREAK SPACE}€" in spanish.text
    assert "EUR" not in spanish.text


def test_looking_at_the_page_changes_nothing(harness: SandboxHarness) -> None:
    url = _open(harness)
    for _ in range(3):
        _page(url)
        requests.head(url, timeout=5)
    assert isinstance(harness.gateway.lookup_link(harness.link("a-1"), close=False), LinkOpen)


def test_the_payer_is_led_back_once_they_paid(harness: SandboxHarness) -> None:
    answer = harness.bank.pay_page(_open(harness))
    assert (answer.status_code, answer.headers["Location"]) == (303, "https://pay.example.com/receipt/t")


def test_a_card_that_asks_for_approval_pays_once_it_is_given(harness: SandboxHarness) -> None:
    url = _open(harness)
    assert "do you approve this payment" in harness.bank.pay_page(url, "3155").text
    assert "was declined" in harness.bank.pay_page(url, "3155", approved="no").text
    assert isinstance(harness.gateway.lookup_link(harness.link("a-1"), close=False), LinkOpen)
    assert harness.bank.pay_page(url, "3155", approved="yes").status_code == 303
    assert isinstance(harness.gateway.lookup_link(harness.link("a-1"), close=False), Approved)


def test_a_page_that_is_over_says_so(harness: SandboxHarness) -> None:
    url = _open(harness)
    harness.gateway.lookup_link(harness.link("a-1"), close=True)
    assert (_page(url).status_code, "can no longer be paid" in _page(url).text) == (410, True)
    assert harness.bank.pay_page(url).status_code == 410
    assert _page(f"{harness.bank.url}/pay/pl_never").status_code == 410


def test_what_the_merchant_writes_is_shown_and_never_run(harness: SandboxHarness) -> None:
    nasty = "<script>alert(1)</script>"
    page = _page(_open(harness, order=_described(nasty)))
    assert nasty not in page.text
    assert "&lt;script&gt;" in page.text


def _described(text: str) -> Any:
    from dataclasses import replace

    return replace(order("a-1"), description=text)


@pytest.mark.parametrize("name", ["done_url", "left_url"])
def test_the_way_back_is_an_address_of_the_web(harness: SandboxHarness, name: str) -> None:
    assert isinstance(
        harness.gateway.open_link(harness.link("a-1", **{name: "javascript:alert(1)"})), Unknown
    )


def test_a_key_that_stands_for_a_page_is_charged_by_no_card(harness: SandboxHarness) -> None:
    _open(harness)
    made = harness.tokenizer.tokenize(harness.good_card, key="entry-1")
    charged = harness.gateway.charge(ChargeRequest(order("a-1"), made.token))
    assert isinstance(charged, Unknown)
    assert harness.books("a-1").taken_minor == 0


def test_finance_finds_a_payment_by_link_in_the_list(harness: SandboxHarness) -> None:
    harness.bank.pay_page(_open(harness))
    listed = requests.get(f"{harness.bank.url}/charges?metadata[channel]=link", timeout=5).json()["charges"]
    assert [(one["key"], one["state"], one["last_four"]) for one in listed] == [("a-1", "approved", "4242")]


# Webhooks ---------------------------------------------------------------------------------------------------


def test_the_bank_tells_of_a_payment_once_it_is_in_its_books(harness: SandboxHarness) -> None:
    told: list[tuple[str, str, int]] = []
    harness.bank.tell = lambda kind, key: told.append((kind, key, harness.books(key).taken_minor))
    url = _open(harness)
    harness.bank.pay_page(url, "0002")
    harness.bank.pay_page(url)
    harness.bank.pay_page(url)
    assert told == [("link.paid", "a-1", 5000)]


def test_a_webhook_is_heard_where_it_is_the_banks() -> None:
    body = webhooks.webhook_body("evt_1", "link.paid", "attempt_1")
    headers = {webhooks.HEADER.upper(): webhooks.sign(SECRET, body, NOW)}
    assert webhooks.parse_webhook(SECRET, headers, body, NOW) == GatewayEvent(
        "evt_1", "link.paid", PaymentUpdated("attempt_1")
    )
    other = webhooks.webhook_body("evt_2", "charge.approved", "attempt_1")
    signed = {webhooks.HEADER: webhooks.sign(SECRET, other, NOW)}
    assert webhooks.parse_webhook(SECRET, signed, other, NOW).data is None


@pytest.mark.parametrize(
    ("signed_by", "age_s", "body"),
    [
        (Secret("another"), 0, None),
        (SECRET, 301, None),
        (SECRET, -301, None),
        (SECRET, 0, b"no json"),
        (SECRET, 0, b"[]"),
        (SECRET, 0, b'{"id": 1, "type": "link.paid", "key": "a"}'),
        (SECRET, 0, b'{"id": "evt 1", "type": "link.paid", "key": "a"}'),
    ],
)
def test_any_other_is_refused(signed_by: Secret, age_s: float, body: bytes | None) -> None:
    given = body or webhooks.webhook_body("evt_1", "link.paid", "attempt_1")
    headers = {webhooks.HEADER: webhooks.sign(signed_by, given, NOW - timedelta(seconds=age_s))}
    with pytest.raises(InvalidWebhookError) as refused:
        webhooks.parse_webhook(SECRET, headers, given, NOW)
    assert "attempt_1" not in str(refused.value)


def test_a_body_that_was_changed_is_refused() -> None:
    body = webhooks.webhook_body("evt_1", "link.paid", "attempt_1")
    headers = {webhooks.HEADER: webhooks.sign(SECRET, body, NOW)}
    with pytest.raises(InvalidWebhookError):
        webhooks.parse_webhook(SECRET, headers, body.replace(b"attempt_1", b"attempt_2"), NOW)
    for missing in ({}, {webhooks.HEADER: "t=1"}):
        with pytest.raises(InvalidWebhookError, match="not signed"):
            webhooks.parse_webhook(SECRET, missing, body, NOW)


def test_the_adapter_hears_where_a_secret_is_set() -> None:
    client = BankClient("http://127.0.0.1:1")
    gateway = SandboxGateway(client, CardEntry.TOKENIZE, webhook_secret=SECRET, now=lambda: NOW)
    assert gateway.capabilities.webhooks
    body = webhooks.webhook_body("evt_1", "link.paid", "a")
    assert (
        gateway.parse_webhook({webhooks.HEADER: webhooks.sign(SECRET, body, NOW)}, body).event_id == "evt_1"
    )
    for none in (None, Secret("")):
        silent = SandboxGateway(client, CardEntry.TOKENIZE, webhook_secret=none)
        assert not silent.capabilities.webhooks
        with pytest.raises(UnsupportedError):
            silent.parse_webhook({}, body)


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def listener() -> Iterator[tuple[str, Queue[tuple[bytes, str]], list[str]]]:
    heard: Queue[tuple[bytes, str]] = Queue()
    answers: list[str] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        start_response(answers.pop(0) if answers else "204 No Content", [])
        heard.put((body, environ["HTTP_SANDBOX_SIGNATURE"]))
        return []

    server = make_server("127.0.0.1", 0, app, handler_class=_Quiet)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", heard, answers
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_webhook_is_posted_and_tried_again(
    listener: tuple[str, "Queue[tuple[bytes, str]]", list[str]],
) -> None:
    url, heard, answers = listener
    answers.append("503 Service Unavailable")
    slept: list[float] = []
    notifier = Notifier(url, SECRET, now=lambda: NOW, sleep=slept.append, ids=SequentialIds())
    notifier.tell("link.paid", "a-1")
    first, again = heard.get(timeout=10), heard.get(timeout=10)
    assert first == again
    assert json.loads(first[0]) == {"id": "evt_1", "type": "link.paid", "key": "a-1"}
    assert webhooks.parse_webhook(SECRET, {webhooks.HEADER: first[1]}, first[0], NOW).event_id == "evt_1"
    assert slept[:2] == [0.0, 2.0]
