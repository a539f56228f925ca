"""The web process asks the PCI process over a real socket, and tells silence from refusal."""

import socket
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, Response
from werkzeug.serving import make_server
from werkzeug.test import run_wsgi_app

from gateways.contract import Declined, Order
from gateways.declines import Decline
from gateways.secret import Secret
from ivr.calls.turns import INTENT_LEASE_S
from ivr.integrations.pci_client import TOTAL_S, PciClient, PciRefusedError, PciUnreachableError
from ivr.pci.migrations import migrate
from ivr.platform.card_entry_outcome import CardEntryOutcome
from ivr.platform.database.engine import make_engine
from ivr.platform.ids import RandomIds
from tests.support.card_entry import (
    ACCOUNT_SID,
    CALL_SID,
    ENTRY_ID,
    INTERNAL_SECRET,
    RETURN_URL,
    VISA,
    Caller,
    CardEntryHarness,
)
from tests.support.time_and_ids import ManualClock

pytestmark = pytest.mark.slow


@pytest.fixture
def harness(tmp_path: Path, clock: ManualClock) -> Iterator[CardEntryHarness]:
    url = f"sqlite:///{tmp_path}/pci.db"
    migrate(url)
    engine: sa.Engine = make_engine(url)
    yield CardEntryHarness(engine, clock, tmp_path)
    engine.dispose()


def serving(app: Any) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def url(harness: CardEntryHarness) -> Iterator[str]:
    yield from serving(harness.app)


@pytest.fixture
def pci(url: str, clock: ManualClock) -> PciClient:
    return PciClient(url, [INTERNAL_SECRET], clock, RandomIds())


def opening(**changes: Any) -> dict[str, Any]:
    return {
        "call_sid": CALL_SID,
        "account_sid": ACCOUNT_SID,
        "language": "en",
        "return_url": RETURN_URL,
    } | changes


def test_a_card_from_question_to_token(harness: CardEntryHarness, pci: PciClient) -> None:
    first = pci.open_entry(ENTRY_ID, **opening())
    assert pci.open_entry(ENTRY_ID, **opening()) == first
    caller = Caller(harness).follow(first).key(VISA)
    standing = pci.collect(ENTRY_ID, "call_1.4")
    assert (standing.outcome, standing.token) == (CardEntryOutcome.OPEN, None)
    assert standing.url is not None
    caller.follow(standing.url).key("0831").key("123")
    result = pci.collect(ENTRY_ID, "call_1.4")
    assert result.outcome is CardEntryOutcome.COLLECTED
    assert result.token == Secret("tok_1")
    assert (result.brand, result.last_four, result.expiry_month, result.expiry_year) == (
        "visa",
        "4242",
        8,
        2031,
    )
    assert "tok_1" not in repr(result)
    assert pci.collect(ENTRY_ID, "call_1.4") == result


def test_an_authorization_and_a_decline(harness: CardEntryHarness, pci: PciClient) -> None:
    wanted = Order("attempt_1", 4990, "EUR", "Demo", {"bill": "10203040"}, "BILL 10203040")
    Caller(harness).follow(pci.open_entry(ENTRY_ID, **opening(authorize=wanted))).card()
    assert pci.collect(ENTRY_ID, "call_1.4").authorization == "auth_1"
    assert harness.gateway.asked[0]["amount_minor"] == 4990
    assert harness.gateway.asked[0]["metadata"] == {"bill": "10203040"}
    harness.gateway.hold_answer = Declined(Decline.EXPIRED_CARD, "expired_card")
    Caller(harness).follow(pci.open_entry("entry.2", **opening(authorize=wanted))).card()
    assert pci.collect("entry.2", "call_1.8").decline is Decline.EXPIRED_CARD


def test_a_hang_up(pci: PciClient) -> None:
    pci.open_entry(ENTRY_ID, **opening())
    pci.end_call(CALL_SID)
    assert pci.collect(ENTRY_ID, "call_1.4").outcome is CardEntryOutcome.ENDED


def test_a_refusal_says_which(harness: CardEntryHarness, pci: PciClient, url: str) -> None:
    with pytest.raises(PciRefusedError) as unknown:
        pci.collect("nobody", "call_1.4")
    assert unknown.value.status == 404
    pci.open_entry(ENTRY_ID, **opening())
    pci.end_call(CALL_SID)
    pci.collect(ENTRY_ID, "call_1.4")
    with pytest.raises(PciRefusedError) as taken:
        pci.collect(ENTRY_ID, "call_1.5")
    assert taken.value.status == 409
    stranger = PciClient(url, [Secret("x" * 40)], harness.clock, RandomIds())
    with pytest.raises(PciRefusedError, match="INTERNAL_SECRET") as forged:
        stranger.end_call(CALL_SID)
    assert forged.value.status == 403


def test_a_rotated_secret_works_on_both_sides(harness: CardEntryHarness, url: str) -> None:
    new = Secret("the-next-secret-of-more-than-32-characters")
    with pytest.raises(PciRefusedError):
        PciClient(url, [new, INTERNAL_SECRET], harness.clock, RandomIds()).end_call(CALL_SID)
    object.__setattr__(harness.config, "internal_secrets", (new, INTERNAL_SECRET))
    PciClient(url, [INTERNAL_SECRET], harness.clock, RandomIds()).end_call(CALL_SID)
    PciClient(url, [new, INTERNAL_SECRET], harness.clock, RandomIds()).end_call(CALL_SID)


class Repeating:
    """A proxy that brings each request twice, and the answer to its copy."""

    def __init__(self, app: Flask, times: int) -> None:
        self._app = app
        self._times = times
        self.brought = 0

    def __call__(self, environ: Any, start_response: Any) -> Any:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        self.brought += 1
        if self._times > 0:
            self._times -= 1
            run_wsgi_app(self._app, {**environ, "wsgi.input": BytesIO(body)}, buffered=True)
        return self._app({**environ, "wsgi.input": BytesIO(body)}, start_response)


def test_a_request_repeated_by_the_network_is_sent_again(harness: CardEntryHarness) -> None:
    proxy = Repeating(harness.app, times=1)
    for url in serving(proxy):
        pci = PciClient(url, [INTERNAL_SECRET], harness.clock, RandomIds())
        first = pci.open_entry(ENTRY_ID, **opening())
        assert proxy.brought == 2
        assert pci.open_entry(ENTRY_ID, **opening()) == first


def test_a_request_is_not_asked_for_ever(harness: CardEntryHarness) -> None:
    proxy = Repeating(harness.app, times=9)
    for url in serving(proxy):
        pci = PciClient(url, [INTERNAL_SECRET], harness.clock, RandomIds())
        with pytest.raises(PciRefusedError) as refused:
            pci.end_call(CALL_SID)
        assert refused.value.status == 403
        assert proxy.brought == 2


def test_nobody_there(clock: ManualClock) -> None:
    """The caller waits for a few seconds, and not longer than a turn may be under way."""
    pci = PciClient("http://127.0.0.1:9", [INTERNAL_SECRET], clock, RandomIds())
    began_at = clock.now()
    with pytest.raises(PciUnreachableError):
        pci.collect(ENTRY_ID, "call_1.4")
    waited_s = (clock.now() - began_at).total_seconds()
    assert 3 <= waited_s <= INTENT_LEASE_S - TOTAL_S


class Returning(ManualClock):
    """At the third wait of a client the process is back."""

    def __init__(self, back: Callable[[], None]) -> None:
        super().__init__()
        self._back = back
        self.waits = 0

    def sleep(self, duration_s: float) -> None:
        super().sleep(duration_s)
        self.waits += 1
        if self.waits == 3:
            self._back()


@pytest.mark.parametrize("away", ["refused", "reset", "502"])
def test_a_process_that_is_away_for_a_moment_is_asked_again(harness: CardEntryHarness, away: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    running: list[Any] = []

    def app(environ: Any, start_response: Any) -> Any:
        if clock.waits >= 3:
            return harness.app(environ, start_response)
        if away == "reset":
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        start_response("502 Bad Gateway", [])
        return [b""]

    def start() -> None:
        if not running:
            running.append(make_server("127.0.0.1", port, app, threaded=True))
            Thread(target=running[0].serve_forever, daemon=True).start()

    clock = Returning(start)
    if away != "refused":
        start()
    pci = PciClient(f"http://127.0.0.1:{port}", [INTERNAL_SECRET], clock, RandomIds())
    assert pci.open_entry(ENTRY_ID, **opening())
    assert clock.waits == 3
    running[0].shutdown()
    running[0].server_close()


def test_a_slow_proxy_gets_no_more_time(clock: ManualClock) -> None:
    """It waits for the PCI process itself, before its 504."""

    def app(_environ: Any, start_response: Any) -> Any:
        clock.advance(3)
        start_response("504 Gateway Timeout", [])
        return [b""]

    began_at = clock.now()
    for url in serving(app):
        with pytest.raises(PciUnreachableError):
            PciClient(url, [INTERNAL_SECRET], clock, RandomIds()).collect(ENTRY_ID, "call_1.4")
    assert (clock.now() - began_at).total_seconds() <= INTENT_LEASE_S


@pytest.mark.parametrize("answer", [("no json", 200), ("[]", 200), ("<html>", 404), ("{}", 503), ("", 302)])
def test_something_else_is_there(clock: ManualClock, answer: tuple[str, int]) -> None:
    app = Flask("another")
    app.add_url_rule("/<path:_>", view_func=lambda _: Response(answer[0], status=answer[1]), methods=["POST"])
    for url in serving(app):
        with pytest.raises(PciUnreachableError):
            PciClient(url, [INTERNAL_SECRET], clock, RandomIds()).collect(ENTRY_ID, "call_1.4")
