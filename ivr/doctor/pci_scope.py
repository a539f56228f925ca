"""What of an installation is in PCI scope, by how cards are taken: facts, and what is left to do.

docs/pci.md shows the same table, written by `paybycall pci scope --markdown`; a test compares them.
Statements are of PCI DSS v4.0.1: an assessor has the last word.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from gateways.capability import CardEntry
from ivr.carriers.twilio.signature import with_retry_overrides
from ivr.platform.settings.web_settings import Config


@dataclass(frozen=True, slots=True)
class Mode:
    """One way of taking cards, and what it means."""

    name: str
    by: str
    """The settings, or the capability, that make it so."""
    stores: str
    processes: str
    transmits: str
    web_and_worker: str
    in_scope: str
    questionnaire: str


_OURS = (
    "`pci`: its process, machine, database, key directory and proxy; `web`, which sends callers there, as a "
    "connected system"
)
_NOT_OURS = (
    "none of our processes; access to the settings, the prompts and the carrier's account still matters"
)
_NOBODY = "nobody here"
GATHER_TOKENIZE = Mode(
    name="gather, tokenized",
    by="`CARD_ENTRY=gather`, a gateway that makes tokens",
    stores="`pci`, sealed, for minutes",
    processes="`pci`",
    transmits="carrier to `pci`, `pci` to gateway",
    web_and_worker="token until the payment is final; brand, last four",
    in_scope=_OURS,
    questionnaire="SAQ D",
)
GATHER_AUTHORIZE = Mode(
    name="gather, authorized",
    by="`CARD_ENTRY=gather`, a gateway without tokens",
    stores="`pci`, sealed, for minutes",
    processes="`pci`",
    transmits="carrier to `pci`, `pci` to gateway",
    web_and_worker="authorization until the payment is final; brand, last four",
    in_scope=_OURS,
    questionnaire="SAQ D",
)
PAY = Mode(
    name="pay",
    by="`CARD_ENTRY=pay`",
    stores=_NOBODY,
    processes="the carrier",
    transmits="carrier to gateway, by its connector",
    web_and_worker="token until the payment is final; brand, last four; expiry and postal code in passing",
    in_scope=_NOT_OURS,
    questionnaire="SAQ A",
)
LINK = Mode(
    name="pay link",
    by="a gateway with payment pages of its own",
    stores=_NOBODY,
    processes="the gateway",
    transmits="the payer's browser to the gateway",
    web_and_worker="the gateway's reference; brand and last four, where it tells them",
    in_scope=_NOT_OURS,
    questionnaire="SAQ A",
)
MODES = (GATHER_TOKENIZE, GATHER_AUTHORIZE, PAY, LINK)


class ScopeState(StrEnum):
    """Of something to do, as far as it can be seen from here."""

    DONE = "ok"
    TO_DO = "TO DO"
    YOURS = "yours"
    """Nobody can see it from here."""


@dataclass(frozen=True, slots=True)
class Duty:
    """What the merchant has to do."""

    state: ScopeState
    sentence: str


def mode_of(config: Config, card_entry: CardEntry) -> Mode:
    """How this installation takes cards on the telephone."""
    if config.carrier_takes_cards:
        return PAY
    return GATHER_TOKENIZE if card_entry is CardEntry.TOKENIZE else GATHER_AUTHORIZE


def duties(config: Config, mode: Mode, pci_public_url: str) -> Iterator[Duty]:
    """What is to do for it, the carrier's side first. `pci_public_url` may be empty: web does not need it."""
    yield Duty(
        ScopeState.YOURS,
        "Switch on the carrier's PCI Mode before the first card: it redacts what was keyed from its own "
        "logs. It cannot be undone, so use a separate account (a subaccount) for these calls.",
    )
    yield from _by_carrier(config) if mode is PAY else _by_us(pci_public_url)
    yield _https("PUBLIC_URL", config.public_url)
    yield Duty(
        ScopeState.YOURS,
        "Start no recording, transcription or media stream of these calls, here or at the carrier.",
    )
    if config.line.person_number:
        yield Duty(
            ScopeState.YOURS,
            f"Whoever answers at PERSON_NUMBER ({config.line.person_number}) must not take card numbers by "
            "voice: their line and their room would then be in scope.",
        )


def _by_carrier(config: Config) -> Iterator[Duty]:
    yield Duty(
        ScopeState.YOURS,
        f"Install the carrier's Pay Connector for your gateway's account, under the name "
        f"{config.pay.connector} (PAY_CONNECTOR).",
    )
    fallback = with_retry_overrides(f"{config.public_url}/voice/fallback")
    yield Duty(ScopeState.YOURS, f"Set the number's fallback URL to {fallback}.")
    yield Duty(
        ScopeState.YOURS,
        "Start no PCI process (a Procfile runner takes pci=0), and remove the database and key directory of "
        "an earlier one.",
    )
    yield Duty(
        ScopeState.YOURS,
        "Keep the attestations of the carrier and the gateway, ask for new ones each year (12.8), and "
        "answer SAQ A.",
    )


def _by_us(pci_public_url: str) -> Iterator[Duty]:
    yield Duty(
        ScopeState.YOURS,
        "Run pci on a machine or container of its own, without swap or shell users, its connections "
        "restricted to the gateway, its database and the carrier.",
    )
    fallback = with_retry_overrides(f"{pci_public_url or 'PCI_PUBLIC_URL'}/pci/fallback")
    yield Duty(
        ScopeState.YOURS,
        f"Set the number's fallback URL to {fallback} (a carrier may repeat keyed digits there).",
    )
    if pci_public_url:
        yield _https("PCI_PUBLIC_URL", pci_public_url)
    yield Duty(
        ScopeState.YOURS,
        "Answer SAQ D for the systems in scope, and have them scanned by an approved vendor every three "
        "months (11.3.2).",
    )


def _https(setting: str, url: str) -> Duty:
    if url.lower().startswith("https://"):
        return Duty(ScopeState.DONE, f"{setting} is https.")
    return Duty(
        ScopeState.TO_DO,
        f"Set {setting} to https://...: otherwise what the carrier posts is sent unencrypted.",
    )


_COLUMNS: tuple[tuple[str, Callable[[Mode], str]], ...] = (
    ("mode", lambda mode: mode.name),
    ("by", lambda mode: mode.by),
    ("stores whole cards", lambda mode: mode.stores),
    ("processes", lambda mode: mode.processes),
    ("transmits", lambda mode: mode.transmits),
    ("`web`, `worker` and their database hold", lambda mode: mode.web_and_worker),
    ("in scope", lambda mode: mode.in_scope),
    ("questionnaire", lambda mode: mode.questionnaire),
)


def markdown() -> str:
    """The table of docs/pci.md."""
    rows = [
        [name for name, _ in _COLUMNS],
        ["---"] * len(_COLUMNS),
        *([read(mode) for _, read in _COLUMNS] for mode in MODES),
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
