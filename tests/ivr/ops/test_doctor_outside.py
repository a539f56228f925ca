"""The doctor outside: processes, carrier, clock, gateway; the sentence of each fault says how to mend it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests

from gateways.contract import GatewayUnreachableError
from gateways.secret import Secret
from ivr.ops import outside
from ivr.ops.doctor import FaultError
from ivr.ops.outside import Account
from ivr.pci_client import PciRefusedError, PciUnreachableError
from tests.support.carrier_api import ACCOUNT, TOKEN, CarrierApi, Fault

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
URL = "https://pay.example.org"


@dataclass
class Said:
    """An HTTP answer."""

    status_code: int
    body: Any

    def json(self) -> object:
        if self.body is None:
            raise requests.JSONDecodeError("no JSON", "", 0)
        return self.body


def saying(status_code: int, body: Any) -> Callable[[str], Said]:
    return lambda _url: Said(status_code, body)


def silent(_url: str) -> Said:
    raise requests.ConnectTimeout


def test_a_process_that_answers() -> None:
    asked: list[str] = []

    def get(url: str) -> Said:
        asked.append(url)
        return Said(200, {"status": "ok"})

    assert outside.answers(get, "PUBLIC_URL", URL, "web") == f"{URL} answers"
    assert asked == [f"{URL}/healthz"]


@pytest.mark.parametrize(
    ("get", "part"),
    [
        (silent, "serve web"),
        (saying(200, None), "is not the web process"),
        (saying(502, None), "is not the web process"),
        (saying(404, {"status": "ok"}), "is not the web process"),
        (saying(200, {"status": "another's"}), "is not the web process"),
        (saying(200, ["ok"]), "is not the web process"),
    ],
)
def test_a_process_that_does_not(get: outside.Get, part: str) -> None:
    with pytest.raises(FaultError, match=part) as fault:
        outside.answers(get, "PUBLIC_URL", URL, "web")
    assert "PUBLIC_URL" in str(fault.value)


def test_the_pci_process_tells_what_it_lacks() -> None:
    assert outside.pci_is_ready(saying(200, {"status": "ok"}), URL)
    lacking = {"status": "not ready", "parts": {"database": "ok", "keys": "not ready"}}
    with pytest.raises(
        FaultError, match=r"^The PCI process's keys' home does not answer: .*PCI_KEY_DIRECTORY\.$"
    ):
        outside.pci_is_ready(saying(503, lacking), URL)
    for get in (silent, saying(503, ["?"]), saying(502, None)):
        with pytest.raises(FaultError, match="PCI_INTERNAL_URL"):
            outside.pci_is_ready(get, URL)


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
    raise requests.ConnectionError


@pytest.mark.parametrize(
    ("ask", "part"),
    [
        (account(401), "TWILIO_AUTH_TOKEN anew"),
        (account(403), "TWILIO_AUTH_TOKEN anew"),
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

    def __init__(self, fault: str | None = None) -> None:
        self.fault = fault

    def check(self) -> None:
        if self.fault:
            raise GatewayUnreachableError(self.fault)


def test_the_gateways_own_sentence_is_told() -> None:
    assert outside.gateway_answers(Bank())
    with pytest.raises(FaultError, match=r"Set BANK_KEY anew\."):
        outside.gateway_answers(Bank("Set BANK_KEY anew."))
