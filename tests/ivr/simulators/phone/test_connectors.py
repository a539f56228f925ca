"""The carrier's way to a processor: the documented protocols over a socket, asked again under one name."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest.mock import patch
from urllib.parse import parse_qs

import pytest

from gateways.secret import Secret
from ivr.simulators.phone import connectors
from ivr.simulators.phone.cards import KeyedCard
from ivr.simulators.phone.connectors import Connector, GenericConnector, Token, TokenRefused
from tests.support.stripe_connector import StripeConnector

CARD = KeyedCard(Secret("4242424242424242"), "visa", Secret("0931"), Secret("973"), Secret("28001"))
NAME = "0" * 32
Reply = tuple[int, bytes] | None
"""None: the line breaks."""


class Processor:
    """Answers one reply after the other, and keeps what it was asked."""

    def __init__(self, replies: list[Reply]) -> None:
        self.replies = replies
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.url = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.asked.append((handler.path, dict(handler.headers), body))
        reply = self.replies.pop(0)
        if reply is None:
            handler.connection.close()
            return
        handler.send_response(reply[0])
        handler.send_header("Content-Length", str(len(reply[1])))
        handler.end_headers()
        handler.wfile.write(reply[1])


@contextmanager
def processor(*replies: Reply) -> Iterator[Processor]:
    running = Processor(list(replies))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            running.answer(self)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    running.url = f"http://127.0.0.1:{server.server_port}"
    yield running
    server.shutdown()
    server.server_close()
    thread.join(5)


def generic(running: Processor) -> Connector:
    return GenericConnector(f"{running.url}/connector", "merchant", Secret("pass word"))


def stripe(running: Processor) -> Connector:
    return StripeConnector(running.url, Secret("sk_test_1"))


def tokenized(connector: Connector) -> Token | TokenRefused:
    return connector.tokenize(CARD, transaction_id=NAME, currency="eur")


GENERIC_OK = (200, b'{"token_id": "tok_1", "error_code": null, "error_message": null, "parameters": {}}')
STRIPE_OK = (200, b'{"id": "pm_1", "object": "payment_method"}')


def test_the_generic_protocol() -> None:
    with processor(GENERIC_OK) as running:
        assert tokenized(generic(running)) == Token(Secret("tok_1"))
    [(path, headers, body)] = running.asked
    assert (path, headers["Content-Type"]) == ("/connector", "application/json")
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == b"merchant:pass word"
    assert json.loads(body) == {
        "transaction_id": NAME,
        "method": "tokenize",
        "cardnumber": "4242424242424242",
        "cvv": "973",
        "expiry_month": "09",
        "expiry_year": "31",
        "amount": "0.00",
        "currency_code": "EUR",
        "postal_code": "28001",
        "description": "",
        "parameters": {},
    }


def test_a_payment_method() -> None:
    with processor(STRIPE_OK) as running:
        assert tokenized(stripe(running)) == Token(Secret("pm_1"))
    [(path, headers, body)] = running.asked
    assert path == "/v1/payment_methods"
    assert (headers["Authorization"], headers["Idempotency-Key"]) == ("Bearer sk_test_1", NAME)
    assert {name: values[0] for name, values in parse_qs(body.decode()).items()} == {
        "type": "card",
        "card[number]": "4242424242424242",
        "card[exp_month]": "9",
        "card[exp_year]": "2031",
        "card[cvc]": "973",
        "billing_details[address][postal_code]": "28001",
    }


@pytest.mark.parametrize(
    ("make", "reply", "refused"),
    [
        (generic, (200, b'{"error_code": "57", "error_message": "No."}'), TokenRefused("No.", "57")),
        (generic, (200, b'{"token_id": "tok_1", "error_code": "57"}'), ("malformed", "57")),
        (generic, (500, b'{"token_id": "tok_1"}'), ("malformed", None)),
        (generic, (200, b"<html>"), ("malformed", None)),
        (generic, (200, b"[]"), ("malformed", None)),
        (
            stripe,
            (402, b'{"error": {"code": "incorrect_number", "message": "Wrong."}}'),
            TokenRefused("Wrong.", "incorrect_number"),
        ),
        (stripe, (401, b'{"error": {"message": "Invalid API Key"}}'), TokenRefused("Invalid API Key", None)),
        (stripe, (500, b""), TokenRefused("HTTP 500", None)),
    ],
)
def test_what_is_no_token(make: object, reply: Reply, refused: object) -> None:
    with processor(reply) as running:
        found = tokenized(make(running))  # type: ignore[operator]
    assert isinstance(found, TokenRefused)
    if isinstance(refused, TokenRefused):
        assert found == refused
    else:
        said, code = refused  # type: ignore[misc]
        assert said in found.error
        assert found.error_code == code


@pytest.mark.parametrize(("make", "ok"), [(generic, GENERIC_OK), (stripe, STRIPE_OK)])
def test_where_nobody_answers_it_asks_again_under_the_same_name(make: object, ok: Reply) -> None:
    with processor(None, None, ok) as running:
        assert isinstance(tokenized(make(running)), Token)  # type: ignore[operator]
    assert len({body for _, _, body in running.asked}) == 1
    assert len(running.asked) == 3


def test_it_gives_up_after_six() -> None:
    with processor(*[None] * 9) as running:
        found = tokenized(generic(running))
    assert len(running.asked) == 6
    assert found == TokenRefused("the payment provider does not answer")


def test_it_does_not_wait_for_ever() -> None:
    """Ten seconds, in the documentation; a hundredth of that here."""
    held = threading.Event()
    with processor() as running, patch.object(connectors, "TOTAL_S", 0.05):
        with patch.object(Processor, "answer", lambda *_: held.wait(5)):
            assert tokenized(generic(running)) == TokenRefused("the payment provider does not answer")
        held.set()


def test_nothing_of_the_card_is_in_a_fault() -> None:
    assert "4242" not in repr(tokenized(GenericConnector("http://127.0.0.1:9/x", "u", Secret("p"))))
