"""The carrier's side of a webhook: its form, its signature, its retries, and what it takes for an answer.

A fault is told with the carrier's error number and then the fallback URL is asked, with the same form (keys
included: a carrier may do that) and ErrorCode and ErrorUrl.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qs, urldefrag, urljoin, urlsplit

from gateways.secret import Secret
from ivr.carriers.twilio.signature import HEADER_SIGNATURE, compute, with_retry_overrides
from ivr.platform.ids import Ids
from ivr.simulators.phone.events import Faulted
from ivr.simulators.phone.schema import DOCUMENT_BYTES_MAX, validate
from ivr.simulators.phone.transport import HttpAnswer, NotConnectedError, Transport, TransportError
from ivr.simulators.phone.values import NotRunError
from ivr.simulators.phone.verbs import TwimlVerb, parse

HEADER_IDEMPOTENCY = "I-Twilio-Idempotency-Token"
NO_DOCUMENT = 11200
NO_CONNECTION = 11205
TOO_LONG = 11750
NOT_READABLE = 12100
NOT_VALID = 12200
NOT_XML = 12300
_XML_TYPES = ("text/xml", "application/xml")


@dataclass(frozen=True, slots=True)
class CallSettings:
    """One call to be made: who rings whom, where the webhooks go, and who signs them."""

    incoming_url: str
    account_sid: str
    auth_token: Secret
    call_sid: str
    from_number: str
    """E.164, or what a carrier sends for a withheld number: `anonymous`, `Restricted`, empty."""
    to_number: str
    fallback_url: str | None = None
    status_url: str | None = None
    from_country: str = "ES"
    to_country: str = "ES"
    extra: Mapping[str, str] = field(default_factory=dict)
    """More fields of the form: CallerName, StirVerstat, SipHeader_X-..."""
    keeps_keys: bool = False
    """The carrier keeps keys that are pressed outside a Gather, and gives them to the next one; otherwise it
    throws them away. Source: support.twilio.com, "Troubleshooting issues with Gather"."""
    reaction_s: float = 0.0
    """How long the caller listens to a question before the first key, where none was pressed early; above 0
    they also wait for a question, unless they are in the midst of a card."""

    @classmethod
    def to_server(
        cls,
        public_url: str,
        *,
        ids: Ids,
        account_sid: str,
        auth_token: Secret,
        from_number: str,
        to_number: str,
    ) -> Self:
        """A call to a Pay-by-Call server, by its fixed paths, under a fresh CallSid."""
        base = public_url.rstrip("/")
        return cls(
            incoming_url=with_retry_overrides(f"{base}/voice/incoming"),
            fallback_url=with_retry_overrides(f"{base}/voice/fallback"),
            status_url=with_retry_overrides(f"{base}/voice/status"),
            account_sid=account_sid,
            auth_token=auth_token,
            call_sid=new_call_sid(ids),
            from_number=from_number,
            to_number=to_number,
        )


def new_call_sid(ids: Ids) -> str:
    """A CallSid as the carrier's look: CA and 32 hexadecimal digits."""
    return "CA" + hashlib.sha256(ids.secret().encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a webhook is sent again, and after what. How long the carrier waits before it does is not
    documented: here it does not wait.
    """

    count: int = 1
    policies: frozenset[str] = frozenset({"ct"})

    @classmethod
    def asked_by(cls, fragment: str) -> Self:
        """By a URL's fragment, such as `rc=2&rp=ct,5xx`; the carrier's defaults for what it does not say."""
        asked = parse_qs(fragment)
        policies = frozenset(asked.get("rp", ["ct"])[-1].split(","))
        return cls(int(asked.get("rc", ["1"])[-1]), policies)

    def after(self, policy: str) -> int:
        """How many retries there are after this kind of failure: `ct`, `4xx` or `5xx`."""
        return self.count if self.policies & {policy, "all"} else 0


@dataclass(frozen=True, slots=True)
class TwimlDocument:
    """An answer that can be run. Relative URLs in it stand on `url`."""

    url: str
    verbs: tuple[TwimlVerb, ...]

    def resolve(self, url: str) -> str:
        """Absolute, with the fragment in which the carrier is asked for retries."""
        return urljoin(self.url, url)

    @property
    def private(self) -> bool:
        return is_private(self.url)


def shown(url: str) -> str:
    """The URL without what is meant for the carrier alone."""
    return urldefrag(url).url


def is_private(url: str) -> bool:
    """Whether a card is entered under this URL: what is keyed there is never shown."""
    return "/pci/" in urlsplit(url).path


class _FaultyError(Exception):
    """Carries a fault from where it is seen to where it is told."""

    def __init__(self, faulted: Faulted) -> None:
        super().__init__(str(faulted))
        self.faulted = faulted


@dataclass(slots=True)
class Webhooks:
    """Posts the webhooks of one call; every fault is told to `told` as it happens."""

    settings: CallSettings
    transport: Transport
    told: Callable[[Faulted], None]
    _posts: int = field(default=0, init=False)

    def document(self, url: str, call_status: str, **fields: str) -> TwimlDocument | None:
        """The document at this URL, or the fallback's; None: neither could be used."""
        try:
            return self._fetch(url, self._form(call_status, fields))
        except _FaultyError as first:
            self.told(first.faulted)
            fallback = self.settings.fallback_url
            if fallback is None:
                return None
            error = {"ErrorCode": str(first.faulted.code), "ErrorUrl": first.faulted.url}
        try:
            return self._fetch(fallback, self._form(call_status, fields | error))
        except _FaultyError as second:
            self.told(second.faulted)
            return None

    def status(self, call_status: str, **fields: str) -> None:
        """The status callback; a fault is told, and nothing else comes of it."""
        if self.settings.status_url is not None:
            self.progress(self.settings.status_url, call_status, fields)

    def progress(self, url: str, call_status: str, fields: Mapping[str, str]) -> None:
        """A report whose answer interests nobody; a fault is told, and nothing else comes of it."""
        try:
            self._post(url, self._form(call_status, fields))
        except _FaultyError as fault:
            self.told(fault.faulted)

    def _form(self, call_status: str, fields: Mapping[str, str]) -> dict[str, list[str]]:
        one = self.settings
        form = {
            "CallSid": one.call_sid,
            "AccountSid": one.account_sid,
            "ApiVersion": "2010-04-01",
            "Direction": "inbound",
            "CallStatus": call_status,
            "From": one.from_number,
            "Caller": one.from_number,
            "FromCountry": one.from_country,
            "CallerCountry": one.from_country,
            "To": one.to_number,
            "Called": one.to_number,
            "ToCountry": one.to_country,
            "CalledCountry": one.to_country,
        }
        return {name: [value] for name, value in {**form, **one.extra, **fields}.items()}

    def _post(self, address: str, form: Mapping[str, list[str]]) -> HttpAnswer:
        """One webhook, sent again as its address asks; a status that is no success is a fault."""
        url, fragment = urldefrag(address)
        retries = Retries.asked_by(fragment)
        self._posts += 1
        token = hashlib.sha256(f"{self.settings.call_sid}:{self._posts}".encode()).hexdigest()
        headers = {
            HEADER_SIGNATURE: compute(self.settings.auth_token, url, form),
            HEADER_IDEMPOTENCY: token,
            "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*",
        }
        tried = 0
        while True:
            try:
                answer = self.transport.post(url, form, headers)
            except NotConnectedError as fault:
                fault_seen, code, again = str(fault), NO_CONNECTION, retries.after("ct")
            except TransportError as fault:  # the carrier's time is over, or nobody knows what arrived
                fault_seen, code, again = str(fault), NO_CONNECTION, 0
            else:
                if 200 <= answer.status <= 299:  # noqa: PLR2004 - the class of successes
                    return answer
                fault_seen, code = f"the server answered {answer.status}", NO_DOCUMENT
                again = retries.after(f"{answer.status // 100}xx")
            tried += 1
            if tried > again:
                raise _FaultyError(Faulted(code, url, fault_seen))

    def _fetch(self, address: str, form: Mapping[str, list[str]]) -> TwimlDocument:
        url = shown(address)
        answer = self._post(address, form)
        if answer.content_type not in _XML_TYPES:
            kind = answer.content_type or "no content type"
            raise _FaultyError(Faulted(NOT_XML, url, f"the answer is {kind}, not text/xml"))
        if len(answer.body) > DOCUMENT_BYTES_MAX:
            raise _FaultyError(
                Faulted(TOO_LONG, url, f"the document is longer than {DOCUMENT_BYTES_MAX} bytes")
            )
        try:
            text = answer.body.decode()
        except UnicodeDecodeError as fault:
            raise _FaultyError(Faulted(NOT_READABLE, url, "the document is not UTF-8")) from fault
        if faults := validate(text):
            raise _FaultyError(Faulted(NOT_VALID, url, "; ".join(faults)))
        try:
            return TwimlDocument(url, tuple(parse(text)))
        except NotRunError as fault:
            raise _FaultyError(Faulted(NOT_VALID, url, str(fault))) from fault
