"""The web process's client of the PCI process: opens card entries and collects their results, reports what
became of a card, lists and lifts lockouts. Every request is signed.

Every request may be repeated after a lost answer and gets the same one. A token is a `Secret` from the
moment it arrives. Never called inside a transaction: it is a network call.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import orjson

from gateways.contract import Order
from gateways.declines import Decline
from gateways.http_client import HttpClient, HttpResponse, NoAnswerError
from gateways.secret import Secret
from ivr.platform import request_signing as signing
from ivr.platform.card_entry_outcome import CardEntryOutcome
from ivr.platform.clock import Clock
from ivr.platform.ids import Ids
from ivr.platform.lockout import Lockout

CONNECT_S = 2.0
TOTAL_S = 5.0
"""For one request and its answer: a caller is on the line."""
_HTTP = HttpClient(TOTAL_S, CONNECT_S)
PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.2, 1.3)
"""Between tries where no connection came about, or it broke: a process that restarts is back by then."""
PATIENCE_S = 4.5
"""No try begins later than this after the first: a proxy may take seconds for each of its refusals. With the
last try it is less than a turn's lease, and than a carrier's patience.
"""
_SERVER_ERROR = 500
_AWAY = (502, 503, 504)
"""What a proxy says whose server is away."""


class PciUnreachableError(Exception):
    """The PCI process did not answer, or failed; asking again is harmless. The message holds nothing sent."""


class _AwayError(PciUnreachableError):
    """Nobody listened, or the connection broke: the process may be back in a moment."""


class PciRefusedError(Exception):
    """The PCI process understood and refused: `status` 403 (not signed as it likes), 404, 409 or 400."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"the PCI process refused ({status}): {detail}")
        self.status = status


@dataclass(frozen=True, slots=True)
class CardEntryResult:
    """The result of a card entry."""

    outcome: CardEntryOutcome
    token: Secret | None = None
    authorization: str | None = field(default=None, repr=False)
    brand: str | None = None
    last_four: str | None = None
    expiry_month: int | None = field(default=None, repr=False)
    expiry_year: int | None = field(default=None, repr=False)
    decline: Decline | None = None
    url: str | None = None
    """Of an open entry: where its question stands."""


@dataclass(frozen=True, slots=True)
class PciClient:
    """Speaks to the PCI process at `base_url` (PCI_INTERNAL_URL). Safe from any thread."""

    base_url: str
    secrets: Sequence[Secret]
    clock: Clock
    ids: Ids
    http: HttpClient = _HTTP

    def open_entry(
        self,
        entry_id: str,
        *,
        call_sid: str,
        account_sid: str,
        language: str,
        return_url: str,
        postal_code: bool = False,
        authorize: Order | None = None,
        slow: bool = False,
    ) -> str:
        """The URL to redirect the caller to. The same question again gives the same URL.

        `authorize`: for a gateway without tokens, what to authorize while the card is there.

        Raises PciUnreachableError, or PciRefusedError (409: another entry has this id).
        """
        wanted = None
        if authorize is not None:
            wanted = {
                "key": authorize.key,
                "amount_minor": authorize.amount_minor,
                "currency": authorize.currency,
                "description": authorize.description,
                "metadata": dict(authorize.metadata),
                "statement": authorize.statement,
            }
        answer = self._post(
            "/pci/internal/entries",
            {
                "id": entry_id,
                "call_sid": call_sid,
                "account_sid": account_sid,
                "language": language,
                "return_url": return_url,
                "postal_code": postal_code,
                "authorize": wanted,
                **({"slow": True} if slow else {}),  # a PCI process of the last release is not asked for it
            },
        )
        return str(answer["url"])

    def collect(self, entry_id: str, claimant: str) -> CardEntryResult:
        """The entry's result, for this claimant alone, as often as it asks.

        Raises PciUnreachableError, or PciRefusedError (404: no such entry; 409: another claimant has it).
        """
        answer = self._post(f"/pci/internal/entries/{entry_id}/collect", {"claimant": claimant})
        token, decline = answer["token"], answer["decline"]
        return CardEntryResult(
            outcome=CardEntryOutcome(answer["outcome"]),
            token=Secret(token) if token is not None else None,
            authorization=answer["authorization"],
            brand=answer["brand"],
            last_four=answer["last_four"],
            expiry_month=answer["expiry_month"],
            expiry_year=answer["expiry_year"],
            decline=Decline(decline) if decline is not None else None,
            url=answer["url"],
        )

    def end_call(self, call_sid: str) -> None:
        """The caller hung up: whatever the call left is wiped. Raises as `collect` does."""
        self._post(f"/pci/internal/calls/{call_sid}/ended", {})

    def report_outcome(self, entry_id: str, *, declined: bool) -> None:
        """What became of the card of this entry; a repeat, and an entry long forgotten, change nothing.

        Raises as `collect` does.
        """
        self._post(f"/pci/internal/entries/{entry_id}/outcome", {"declined": declined})

    def lockouts(self, *, also_over: bool = False) -> list[Lockout]:
        """The lockouts of cards and BINs, the newest first. Raises as `collect` does."""
        answer = self._post("/pci/internal/lockouts", {"also_over": also_over})
        return [Lockout.read(one) for one in answer["lockouts"]]

    def lift_lockout(self, lockout_id: str, *, by: str) -> Lockout:
        """The lockout, lifted. Raises as `collect` does; PciRefusedError with 404 where there is none."""
        return Lockout.read(self._post(f"/pci/internal/lockouts/{lockout_id}/lift", {"by": by}))

    def _post(self, target: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Asked once more, signed anew, where the signature was refused: a proxy that repeats a request
        brings a copy whose nonce was seen, and its 403 may be the answer that comes back. Every question is
        the same one again, so nothing happens twice; another secret is refused twice.
        """
        body = orjson.dumps(document)
        try:
            return self._send_patiently(target, body)
        except PciRefusedError as refused:
            if refused.status != HTTPStatus.FORBIDDEN:
                raise
        return self._send(target, body)

    def _send_patiently(self, target: str, body: bytes) -> Mapping[str, Any]:
        """Again where the process is away for a moment; not after a silence, which took its time already."""
        until = self.clock.now() + timedelta(seconds=PATIENCE_S)
        for pause_s in PAUSES_S:
            try:
                return self._send(target, body)
            except _AwayError:
                if self.clock.now() + timedelta(seconds=pause_s) > until:
                    raise
                self.clock.sleep(pause_s)
        return self._send(target, body)

    def _send(self, target: str, body: bytes) -> Mapping[str, Any]:
        """`target` is signed as the PCI process sees it: without a path that a proxy before it takes away."""
        headers = signing.sign(
            self.secrets,
            method="POST",
            target=target,
            body=body,
            now=self.clock.now(),
            nonce=self.ids.secret(),
        )
        try:
            response = self.http.request(
                "POST",
                self.base_url + target,
                body=body,
                headers={**headers, "Content-Type": "application/json"},
            )
        except NoAnswerError as fault:
            kind = PciUnreachableError if fault.late else _AwayError
            raise kind(f"the PCI process cannot be reached: {fault.broke}") from None
        return _document(response)


def _document(response: HttpResponse) -> Mapping[str, Any]:
    if response.status in _AWAY:
        raise _AwayError(f"the PCI process is not available (HTTP {response.status})")
    if response.status >= _SERVER_ERROR:
        raise PciUnreachableError(f"the PCI process failed (HTTP {response.status})")
    if response.status == HTTPStatus.NO_CONTENT:
        return {}
    try:
        document = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        raise PciUnreachableError("the server at PCI_INTERNAL_URL is not the PCI process") from None
    if not isinstance(document, dict):
        raise PciUnreachableError("the server at PCI_INTERNAL_URL is not the PCI process")
    if response.status >= HTTPStatus.BAD_REQUEST:
        raise PciRefusedError(response.status, str(document.get("detail", document.get("title", ""))))
    return document
