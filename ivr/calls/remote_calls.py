"""Errands: the network calls that a turn needs, run with no transaction open and under ids derived from call
and turn.

An errand is kept in the call's row before it is run, so a process that dies leaves it for the carrier's
repeat; running it again asks the same question under the same id.
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


Errand = AskMerchant | OpenEntry | CollectEntry
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


Answer = LookupAnswer | EntryOpened | CardEntryResult | PciSilent


def dump(errand: Errand) -> dict[str, Any]:
    """The errand as it is kept in the call's row."""
    kind = next(name for name, cls in _KINDS.items() if isinstance(errand, cls))
    return {"kind": kind, **asdict(errand)}


def load(data: dict[str, Any]) -> Errand:
    kind = _KINDS[data["kind"]]
    known = {name: value for name, value in data.items() if name in kind.__dataclass_fields__}
    if known.get("authorize") is not None:
        known["authorize"] = Order(**known["authorize"])
    elif data.get("key") is not None:  # as release 0.1 kept it: retired with the next release
        known["authorize"] = Order(data["key"], data["amount_minor"], data["currency"], data["description"])
    return kind(**known)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom an errand is for, as the carrier names them."""

    call_sid: str
    account_sid: str


class Runner:
    """Runs errands. `pci` is None where the carrier takes the cards, `lookup` where the merchant has none."""

    def __init__(
        self, pci: PciClient | None, lookup: MerchantLookup | None, public_url: str, *, postal_code: bool
    ) -> None:
        self._pci = pci
        self._lookup = lookup
        self._public_url = public_url
        self._postal_code = postal_code

    @property
    def asks_merchant(self) -> bool:
        return self._lookup is not None

    def run(self, errand: Errand, caller: Caller) -> Answer:
        """The answer; silence of the other side is an answer too."""
        try:
            match errand:
                case AskMerchant(reference, lookup_id):
                    if self._lookup is None:
                        raise RuntimeError("no bill look-up is configured")
                    return self._lookup.ask(reference, lookup_id)
                case _ if self._pci is None:  # of a call that began when there was a PCI process
                    log.warning("no_pci_process_by_these_settings")
                case OpenEntry():
                    return EntryOpened(self._open(self._pci, errand, caller))
                case CollectEntry(entry_id, claimant):
                    return self._pci.collect(entry_id, claimant)
        except PciUnreachableError as fault:
            log.warning("pci_unreachable", fault=str(fault))
        except PciRefusedError:  # not signed as it likes, or an id taken: an operator has to look
            log.exception("pci_refused")
        return PciSilent()

    def _open(self, pci: PciClient, errand: OpenEntry, caller: Caller) -> str:
        return pci.open_entry(
            entry_id=errand.entry_id,
            call_sid=caller.call_sid,
            account_sid=caller.account_sid,
            language=errand.language,
            return_url=self._public_url + errand.return_path,
            postal_code=self._postal_code,
            authorize=errand.authorize,
            slow=errand.slow,
        )

    def say_goodbye(self, call_sid: str) -> None:
        """Tell the PCI process, where there is one, of a hang-up; its own sweeper covers a lost one."""
        if self._pci is None:
            return
        try:
            self._pci.end_call(call_sid)
        except (PciUnreachableError, PciRefusedError) as fault:
            log.warning("pci_not_told_of_hang_up", fault=str(fault))
