"""The doctor's checks of what must be reached from here: our own processes, the carrier, the gateway.

May import `ivr.ops.doctor`, `ivr.pci_client`, `ivr.channels.carrier_api` and the gateways' contract. What is
asked is passed in, so a test can answer anything. Every request is bounded in time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import orjson
import requests

from gateways.contract import Gateway, GatewayUnreachableError
from gateways.secret import Secret
from ivr.channels.carrier_api import CarrierHttp
from ivr.ops.doctor import FaultError
from ivr.pci_client import PciClient, PciRefusedError, PciUnreachableError

CLOCK_S_MAX = 20
"""Web and PCI trust each other's clocks within a minute; both must be near the true time."""
SILENCE_S = (3.0, 6.0)
"""To connect, and to wait for an answer."""


class Answer(Protocol):
    """As much of an HTTP answer as a check looks at."""

    status_code: int

    def json(self) -> object: ...


Get = Callable[[str], Answer]
"""Asks a URL; raises requests.RequestException where nobody answers."""


def over_http(url: str) -> Answer:
    """`Get` over the network, without following anyone elsewhere."""
    return requests.get(url, timeout=SILENCE_S, allow_redirects=False)


def answers(get: Get, setting: str, url: str, process: str) -> str:
    """The process behind a URL answers, and it is ours."""
    try:
        answer = get(f"{url}/healthz")
        ours = answer.status_code == requests.codes.ok and answer.json() == {"status": "ok"}
    except requests.JSONDecodeError:
        ours = False
    except requests.RequestException as fault:
        raise FaultError(
            f"{setting} ({url}) does not answer ({type(fault).__name__}): start `paybycall serve {process}`, "
            f"and let the proxy in front of it pass requests on."
        ) from None
    if not ours:
        raise FaultError(
            f"What answers at {setting} ({url}) is not the {process} process: "
            f"look at the proxy, or mend {setting}."
        )
    return f"{url} answers"


PCI_PARTS = {
    "database": "The PCI process's database does not answer, or not at its schema: "
    "see PCI_DATABASE_URL, and run paybycall migrate.",
    "keys": "The PCI process's keys' home does not answer: see PCI_KEY_DIRECTORY.",
}
"""What its `/readyz` names, and what to do; its log says more."""


def pci_is_ready(get: Get, url: str) -> str:
    """The PCI process reaches its database and its keys."""
    try:
        answer = get(f"{url}/readyz")
        said = answer.json()
    except requests.RequestException as fault:
        raise FaultError(
            f"PCI_INTERNAL_URL ({url}) does not say whether it is ready ({type(fault).__name__})."
        ) from None
    if answer.status_code == requests.codes.ok:
        return "its database and its key directory answer"
    parts = said.get("parts") if isinstance(said, dict) else None
    lacking = [
        PCI_PARTS[name]
        for name in PCI_PARTS
        if isinstance(parts, dict) and parts.get(name) not in {"ok", None}
    ]
    raise FaultError(" ".join(lacking) or f"What answers at PCI_INTERNAL_URL ({url}) is not ready.")


def secret_is_shared(pci: PciClient) -> str:
    """A signed request is taken by the PCI process: the secret is the same in both, and so is the time."""
    try:
        pci.end_call("CA-doctor")  # a call that never was: nothing is wiped
    except PciRefusedError as refused:
        raise FaultError(
            f"The PCI process refuses our signature: set INTERNAL_SECRET to the same value in both processes "
            f"and let their clocks agree ({refused})."
        ) from None
    except PciUnreachableError as fault:
        raise FaultError(
            f"The PCI process cannot be asked ({fault}): run `paybycall serve pci` or mend PCI_INTERNAL_URL."
        ) from None
    return "the PCI process takes what we sign"


@dataclass(frozen=True, slots=True)
class Account:
    """The carrier's account as the carrier tells it."""

    http_status: int
    account_status: str
    date: str
    """The answer's Date header."""


AskCarrier = Callable[[], Account]
"""Fetches the account; raises requests.RequestException where the carrier does not answer."""


def ask_carrier(account_sid: str, token: Secret, api_base: str) -> Account:
    """`AskCarrier` over the network."""
    url = f"{api_base}/2010-04-01/Accounts/{account_sid}.json"
    answer = CarrierHttp().request("GET", url, auth=(account_sid, token.reveal()))
    return Account(answer.status_code, _status(answer.text), answer.headers.get("Date", ""))


def _status(body: str) -> str:
    try:
        document: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    return str(document.get("status", "")) if isinstance(document, dict) else ""


def carrier_knows_us(ask: AskCarrier) -> str:
    """The account exists, the token is right, and it is not suspended."""
    account = _asked(ask)
    if account.http_status in {401, 403}:
        raise FaultError(
            "The carrier refuses our credentials: set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN anew."
        )
    if account.http_status != requests.codes.ok:
        raise FaultError(
            f"The carrier answers HTTP {account.http_status} about our account: "
            f"look at TWILIO_ACCOUNT_SID and TWILIO_API_BASE."
        )
    if account.account_status != "active":
        raise FaultError(
            f"The carrier's account is {account.account_status or 'of unknown status'} and has to be active: "
            f"see the carrier's console."
        )
    return "the carrier knows our account"


def clock_is_right(ask: AskCarrier, now: Callable[[], datetime]) -> str:
    """Our clock against the carrier's."""
    date = _asked(ask).date
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:
        raise FaultError("The carrier's answer has no Date to compare our clock with.") from None
    off_s = (now() - theirs).total_seconds()
    if abs(off_s) > CLOCK_S_MAX:
        direction = "ahead" if off_s > 0 else "behind"
        raise FaultError(
            f"This machine's clock is {abs(off_s):.0f} s {direction} of the carrier's: let it be set by NTP."
        )
    return f"this machine's clock is within {CLOCK_S_MAX} s of the carrier's"


def _asked(ask: AskCarrier) -> Account:
    try:
        return ask()
    except requests.RequestException as fault:
        raise FaultError(
            f"The carrier's API does not answer ({type(fault).__name__}): "
            f"look at TWILIO_API_BASE and at the firewall."
        ) from None


def gateway_answers(gateway: Gateway) -> str:
    try:
        gateway.check()
    except GatewayUnreachableError as fault:
        raise FaultError(str(fault)) from None
    return f"{gateway.name} answers and takes our credentials"
