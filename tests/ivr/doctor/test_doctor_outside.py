"""The doctor outside: processes, carrier, clock, gateway; the sentence of each fault says how to mend it."""

import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import flask
import orjson
import pytest
import trustme

from gateways import registry
from gateways.capability import Capabilities, CardEntry
from gateways.contract import GatewayUnreachableError
from gateways.http_client import NoAnswerError
from gateways.sandbox.settings import SandboxSettings
from gateways.secret import Secret
from ivr.doctor import exposure_checks as exposed
from ivr.doctor import external_checks as outside
from ivr.doctor.checks import FaultError
from ivr.doctor.external_checks import Account, ProbeAnswer, pci_site, web_site
from ivr.integrations.pci_client import PciRefusedError, PciUnreachableError
from tests.support.carrier_api import ACCOUNT, TOKEN, CarrierApi, Fault
from tests.support.server import Server
from tests.support.tls import served

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
URL = "https://pay.example.org"


CARDS = "https://card.example.org"
WEB_DOOR, PCI_DOOR = web_site(URL), pci_site(CARDS)


def asking(*open_paths: str, **apps: flask.Flask) -> outside.Probe:
    """Asks real applications, each by the first part of its host's name, behind a proxy that lets these paths
    pass; without any there is no proxy.
    """

    def ask(method: str, url: str) -> ProbeAnswer:
        parts = urlsplit(url)
        if open_paths and not parts.path.startswith(open_paths):
            return ProbeAnswer(404, "<html>nginx</html>")
        app = apps.get((parts.hostname or "").partition(".")[0])
        if app is None or (parts.scheme == "http" and parts.port not in {8000, 8001}):
            raise NoAnswerError.of(ConnectionRefusedError(), 1)
        answer = app.test_client().open(parts.path, method=method)
        return ProbeAnswer(answer.status_code, answer.text)

    return ask


def saying(status: int, body: Any = "", location: str = "") -> outside.Probe:
    text = body if isinstance(body, str) else orjson.dumps(body).decode()
    return lambda _method, _url: ProbeAnswer(status, text, location)


def breaking(fault: Exception) -> outside.Probe:
    def ask(_method: str, _url: str) -> ProbeAnswer:
        raise NoAnswerError.of(fault, 1)

    return ask


def test_a_process_answers_by_its_known_refusal_alone(server: Server) -> None:
    """As the proxies in deploy/ let the carrier's webhooks through, and nothing else of pci."""
    proxied = asking("/voice/", "/pci/fallback", pay=server.web, card=server.pci)
    assert outside.answers(proxied, WEB_DOOR) == f"{URL} answers"
    assert outside.answers(proxied, PCI_DOOR) == f"{CARDS} answers"
    swapped = asking(pay=server.pci, card=server.web)
    for door in (WEB_DOOR, PCI_DOOR):
        with pytest.raises(FaultError, match=f"is not the {door.process} process") as fault:
            outside.answers(swapped, door)
        assert door.setting in str(fault.value)
    inside = asking("/readyz", card=server.pci)
    assert "its database and its key directory can be used" in outside.pci_is_ready(inside, CARDS)


@pytest.mark.parametrize(
    ("ask", "part"),
    [
        (saying(404, "<html>"), r"is not the web process (HTTP 404 for /voice/incoming): let the proxy pass"),
        (saying(200, "hello"), "is not the web process (HTTP 200"),
        (saying(403, "Forbidden"), "is not the web process (HTTP 403"),
        (saying(400, "The plain HTTP request was sent to HTTPS port"), "https is spoken there"),
        (saying(502), "answers 502, as it does not reach the web process: start `paybycall serve web`"),
        (saying(503), "answers 503"),
        (saying(504), "answers 504"),
        (
            saying(301, "", "https://www.example.org/voice/incoming?a=1"),
            "redirects to https://www.example.org: let",
        ),
        (saying(308, "", "/voice/incoming/"), "redirects to another path"),
        (saying(302, "", "https://[::1/"), "redirects to what is no address: let"),
        (saying(302, "", "https://a\x1b[31m.example/"), "redirects to what is no address: let"),
        (saying(302, "", "https://a\x1b31m.example/"), "redirects to https://a\\x1b31m.example: let"),
        (
            breaking(ConnectionRefusedError()),
            "the connection is refused, so nothing listens there; start `paybycall serve web` and the proxy",
        ),
        (breaking(socket.gaierror()), "its host name is not found in DNS; create its DNS record"),
        (breaking(ssl.SSLError()), "the TLS handshake fails"),
        (breaking(ZeroDivisionError()), "the request failed; see the proxy"),
    ],
)
def test_a_process_that_does_not(ask: outside.Probe, part: str) -> None:
    with pytest.raises(FaultError) as fault:
        outside.answers(ask, WEB_DOOR)
    assert part in str(fault.value)
    assert f"PUBLIC_URL ({URL})" in str(fault.value)
    assert str(fault.value).endswith(".")


def test_a_certificate_that_has_expired_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the network, as the command asks."""
    ca, now = trustme.CA(key_type=trustme.KeyType.ECDSA), datetime.now(UTC)
    old = ca.issue_cert("127.0.0.1", not_before=now - timedelta(9), not_after=now - timedelta(1))
    ca.cert_pem.write_to_path(str(tmp_path / "root.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "root.pem"))
    with served(tmp_path, BaseHTTPRequestHandler, [old.private_key_pem, *old.cert_chain_pems]) as port:
        url = f"https://127.0.0.1:{port}"
        with pytest.raises(FaultError, match="its TLS certificate has expired; renew it in the proxy"):
            outside.answers(outside.over_http, web_site(url))
        with pytest.raises(FaultError, match="its TLS certificate has expired; check TWILIO_API_BASE"):
            outside.carrier_knows_us(lambda: outside.ask_carrier(ACCOUNT, Secret(TOKEN), url))
        bank = registry.adapter("sandbox", SandboxSettings(url, "tokenize", Secret("")))
        with pytest.raises(FaultError, match="the connection to the bank broke: its TLS certificate"):
            outside.gateway_answers(bank)
    with served(tmp_path, BaseHTTPRequestHandler) as port:
        with pytest.raises(FaultError, match="plain http where https is expected; put a proxy that ends TLS"):
            outside.answers(outside.over_http, web_site(f"https://127.0.0.1:{port}"))
        with pytest.raises(FaultError, match=r"HTTP 501 for /voice/incoming"):
            outside.answers(outside.over_http, web_site(f"http://127.0.0.1:{port}"))


def test_a_process_without_a_proxy_is_named() -> None:
    """Our own server hears a TLS greeting as a request that never ends, and is silent."""
    asked: list[str] = []

    def ask(method: str, url: str) -> ProbeAnswer:
        asked.append(url)
        if url.startswith("https://"):
            raise NoAnswerError.of(TimeoutError(), 1)
        return ProbeAnswer(403)

    with pytest.raises(FaultError, match="speaks plain http where https is expected; put a proxy"):
        outside.answers(ask, web_site("https://pay.example.org/town"))
    assert asked[1] == "http://pay.example.org:443/town/voice/incoming"


def test_the_pci_process_tells_what_it_lacks() -> None:
    lacking = {"status": "not ready", "parts": {"database": "ok", "keys": "not ready"}}
    for status in (503, 200):  # 200: degraded
        with pytest.raises(
            FaultError, match=r"not ready: its key directory cannot be used: .*KEY_DIRECTORY\.$"
        ):
            outside.pci_is_ready(saying(status, lacking), URL)
    with pytest.raises(FaultError, match="temporary files: its log says why"):
        outside.pci_is_ready(saying(200, {"parts": {"temporary files": "not ready"}}), URL)
    for ask, part in (
        (breaking(ConnectionRefusedError()), "refused"),
        (saying(502), "answers 502"),
        (saying(200, {"status": "ok"}), "is not the pci process"),
        (saying(200, "hello"), "is not the pci process"),
    ):
        with pytest.raises(FaultError, match=rf"PCI_INTERNAL_URL .*{part}"):
            outside.pci_is_ready(ask, URL)


def test_what_strangers_reach_is_told(start_server: Callable[..., Server]) -> None:
    server = start_server()
    proxied = asking("/voice/", "/pci/e/", "/pci/fallback", pay=server.web, card=server.pci)
    bare = asking(pay=server.web, card=server.pci)
    doors = [WEB_DOOR, PCI_DOOR]
    assert exposed.metrics_are_closed(proxied, doors) == "strangers cannot read /metrics"
    assert exposed.pci_is_closed(proxied, PCI_DOOR) == "strangers reach no other path of the PCI process"
    with pytest.raises(FaultError, match=r"read /metrics at PUBLIC_URL .* set METRICS_TOKEN\.$"):
        exposed.metrics_are_closed(bare, doors)
    with pytest.raises(FaultError, match=r"read /metrics at PCI_PUBLIC_URL"):
        exposed.metrics_are_closed(bare, [PCI_DOOR])
    with pytest.raises(FaultError, match=r"reach /pci/internal/ and /readyz at PCI_PUBLIC_URL"):
        exposed.pci_is_closed(bare, PCI_DOOR)
    for check in (
        partial(exposed.metrics_are_closed, asking(), doors),
        partial(exposed.pci_is_closed, asking(), PCI_DOOR),
    ):
        with pytest.raises(FaultError, match=r"could not be tried, because P.*_URL .* cannot be reached"):
            check()
    ports = [(WEB_DOOR, 8000), (PCI_DOOR, 8001)]
    with pytest.raises(FaultError, match=r"web process answers strangers at http://pay\.example\.org:8000"):
        exposed.proxy_cannot_be_avoided(bare, ports, lambda _: {"203.0.113.7"})
    for addresses in ({"127.0.0.1", "::1"}, set[str]()):
        assert exposed.proxy_cannot_be_avoided(bare, ports, lambda _, found=addresses: found)
    assert "no process of ours answers strangers" in exposed.proxy_cannot_be_avoided(
        asking(), ports, lambda _: {"203.0.113.7"}
    )


def test_who_runs_our_processes_is_told(tmp_path: Path) -> None:
    def process(number: int, user: int, *words: str) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in words))
        (folder / "status").write_text(f"Name:\tx\nUid:\t{user}\t{user}\t{user}\t{user}\n")

    process(1, 0, "/sbin/init")
    process(2, 0, "vi", "paybycall")
    assert exposed.nobody_is_root(tmp_path, me=1000, ours=Path("/opt/p"))
    with pytest.raises(FaultError, match="This command runs as root"):
        exposed.nobody_is_root(tmp_path, me=0, ours=Path("/opt/p"))
    process(3, 1000, "/opt/p/python", "/opt/p/paybycall", "serve", "pci")
    assert exposed.nobody_is_root(tmp_path, me=0, ours=Path("/opt/p")), (
        "whoever asks, the server does not run as root"
    )
    process(7, 0, "/srv/other/python", "/srv/other/paybycall", "serve", "web")
    assert exposed.nobody_is_root(tmp_path, me=0, ours=Path("/opt/p")), "another installation's"
    process(4, 0, "/opt/p/python", "/opt/p/paybycall", "serve", "web", "--port", "80")
    with pytest.raises(FaultError, match=r"^`paybycall serve web` runs as root: "):
        exposed.nobody_is_root(tmp_path, me=1000, ours=Path("/opt/p"))
    process(5, 0, "/opt/p/python", "/opt/p/paybycall", "serve", "web", "--port", "80")
    process(6, 0, "/opt/p/python", "/opt/p/paybycall", "serve", "pci")
    with pytest.raises(FaultError, match=r"^`paybycall serve pci` and `paybycall serve web` run as root: "):
        exposed.nobody_is_root(tmp_path, me=1000, ours=Path("/opt/p"))


class Pci:
    """A PCI process that takes a signed request, or not."""

    def __init__(self, fault: Exception | None) -> None:
        self.fault = fault

    def end_call(self, call_sid: str) -> None:
        if self.fault:
            raise self.fault


@pytest.mark.parametrize(
    ("fault", "part"),
    [
        (PciRefusedError(403, "The signature does not match."), "INTERNAL_SECRET to the same value"),
        (PciUnreachableError("it does not answer"), "serve pci"),
    ],
)
def test_the_secret_has_to_be_the_same(fault: Exception, part: str) -> None:
    assert outside.secret_is_shared(Pci(None))
    with pytest.raises(FaultError, match=part):
        outside.secret_is_shared(Pci(fault))


def account(
    http_status: int = 200, status: str = "active", date: datetime | str = NOW
) -> Callable[[], Account]:
    shown = date if isinstance(date, str) else format_datetime(date, usegmt=True)
    return lambda: Account(http_status, status, shown)


def nobody() -> Account:
    raise NoAnswerError.of(ConnectionError(), 1)


@pytest.mark.parametrize(
    ("ask", "part"),
    [
        (account(401), "correct TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"),
        (account(403), "correct TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"),
        (account(404), "TWILIO_API_BASE"),
        (account(500), "HTTP 500"),
        (account(status="suspended"), "is suspended"),
        (account(status=""), "of unknown status"),
        (nobody, "TWILIO_API_BASE"),
    ],
)
def test_the_carrier_has_to_know_us(ask: outside.AskCarrier, part: str) -> None:
    assert outside.carrier_knows_us(account())
    with pytest.raises(FaultError, match=part):
        outside.carrier_knows_us(ask)


@pytest.mark.parametrize(
    ("ask", "part"),
    [
        (account(date=NOW - timedelta(seconds=90)), "90 s ahead"),
        (account(date=NOW + timedelta(seconds=90)), "90 s behind"),
        (account(date=""), "no Date"),
        (account(date="yesterday"), "no Date"),
        (nobody, "does not answer"),
    ],
)
def test_the_clock_has_to_be_right(ask: outside.AskCarrier, part: str) -> None:
    assert outside.clock_is_right(account(date=NOW + timedelta(seconds=15)), lambda: NOW)
    with pytest.raises(FaultError, match=part):
        outside.clock_is_right(ask, lambda: NOW)


def test_the_account_is_asked_over_the_network(carrier: CarrierApi) -> None:
    told = outside.ask_carrier(ACCOUNT, Secret(TOKEN), carrier.url)
    assert (told.http_status, told.account_status) == (200, "active")
    assert outside.clock_is_right(lambda: told, lambda: carrier.now)
    assert outside.ask_carrier(ACCOUNT, Secret("old"), carrier.url).http_status == 401
    carrier.faults = [Fault(503)]
    assert outside.ask_carrier(ACCOUNT, Secret(TOKEN), carrier.url).http_status == 503


class Bank:
    """A gateway that answers, or not."""

    name = "bank"

    def __init__(self, fault: str | None = None, *, webhooks: bool = True) -> None:
        self.fault = fault
        self.capabilities = Capabilities(CardEntry.TOKENIZE, webhooks=webhooks)

    def check(self) -> None:
        if self.fault:
            raise GatewayUnreachableError(self.fault)


def test_the_gateways_own_sentence_is_told() -> None:
    assert outside.gateway_answers(Bank()) == "bank answers and takes our credentials"
    assert "until BANK_WEBHOOK_SECRET is set" in outside.gateway_answers(Bank(webhooks=False))
    with pytest.raises(FaultError, match=r"^Correct BANK_KEY\.$"):
        outside.gateway_answers(Bank("Correct BANK_KEY."))
