"""The doctor's checks of what must be reached from here: our own processes, the carrier, the gateway.

Through a public address it asks what docs/pci.md lets through: a webhook without a signature, which our own
process refuses in words that no other server uses. What is asked is passed in, so a test can answer anything.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import orjson

from gateways.connection_errors import ConnectionFault
from gateways.contract import Gateway, GatewayUnreachableError
from gateways.http_client import HttpClient, NoAnswerError
from gateways.secret import Secret
from ivr.carriers.twilio.rest import CarrierHttp
from ivr.doctor.checks import FaultError
from ivr.integrations.pci_client import PciClient, PciRefusedError, PciUnreachableError

CLOCK_S_MAX = 20
"""Web and PCI trust each other's clocks within a minute; both must be near the true time."""
_HTTP = HttpClient(total_s=6.0, connect_s=3.0, keep=False, environment=True)
UNSIGNED = "The signature does not match."
"""How our own webhooks refuse a request that is not the carrier's (`ivr.carriers.twilio.signature`)."""
_NOT_PASSED_ON = (502, 503, 504)
_REDIRECTS = range(300, 400)


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """As much of an HTTP answer as a check looks at."""

    status: int
    body: str = ""
    location: str = ""
    """Where a redirect leads."""

    def document(self) -> dict[str, Any]:
        """The body as a JSON object; empty where it is none."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}


Probe = Callable[[str, str], ProbeAnswer]
"""Sends a method and no body to a URL; raises NoAnswerError where no answer comes."""


def over_http(method: str, url: str) -> ProbeAnswer:
    """`Ask` over the network, without following a redirect."""
    answer = _HTTP.request(method, url)
    return ProbeAnswer(
        answer.status, answer.body.decode(errors="replace"), answer.headers.get("Location", "")
    )


@dataclass(frozen=True, slots=True)
class CheckedSite:
    """A public address of ours and a webhook behind it."""

    setting: str
    url: str
    path: str
    process: str

    @property
    def start(self) -> str:
        return f"`paybycall serve {self.process}`"


def web_site(public_url: str) -> CheckedSite:
    return CheckedSite("PUBLIC_URL", public_url, "/voice/incoming", "web")


def pci_site(pci_public_url: str) -> CheckedSite:
    return CheckedSite("PCI_PUBLIC_URL", pci_public_url, "/pci/fallback", "pci")


_REMEDIES = {
    ConnectionFault.NO_NAME: "create its DNS record, or correct {setting}",
    ConnectionFault.REFUSED: "start {start} and the proxy in front of it, or correct {setting}",
    ConnectionFault.EXPIRED: "renew it in the proxy",
    ConnectionFault.OTHER_HOST: "give the proxy one for this host, or correct {setting}",
    ConnectionFault.SELF_SIGNED: "give the proxy one of a public authority, since the carrier takes no other",
    ConnectionFault.UNKNOWN_CA: "give the proxy one of a public authority, since the carrier takes no other",
    ConnectionFault.INCOMPLETE: "give the proxy the full chain of a public authority, since the carrier "
    "takes no other",
    ConnectionFault.NO_TLS: "put a proxy that ends TLS in front of {start}, or correct the port in {setting}",
    ConnectionFault.NOT_YET: "set this machine's clock by NTP",
    ConnectionFault.HANDSHAKE: "allow TLS 1.2 in the proxy, and ask for no client certificate",
}
_PERHAPS_PLAIN = {
    ConnectionFault.SILENT,
    ConnectionFault.CLOSED,
    ConnectionFault.HANDSHAKE,
    ConnectionFault.NO_HTTP,
    ConnectionFault.OTHER,
}
"""What https meets at a port of plain http. Where a certificate was shown, it is not one."""
_OTHER_REMEDY = "see the proxy, the firewall and {start}, or correct {setting}"


def answers(ask: Probe, site: CheckedSite) -> str:
    """Our own process answers at its public address, through whatever stands in front of it."""
    answer = _asked(ask, "POST", site, site.path)
    if not _is_refusal(answer):
        raise FaultError(_not_ours(site, answer))
    return f"{site.url} answers"


def _asked(ask: Probe, method: str, site: CheckedSite, path: str) -> ProbeAnswer:
    try:
        answer = ask(method, site.url + path)
    except NoAnswerError as fault:
        broke = fault.broke
        if broke in _PERHAPS_PLAIN and _speaks_plain_http(ask, method, site, path):
            broke = ConnectionFault.NO_TLS
        remedy = _REMEDIES.get(broke, _OTHER_REMEDY).format(setting=site.setting, start=site.start)
        raise FaultError(f"{site.setting} ({site.url}) cannot be reached: {broke}; {remedy}.") from None
    if answer.status in _REDIRECTS:
        shown = _place_of(answer.location)
        raise FaultError(
            f"{site.setting} ({site.url}) redirects to {shown}: let {site.setting} be the address that "
            f"answers "
            f"itself, since a redirect loses what the carrier posts."
        )
    if answer.status in _NOT_PASSED_ON and not answer.document().get("parts"):
        raise FaultError(
            f"The proxy at {site.setting} ({site.url}) answers {answer.status}, as it does not reach the "
            f"{site.process} process: start {site.start}, or correct where the proxy passes requests."
        )
    return answer


def _place_of(location: str) -> str:
    """Where a redirect leads, as it may be shown on a terminal."""
    try:
        to = urlsplit(location)
    except ValueError:
        return "what is no address"
    return ascii(f"{to.scheme}://{to.netloc}")[1:-1] if to.netloc else "another path"


def _speaks_plain_http(ask: Probe, method: str, site: CheckedSite, path: str) -> bool:
    """Whether http answers where https does not: our own server, without a proxy, waits in silence."""
    parts = urlsplit(site.url)
    if parts.scheme != "https":
        return False
    place = f"http://{parts.netloc}" if parts.port else f"http://{parts.netloc}:443"
    try:
        return not _wants_https(ask(method, f"{place}{parts.path}{path}"))
    except NoAnswerError:
        return False


def _wants_https(answer: ProbeAnswer) -> bool:
    """How nginx and Caddy answer plain http at a port of TLS."""
    return answer.status == HTTPStatus.BAD_REQUEST and "https" in answer.body.lower()


def _is_refusal(answer: ProbeAnswer) -> bool:
    return answer.status == HTTPStatus.FORBIDDEN and UNSIGNED in answer.body


def _not_ours(site: CheckedSite, answer: ProbeAnswer) -> str:
    if _wants_https(answer):
        return f"{site.setting} ({site.url}) begins with http://, but https is spoken there: correct it."
    return (
        f"What answers at {site.setting} ({site.url}) is not the {site.process} process (HTTP "
        f"{answer.status} for "
        f"{site.path}): let the proxy pass {site.path} to {site.start}, or correct {site.setting}."
    )


PCI_PARTS = {
    "database": "its database does not answer or is not migrated: check PCI_DATABASE_URL, and run "
    "`paybycall migrate`",
    "keys": "its key directory cannot be used: check PCI_KEY_DIRECTORY",
}
"""What its `/readyz` names, and what to do; its log says more."""


def pci_is_ready(ask: Probe, url: str) -> str:
    """The PCI process answers in our own network, and reaches its database and its keys."""
    site = CheckedSite("PCI_INTERNAL_URL", url, "/readyz", "pci")
    answer = _asked(ask, "GET", site, site.path)
    parts = answer.document().get("parts")
    if not isinstance(parts, dict):
        raise FaultError(_not_ours(site, answer))
    if answer.status == HTTPStatus.OK and set(parts.values()) == {"ok"}:
        return f"{url} answers; its database and its key directory can be used"
    lacking = [
        PCI_PARTS.get(name, f"{name}: its log says why") for name, said in parts.items() if said != "ok"
    ]
    raise FaultError(f"The PCI process is not ready: {'; '.join(lacking) or 'its log says why'}.")


def secret_is_shared(pci: PciClient) -> str:
    """A signed request is taken by the PCI process: the secret is the same in both, and so is the time."""
    try:
        pci.end_call("CA-doctor")  # a call that never was: nothing is wiped
    except PciRefusedError as refused:
        raise FaultError(
            f"The PCI process refuses our signature: set INTERNAL_SECRET to the same value in both processes "
            f"and set their clocks by NTP ({refused})."
        ) from None
    except PciUnreachableError as fault:
        raise FaultError(
            f"The shared secret could not be tried, because {fault}: start `paybycall serve pci`, or correct "
            f"PCI_INTERNAL_URL."
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
"""Fetches the account; raises NoAnswerError where the carrier does not answer."""


def ask_carrier(account_sid: str, token: Secret, api_base: str) -> Account:
    """`AskCarrier` over the network."""
    url = f"{api_base}/2010-04-01/Accounts/{account_sid}.json"
    answer = CarrierHttp().request("GET", url, auth=(account_sid, token.reveal()))
    document = ProbeAnswer(answer.status_code, answer.text).document()
    return Account(answer.status_code, str(document.get("status", "")), answer.headers.get("Date", ""))


def carrier_knows_us(ask: AskCarrier) -> str:
    """The account exists, the token is right, and it is not suspended."""
    account = _account(ask)
    if account.http_status in {401, 403}:
        raise FaultError(
            "The carrier refuses our credentials: correct TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN."
        )
    if account.http_status != HTTPStatus.OK:
        raise FaultError(
            f"The carrier answers HTTP {account.http_status} about our account: "
            f"check TWILIO_ACCOUNT_SID and TWILIO_API_BASE."
        )
    if account.account_status != "active":
        raise FaultError(
            f"The carrier's account is {account.account_status or 'of unknown status'}, and must be active: "
            f"see the carrier's console."
        )
    return "the carrier knows our account"


def clock_is_right(ask: AskCarrier, now: Callable[[], datetime]) -> str:
    """Our clock against the carrier's."""
    try:
        date = _account(ask).date
    except FaultError:
        raise FaultError(
            "The clock could not be compared, because the carrier's API does not answer."
        ) from None
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:
        raise FaultError("The clock could not be compared: the carrier's answer has no Date.") from None
    off_s = (now() - theirs).total_seconds()
    if abs(off_s) > CLOCK_S_MAX:
        direction = "ahead" if off_s > 0 else "behind"
        raise FaultError(
            f"This machine's clock is {abs(off_s):.0f} s {direction} of the carrier's: set it by NTP."
        )
    return f"this machine's clock is within {CLOCK_S_MAX} s of the carrier's"


def _account(ask: AskCarrier) -> Account:
    try:
        return ask()
    except NoAnswerError as fault:
        raise FaultError(
            f"The carrier's API cannot be reached: {fault.broke}; check TWILIO_API_BASE, and "
            "this machine's network."
        ) from None


def gateway_answers(gateway: Gateway) -> str:
    """The gateway answers and takes our credentials; its adapter has the sentence where it does not."""
    try:
        gateway.check()
    except GatewayUnreachableError as fault:
        raise FaultError(str(fault)) from None
    if not gateway.capabilities.webhooks:
        return (
            f"{gateway.name} answers and takes our credentials; its webhooks are refused, so we hear of no "
            f"dispute and no payout, until {gateway.name.upper()}_WEBHOOK_SECRET is set"
        )
    return f"{gateway.name} answers and takes our credentials"
