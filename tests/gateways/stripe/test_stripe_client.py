"""The line to Stripe: bounded in time, quiet, and blind to what the environment says of networks."""

import json
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import responses
import stripe

from gateways.capability import CardEntry
from gateways.contract import (
    ChargeRequest,
    GatewayUnreachableError,
    Order,
    Prepared,
    Tokenized,
    Unavailable,
    Unknown,
)
from gateways.secret import Secret
from gateways.stripe import client
from gateways.stripe.adapter import StripeGateway, from_settings
from gateways.stripe.client import NoStripeReply, Stripe, StripeReply, StripeTimeLimits
from gateways.stripe.settings import StripeSettings
from gateways.stripe.tokenize import StripeTokenizer
from tests.support.gateway_harness import card
from tests.support.stripe.harness import BRISK, StripeHarness
from tests.support.stripe.line import Harm

BASE = "https://api.stripe.example"
KEY = "sk_test_hush"
ORDER = Order("attempt_1", 4990, "EUR", "Bill 1", {"attempt": "attempt_1"})


def gateway(base: str = BASE, timing: StripeTimeLimits | None = None) -> StripeGateway:
    return StripeGateway(
        Stripe(Secret(KEY), base, timing or StripeTimeLimits(pause_s=0.01)), CardEntry.TOKENIZE
    )


@contextmanager
def talker(say: Any) -> Iterator[str]:
    """A server that does with each connection what it is told to."""
    door = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        while True:
            line, _ = door.accept()
            if stop.is_set():
                line.close()
                return
            threading.Thread(target=say, args=(line, stop), daemon=True).start()

    doorman = threading.Thread(target=serve, daemon=True)
    doorman.start()
    try:
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
    finally:
        stop.set()
        socket.create_connection(door.getsockname(), timeout=5).close()  # whoever waits at the door looks up
        doorman.join(5)
        door.close()


def silence(line: socket.socket, stop: threading.Event) -> None:
    stop.wait(20)
    line.close()


def drops(line: socket.socket, stop: threading.Event) -> None:
    """A byte now and then, each in time: the whole would take a minute."""
    line.recv(65_536)
    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n")
    for _ in range(600):
        if stop.wait(0.05):
            break
        try:
            line.sendall(b" ")
        except OSError:
            break
    line.close()


@pytest.mark.parametrize("say", [silence, drops])
def test_a_verb_ends_in_time_whatever_the_line_does(say: Any) -> None:
    timing = StripeTimeLimits(connect_s=0.2, read_s=0.3, in_all_s=1.0, pause_s=0.05, worth_s=0.1)
    with talker(say) as base:
        began = time.monotonic()
        answer = gateway(base, timing).prepare(ORDER)
        took_s = time.monotonic() - began

    assert isinstance(answer, Unknown)
    assert took_s < 1.5


def floods(line: socket.socket, stop: threading.Event) -> None:
    """An answer without end, as fast as it is read."""
    line.recv(65_536)
    with suppress(OSError):
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
        while not stop.is_set():
            line.sendall(b" " * 65_536)
    line.close()


def test_an_endless_answer_is_abandoned_and_no_time_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_BODY_MAX", 200_000)
    with talker(floods) as base:
        endless = gateway(base).prepare(ORDER)
        late = gateway(base, StripeTimeLimits(in_all_s=0.0)).prepare(ORDER)
    assert endless == Unknown("the connection to Stripe broke: its answer is too long")
    assert late == Unknown("there was no time left to ask Stripe")


def test_a_retry_that_could_not_end_in_time_is_not_begun() -> None:
    timing = StripeTimeLimits(read_s=0.3, in_all_s=0.6, pause_s=0.2, worth_s=0.5)
    came: list[int] = []

    def count(line: socket.socket, stop: threading.Event) -> None:
        came.append(1)
        silence(line, stop)

    with talker(count) as base:
        assert isinstance(gateway(base, timing).prepare(ORDER), Unknown)
    assert len(came) == 1


def test_the_promise_of_fifteen_seconds_is_kept_by_the_defaults() -> None:
    timing = StripeTimeLimits()
    assert timing.in_all_s + timing.connect_s / 2 <= 15
    assert timing.read_s < timing.in_all_s


def test_a_retry_comes_under_the_same_key(harness: StripeHarness) -> None:
    harness.server.harm(Harm.DROP_BEFORE, "payment_intents.create", times=2)

    assert isinstance(harness.gateway.prepare(ORDER), Prepared)
    assert harness.server.line.received == 3
    assert [asked.key for asked in harness.account.asked] == ["attempt_1:create"]


def test_what_stripe_says_not_to_repeat_is_not_repeated() -> None:
    with responses.RequestsMock() as wire:
        wire.post(
            f"{BASE}/v1/payment_intents",
            status=500,
            headers={"Stripe-Should-Retry": "false"},
            json={"error": {"type": "api_error", "message": "hush"}},
        )
        answer = gateway().prepare(ORDER)
        assert len(wire.calls) == 1
    assert answer == Unknown("Stripe refused (HTTP 500, api_error)")


def test_a_redirect_is_not_followed() -> None:
    with responses.RequestsMock() as wire:
        wire.post(f"{BASE}/v1/payment_intents", status=307, headers={"Location": "https://evil.example/"})
        assert isinstance(gateway().prepare(ORDER), Unknown)
        assert len(wire.calls) == 1


def test_neither_proxies_nor_netrc_are_taken_from_the_environment(
    harness: StripeHarness, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A .netrc that names Stripe's host would put its own password in the place of our key."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n", encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    harness.gateway.check()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "{}"),
        (200, '{"id": "pi_1"}'),
        (200, '{"id": "pi_1", "status": "succeeded", "amount": "4990", "currency": "eur"}'),
        (200, '{"id": "ch_1", "status": "succeeded", "amount": 4990, "currency": "eur"}'),
        (200, '{"id": "pi_1 <b>", "status": "succeeded", "amount": 4990, "currency": "eur"}'),
        (200, "[]"),
        (200, "null"),
        (200, "<html>"),
        (204, ""),
        (402, '{"error": "card"}'),
        (402, '{"error": {"type": "card_error", "code": "card_declined", "decline_code": "stolen_card"}}'),
        (418, "{}"),
    ],
)
def test_what_is_not_understood_to_the_last_field_is_unknown(status: int, body: str) -> None:
    with responses.RequestsMock() as wire:
        wire.post(f"{BASE}/v1/payment_intents/pi_1/confirm", status=status, body=body)
        charged = gateway().charge(ChargeRequest(ORDER, Secret("pm_1"), "pi_1"))
    assert isinstance(charged, Unknown), charged


def _error(status: int, code: str | None, kind: str | None = "invalid_request_error") -> tuple[int, str]:
    told = {"type": kind, "code": code, "message": "hush"}
    return status, json.dumps({"error": {name: value for name, value in told.items() if value}})


@pytest.mark.parametrize(
    ("answer", "is_undone"),
    [
        (_error(429, "rate_limit"), True),
        (_error(429, "rate_limit", "rate_limit_error"), True),
        (_error(429, "lock_timeout"), True),
        (_error(400, "rate_limit"), True),
        (_error(409, "lock_timeout"), True),
        (_error(429, "payment_intent_rate_limit_exceeded"), False),
        (_error(429, None), False),
        (_error(429, "rate_limit", None), False),
        (_error(429, "rate_limit", "idempotency_error"), False),
        (_error(409, "idempotency_key_in_use", "idempotency_error"), False),
        (_error(409, None), False),
        (_error(500, "rate_limit", "api_error"), False),
        (_error(503, "lock_timeout", "api_error"), False),
        ((429, '{"error": "rate_limit"}'), False),
        ((429, '{"code": "rate_limit", "type": "invalid_request_error"}'), False),
        ((429, "<html><body>429 Too Many Requests</body></html>"), False),
        ((429, ""), False),
    ],
)
def test_only_stripes_own_word_says_that_nothing_was_processed(
    answer: tuple[int, str], *, is_undone: bool
) -> None:
    """The library has tried as often as it does; what is left is sent again by whoever asked, if at all."""
    with responses.RequestsMock() as wire:
        for verb in ("payment_intents", "payment_intents/pi_1/confirm", "payment_methods"):
            wire.post(f"{BASE}/v1/{verb}", status=answer[0], body=answer[1])
        prepared = gateway().prepare(ORDER)
        charged = gateway().charge(ChargeRequest(ORDER, Secret("pm_1"), "pi_1"))
        side = StripeTokenizer(Stripe(Secret(KEY), BASE, StripeTimeLimits(pause_s=0.01)), moto=False)
        tokenized = side.tokenize(card("4242424242424242"), key="entry_1")
        authorized = side.authorize(card("4242424242424242"), ORDER)
    for unknown in (prepared, charged, authorized):
        assert isinstance(unknown, Unknown)
        assert unknown.retry_same_key is is_undone
    assert isinstance(tokenized, Unavailable)
    assert tokenized.retry_same_key is is_undone


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_no_decline_where_nothing_can_be_cancelled(status: int) -> None:
    refused = {"error": {"type": "invalid_request_error", "message": f"Invalid API Key provided: {KEY}"}}
    with responses.RequestsMock() as wire:
        wire.post(f"{BASE}/v1/payment_intents/pi_1/confirm", status=status, json=refused)
        wire.post(f"{BASE}/v1/payment_intents/pi_1/cancel", status=status, json=refused)
        charged = gateway().charge(ChargeRequest(ORDER, Secret("pm_1"), "pi_1"))
    assert isinstance(charged, Unknown)
    assert KEY not in repr(charged)


def test_check_tells_what_to_mend_and_not_the_key(harness: StripeHarness) -> None:
    harness.speak(StripeTimeLimits(pause_s=0.01), key="sk_test_wrong_and_secret")
    with pytest.raises(GatewayUnreachableError, match="STRIPE_API_KEY") as refused:
        harness.gateway.check()
    assert "wrong_and_secret" not in str(refused.value)

    harness.speak(BRISK)
    for harm in (Harm.RATE_LIMIT, Harm.BROKEN_INSIDE):
        harness.server.harm(harm, "balance.retrieve")
        with pytest.raises(GatewayUnreachableError, match="does not answer") as busy:
            harness.gateway.check()
        assert "STRIPE_API_KEY" not in str(busy.value), "nothing is wrong with the key"

    harness.server.refuse()
    with pytest.raises(GatewayUnreachableError, match="STRIPE_API_BASE"):
        harness.gateway.check()


def test_the_library_says_nothing_below_a_warning(
    harness: StripeHarness,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "stripe")
    assert isinstance(harness.tokenizer.tokenize(harness.good_card, key="entry_1"), Tokenized)

    assert not [record for record in caplog.records if record.name == "stripe"]
    assert "4242424242424242" not in caplog.text + "".join(capfd.readouterr())


@pytest.mark.slow
def test_the_librarys_own_switch_in_the_environment_is_turned_off(harness: StripeHarness) -> None:
    script = f"""
import logging
logging.basicConfig(level=logging.DEBUG)
from gateways.contract import Card
from gateways.secret import Secret
from gateways.stripe.client import Stripe
from gateways.stripe.tokenize import StripeTokenizer
side = StripeTokenizer(Stripe(Secret({harness.account.key!r}), {harness.server.url!r}), moto=False)
print(side.tokenize(Card(Secret("4242424242424242"), 12, 2030, Secret("973")), key="entry_1"))
"""
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={"STRIPE_LOG": "debug", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    said = run.stdout + run.stderr
    assert "Tokenized(token=Secret(***))" in said
    assert "4242424242424242" not in said
    assert "973" not in said


def test_nothing_that_holds_a_secret_shows_it() -> None:
    line = Stripe(Secret(KEY), BASE)
    api = line.session()
    shown = [
        repr(line),
        repr(api),
        repr(vars(line)),
        repr(StripeReply(200, {"id": "pm_1"}, replayed=False)),
    ]
    shown += [repr(StripeTokenizer(line, moto=False)), repr(gateway()), repr(NoStripeReply("silence"))]
    assert KEY not in "".join(shown)
    assert "pm_1" not in "".join(shown)


def test_no_telemetry_is_sent_or_written(harness: StripeHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe, "enable_telemetry", True)
    harness.speak(BRISK)
    harness.gateway.check()
    assert stripe.enable_telemetry is False


def test_it_is_set_up_from_its_settings() -> None:
    settings = StripeSettings(
        api_key=Secret("sk_live_1"), webhook_secrets=(), api_base=BASE, card_entry="authorize", moto=True
    )
    made = from_settings(settings)
    assert made.capabilities.card_entry is CardEntry.AUTHORIZE
    assert not made.capabilities.webhooks, "nobody could prove a webhook"
    assert not made.capabilities.prepares
    assert settings.is_live


@pytest.mark.parametrize(
    ("key", "reference", "url"),
    [
        ("sk_live_1", "pi_1", "https://dashboard.stripe.com/payments/pi_1"),
        ("rk_live_1", "ch_1", "https://dashboard.stripe.com/payments/ch_1"),
        ("sk_test_1", "pi_1", "https://dashboard.stripe.com/test/payments/pi_1"),
        ("sk_test_1", "po_1", "https://dashboard.stripe.com/test/payouts/po_1"),
        ("sk_test_1", "cus_1", "https://dashboard.stripe.com/test/customers/cus_1"),
        ("sk_test_1", "dp_1", "https://dashboard.stripe.com/test/disputes/dp_1"),
        ("sk_test_1", "re_1", "https://dashboard.stripe.com/test/search?query=re_1"),
        ("sk_test_1", "cs_test_1", "https://dashboard.stripe.com/test/search?query=cs_test_1"),
        ("sk_test_1", "pm_1", None),
        ("sk_test_1", "pi_1/../../x", None),
        ("sk_test_1", "", None),
    ],
)
def test_where_a_person_finds_it(key: str, reference: str, url: str | None) -> None:
    made = StripeGateway(Stripe(Secret(key), BASE), CardEntry.TOKENIZE)
    assert made.dashboard_url(reference) == url


def test_a_body_that_the_library_never_typed_is_noticed(harness: StripeHarness) -> None:
    """The stand-in's check itself: what the fixture holds to be empty can fill."""
    api = harness.gateway._stripe.session()
    api.send(lambda v1, options: v1.payment_intents.create({"amuont": 1}, options))  # type: ignore[typeddict-item]
    assert harness.account.violations
    harness.account.violations.clear()
    assert json.dumps(card("4242424242424242").expiry_month) == "12"
