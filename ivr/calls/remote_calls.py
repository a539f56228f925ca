"""The network calls that a turn needs, run with no transaction open and under ids derived from call and turn.

A remote call is kept in the call's row before it is made. A process that dies leaves it to the carrier's
repeat; made again, it asks the same question under the same id.
"""

from dataclasses import asdict, dataclass
from typing import Any

import structlog

from gateways.contract import Order
from ivr.integrations.bill_lookup import LookupAnswer, MerchantLookup
from ivr.integrations.pci_client import CardEntryResult, PciClient, PciRefusedError, PciUnreachableError

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class AskMerchant:
    """Ask the merchant's own system for a bill."""

    reference: str
    lookup_id: str


@dataclass(frozen=True, slots=True)
class OpenEntry:
    """Ask the PCI process to take a card from this caller."""

    entry_id: str
    language: str
    return_path: str
    authorize: Order | None = None
    """Where the gateway authorizes at once: what is to be paid."""
    slow: bool = False
    """The caller wants slow speech."""


@dataclass(frozen=True, slots=True)
class CollectEntry:
    """Fetch what became of a card entry, as its only claimant."""

    entry_id: str
    claimant: str


RemoteCall = AskMerchant | OpenEntry | CollectEntry
_KINDS: dict[str, type[AskMerchant | OpenEntry | CollectEntry]] = {
    "ask_merchant": AskMerchant,
    "open_entry": OpenEntry,
    "collect_entry": CollectEntry,
}


@dataclass(frozen=True, slots=True)
class EntryOpened:
    """Where to send the caller."""

    url: str


@dataclass(frozen=True, slots=True)
class PciSilent:
    """The PCI process did not answer, or refused."""


RemoteResponse = LookupAnswer | EntryOpened | CardEntryResult | PciSilent


def dump(call: RemoteCall) -> dict[str, Any]:
    """The remote call as it is kept in the call's row."""
    kind = next(name for name, cls in _KINDS.items() if isinstance(call, cls))
    return {"kind": kind, **asdict(call)}


def load(data: dict[str, Any]) -> RemoteCall:
    kind = _KINDS[data["kind"]]
    known = {name: value for name, value in data.items() if name in kind.__dataclass_fields__}
    if known.get("authorize") is not None:
        known["authorize"] = Order(**known["authorize"])
    elif data.get("key") is not None:  # as release 0.1 kept it: retired with the next release
        known["authorize"] = Order(data["key"], data["amount_minor"], data["currency"], data["description"])
    return kind(**known)


@dataclass(frozen=True, slots=True)
class CarrierIds:
    """The call that a remote call is for, as the carrier names it."""

    call_sid: str
    account_sid: str


@dataclass(frozen=True, slots=True)
class RemoteCalls:
    """Makes remote calls."""

    pci: PciClient | None
    """None where the carrier takes the cards."""
    lookup: MerchantLookup | None
    """None where the merchant has none."""
    public_url: str
    postal_code: bool

    @property
    def asks_merchant(self) -> bool:
        return self.lookup is not None

    def make(self, call: RemoteCall, ids: CarrierIds) -> RemoteResponse:
        """The response; silence of the other side is one too."""
        try:
            match call:
                case AskMerchant(reference, lookup_id):
                    if self.lookup is None:
                        raise RuntimeError("no bill look-up is configured")
                    return self.lookup.ask(reference, lookup_id)
                case _ if self.pci is None:  # of a call that began when there was a PCI process
                    log.warning("no_pci_process_by_these_settings")
                case OpenEntry():
                    return EntryOpened(self._open(self.pci, call, ids))
                case CollectEntry(entry_id, claimant):
                    return self.pci.collect(entry_id, claimant)
        except PciUnreachableError as fault:
            log.warning("pci_unreachable", fault=str(fault))
        except PciRefusedError:  # not signed as it likes, or an id taken: an operator has to look
            log.exception("pci_refused")
        return PciSilent()

    def _open(self, pci: PciClient, call: OpenEntry, ids: CarrierIds) -> str:
        return pci.open_entry(
            entry_id=call.entry_id,
            call_sid=ids.call_sid,
            account_sid=ids.account_sid,
            language=call.language,
            return_url=self.public_url + call.return_path,
            postal_code=self.postal_code,
            authorize=call.authorize,
            slow=call.slow,
        )

    def say_goodbye(self, call_sid: str) -> None:
        """Tell the PCI process, where there is one, of a hang-up; its own sweeper covers a lost one."""
        if self.pci is None:
            return
        try:
            self.pci.end_call(call_sid)
        except (PciUnreachableError, PciRefusedError) as fault:
            log.warning("pci_not_told_of_hang_up", fault=str(fault))
