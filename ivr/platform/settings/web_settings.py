"""The settings of web and worker, each declared once with its name, its reader, its default and a sentence.

`load_config` reads them when a process starts, and refuses those that cannot work: better a process that does
not start than a caller who hears the fault. The PCI process has its own in `ivr.pci.settings`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gateways import registry
from gateways.secret import Secret
from gateways.setting_readers import one_of, secrets, text, url, yes_or_no
from gateways.settings import (
    GatewaySettings,
    Setting,
    Values,
    field_of,
    number,
    section,
    setting,
    settings_of,
    with_values,
)
from ivr.platform.database.url import database_url
from ivr.platform.settings import shared
from ivr.platform.settings.fraud import FraudSettings
from ivr.platform.settings.line import E164, LineSettings
from ivr.platform.settings.pay_verb import PaySettings
from ivr.platform.settings.reading import read_settings, wrong

LINK_MINUTES = (30, 1430)
"""Gateways allow a day at most, by their own clock: ten minutes are left for clocks that differ."""
_ACCOUNT = re.compile(r"AC[0-9a-f]{32}")
_SENDERS = (
    E164,
    re.compile(r"MG[0-9a-f]{32}"),
    re.compile(r"[0-9]{3,8}"),
    re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}"),
)
"""A number, a messaging service, a short code, a name of letters."""


def url_with_query(value: str) -> str:
    """A URL to which something is posted; it may have a query. Empty text is none."""
    given = value.strip()
    if not given:
        return ""
    base, _, query = given.partition("?")
    scheme, separator, rest = base.partition("://")
    url(scheme.lower() + separator + rest)
    if not (given.isascii() and given.isprintable()) or " " in query or "#" in query:
        raise ValueError("must be percent-encoded")
    return given


def gateways() -> dict[str, type[GatewaySettings]]:
    """What each gateway declares, by the gateway's name."""
    return {name: registry.settings(name) for name in registry.names()}


def gateway_list() -> tuple[Setting[Any], ...]:
    """The settings of every gateway."""
    return tuple(one for kind in gateways().values() for one in settings_of(kind))


def gateway_settings(name: str, values: Values) -> GatewaySettings:
    """Those of this gateway."""
    return with_values(gateways().get(name, shared.NoSettings), values)


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting of web and worker, typed."""

    environment: str = field_of(shared.ENVIRONMENT)
    database_url: str = setting(
        "DATABASE_URL",
        "The database of bills, calls and payments: sqlite:///file or postgresql://user:password@host/name.",
        database_url,
        has_password=True,
    )
    public_url: str = field_of(shared.PUBLIC_URL)
    pci_internal_url: str = setting(
        "PCI_INTERNAL_URL",
        "The URL at which web reaches the PCI process, in your own network.",
        url,
        unless=shared.BY_CARRIER,
    )
    internal_secrets: tuple[Secret, ...] = field_of(shared.INTERNAL_SECRET)
    log_level: str = field_of(shared.LOG_LEVEL)
    metrics_token: Secret = field_of(shared.METRICS_TOKEN)
    metrics_dir: str = setting(
        "PROMETHEUS_MULTIPROC_DIR",
        "A directory for nothing else, emptied before each start, where several web workers add up their "
        "metrics. Empty: each answers /metrics with its own.",
        text,
        "",
    )
    twilio_account_sid: str = field_of(shared.TWILIO_ACCOUNT_SID)
    twilio_auth_tokens: tuple[Secret, ...] = field_of(shared.TWILIO_AUTH_TOKEN)
    twilio_api_base: str = setting(
        "TWILIO_API_BASE", "The URL of the carrier's REST API.", url, "https://api.twilio.com", needs_tls=True
    )
    card_entry: str = setting(
        "CARD_ENTRY",
        "Who takes card numbers: gather is our PCI process; pay is the carrier, by its Pay verb.",
        one_of("gather", "pay"),
        "gather",
    )
    pay: PaySettings = section(PaySettings)
    line: LineSettings = section(LineSettings)
    guesses_max: int = number(
        "GUESSES_MAX", "How many unknown references one caller's number may try in 24 hours.", 10
    )
    guesses_max_withheld: int = number(
        "GUESSES_MAX_WITHHELD",
        "How many unknown references all withheld and forged numbers together may try in 24 hours.",
        200,
    )
    gateway: str = field_of(shared.GATEWAY)
    gateway_settings: GatewaySettings = shared.gateway_field(gateways)
    saved_cards: bool = setting(
        "SAVED_CARDS",
        "Whether callers may save their card at the gateway for their next payment: yes or no.",
        yes_or_no,
        "no",
    )
    link_expires_min: int = number(
        "LINK_EXPIRES_MIN",
        "How long a texted payment link can be paid, in minutes: 30 to 1430.",
        60,
        *LINK_MINUTES,
    )
    channel: str = setting(
        "CHANNEL",
        "How confirmations are sent: sms, or console in development.",
        one_of("sms", "console"),
        "sms",
    )
    sms_from: str = setting(
        "SMS_FROM",
        "The sender of texts: a number in E.164 form, a short code, a name, or a messaging service (MG...).",
        text,
        "",
    )
    bill_lookup_url: str = setting(
        "BILL_LOOKUP_URL",
        "The URL of the merchant's own bill look-up, asked for a reference that is not in our database. "
        "Empty: none.",
        url_with_query,
        "",
        needs_tls=True,
    )
    outcome_url: str = setting(
        "OUTCOME_URL",
        "The URL to which every payment is reported. Empty: none is.",
        url_with_query,
        "",
        needs_tls=True,
    )
    merchant_secrets: tuple[Secret, ...] = setting(
        "MERCHANT_SECRET",
        "Signs what we post to BILL_LOOKUP_URL and OUTCOME_URL: 32 random characters or more. While it is "
        "rotated: two, separated by a comma.",
        secrets,
        "",
        secret=True,
        strong=True,
    )
    fraud: FraudSettings = section(FraudSettings)

    @property
    def in_production(self) -> bool:
        return self.environment == "production"

    @property
    def carrier_takes_cards(self) -> bool:
        return self.card_entry == "pay"

    def faults(self) -> Iterator[str]:
        """What one setting alone cannot show."""
        if self.metrics_dir and not Path(self.metrics_dir).is_dir():
            must = "be a directory that exists, or be left unset"
            yield wrong("PROMETHEUS_MULTIPROC_DIR", self.metrics_dir, must)
        yield from self.line.faults(in_production=self.in_production)
        yield from shared.gateway_faults(
            self.gateway, gateways(), self.gateway_settings, in_production=self.in_production
        )
        if self.sms_from and not any(pattern.fullmatch(self.sms_from) for pattern in _SENDERS):
            must = "be a number in E.164 form, a short code, a name of up to 11 letters, or a service (MG...)"
            yield wrong("SMS_FROM", self.sms_from, must)
        if self.channel == "sms" and not self.sms_from:
            yield (
                "Set SMS_FROM: the number that texts payers; in development, CHANNEL=console works without "
                "it."
            )
        if (self.bill_lookup_url or self.outcome_url) and not self.merchant_secrets:
            yield "Set MERCHANT_SECRET: what we post to BILL_LOOKUP_URL and OUTCOME_URL is signed with it."
        if self.carrier_takes_cards:
            yield from self._pay_faults()
        if self.in_production:
            yield from self._production_faults()

    def _pay_faults(self) -> Iterator[str]:
        """The carrier's Pay verb makes tokens, for the gateways that it has a connector for."""
        if not self.gateway_settings.has_connector:
            known = gateways()
            connected = [name for name, kind in known.items() if kind.has_connector]
            connected.sort(key=lambda name: not known[name].is_live)
            yield (
                f"CARD_ENTRY is 'pay'; set it to gather, or set GATEWAY to {' or '.join(connected)}, for "
                "which the carrier has a connector."
            )
        elif (card_entry := self.gateway_settings.card_entry) != "tokenize":
            name = f"{self.gateway.upper()}_CARD_ENTRY"
            yield wrong(name, card_entry, "be tokenize while CARD_ENTRY is pay")
        yield from self.pay.faults(self.line.languages)

    def _production_faults(self) -> Iterator[str]:
        if not self.carrier_takes_cards and _leaves_the_machine(self.pci_internal_url):
            must = "begin with https:// or name a loopback address, because card tokens are sent to it"
            yield wrong("PCI_INTERNAL_URL", self.pci_internal_url, must)
        if not _ACCOUNT.fullmatch(self.twilio_account_sid):
            must = "be AC and 32 hexadecimal digits, as the carrier's console shows it"
            yield wrong("TWILIO_ACCOUNT_SID", self.twilio_account_sid, must)
        if self.channel == "console":
            yield wrong("CHANNEL", self.channel, "be sms in production")


def load_config(environ: Mapping[str, str]) -> Config:
    """The settings out of the environment; raises SettingsError with a sentence for each fault."""
    return read_settings(Config, environ, Config.faults)


def _leaves_the_machine(url: str) -> bool:
    """Whether plain http would cross a network."""
    parts = urlsplit(url)
    return parts.scheme.lower() == "http" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}
