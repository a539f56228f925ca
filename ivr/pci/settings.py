"""The settings of the PCI process, read once at boot. The web process has a list of its own in
`ivr.platform.settings.config`.

Production refuses plain http, the sandbox, a short secret, and a key directory that a disk would keep. The
two lists share names, never code: an assessor can read this one by itself.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateways.secret import Secret
from ivr.pci.key_directory import is_in_memory
from ivr.pci.keys import GENERATION_S, LIFE_S
from ivr.pci.tokenizers import GATEWAYS
from ivr.platform.database.url import database_url
from ivr.platform.settings import shared as shared_settings
from ivr.platform.settings.declaration import (
    Setting,
    SettingsError,
    own_secrets,
    read_all,
    text,
    url,
    whole,
)
from ivr.platform.settings.weak_secrets import used_twice

_STRIPE_KEY = re.compile(r"(?:sk|rk)_(test|live)_.")

ALL: tuple[Setting[Any], ...] = (
    shared_settings.ENVIRONMENT,
    Setting(
        "PCI_DATABASE_URL",
        "The PCI process's own database, for sealed card entries: sqlite:///file or "
        "postgresql://user:password@host/name.",
        database_url,
        has_password=True,
        unless=shared_settings.BY_CARRIER,
    ),
    Setting(
        "PCI_PUBLIC_URL",
        "The URL at which the carrier reaches the PCI process.",
        url,
        unless=shared_settings.BY_CARRIER,
    ),
    shared_settings.PUBLIC_URL,
    shared_settings.INTERNAL_SECRET,
    shared_settings.TWILIO_ACCOUNT_SID,
    shared_settings.TWILIO_AUTH_TOKEN,
    Setting(
        "PCI_KEY_DIRECTORY",
        "A directory in memory (tmpfs) for keys that live for minutes, shared by the PCI processes of a "
        "machine.",
        text,
        "/dev/shm/paybycall-pci-keys",  # noqa: S108 - made with mode 700, and refused where it is not ours
    ),
    Setting(
        "PCI_KEY_GENERATION_S",
        "How long one key-encryption key is used to seal, in seconds.",
        whole(1),
        str(GENERATION_S),
    ),
    Setting(
        "PCI_KEY_LIFE_S",
        "How old a key-encryption key is when it is destroyed, in seconds: twice PCI_KEY_GENERATION_S or "
        "more.",
        whole(2),
        str(LIFE_S),
    ),
    Setting(
        "PCI_WORKER_LIFE_S",
        "How many seconds after a worker first took a card digit it is replaced, so that its memory is "
        "freed.",
        whole(1),
        "900",
    ),
    Setting("PCI_GATEWAY_THREADS", "How many cards one process sends to the gateway at once.", whole(1), "8"),
    Setting(
        "PCI_FINGERPRINT_KEY",
        "The key of card fingerprints, which tell cards apart without storing them: 32 random characters "
        "or more, used "
        "for nothing else. While it is rotated: two, separated by a comma. Empty (in development only): "
        "derived from "
        "INTERNAL_SECRET.",
        own_secrets,
        "",
        secret=True,
    ),
    Setting("PCI_COUNT_WINDOW_H", "For how many hours a tried card is counted.", whole(1), "24"),
    Setting("PCI_LOCK_OUT_H", "How many hours the lockout of a card or a BIN lasts.", whole(1), "24"),
    Setting(
        "PCI_CARD_DECLINES_MAX",
        "How many times one card may be declined before it is no longer sent to the gateway.",
        whole(1),
        "5",
    ),
    Setting(
        "PCI_CARD_TRIES_MAX", "How many times one card may be tried, approved or declined.", whole(1), "20"
    ),
    Setting(
        "PCI_BIN_DECLINES_MAX",
        "How many cards of one BIN may be declined, where at least two of three are declined.",
        whole(1),
        "20",
    ),
    Setting(
        "PCI_RECORDINGS",
        "A TOML file that lists recorded card-entry prompts. Empty: every prompt is spoken by the "
        "carrier's voice.",
        text,
        "",
    ),
    shared_settings.PERSON_NUMBER,
    shared_settings.SAY_LANGUAGE,
    shared_settings.SAY_VOICE,
    shared_settings.GATEWAY,
    shared_settings.SANDBOX_URL,
    shared_settings.STRIPE_API_KEY,
    shared_settings.STRIPE_API_BASE,
    shared_settings.STRIPE_MOTO,
    shared_settings.LOG_LEVEL,
    shared_settings.METRICS_TOKEN,
)


@dataclass(frozen=True, slots=True)
class PciConfig:
    """Every setting of the PCI process, typed. See `paybycall config` for what each means."""

    environment: str
    database_url: str = field(repr=False)
    """May hold a password."""
    pci_public_url: str
    public_url: str
    internal_secrets: tuple[Secret, ...]
    twilio_account_sid: str
    twilio_auth_tokens: tuple[Secret, ...]
    key_directory: Path
    key_generation_s: int
    key_life_s: int
    worker_life_s: int
    gateway_threads: int
    fingerprint_keys: tuple[Secret, ...]
    count_window_h: int
    lockout_h: int
    card_declines_max: int
    card_tries_max: int
    bin_declines_max: int
    recordings: str
    person_number: str
    say_language: Mapping[str, str]
    say_voice: Mapping[str, str]
    gateway: str
    gateway_settings: Mapping[str, Any]
    """The settings whose names begin with the gateway's, as its `tokenize.from_settings` takes them."""
    log_level: str
    metrics_token: Secret

    @property
    def in_production(self) -> bool:
        return self.environment == "production"


def load(environ: Mapping[str, str], *, mounts: Path = Path("/proc/mounts")) -> PciConfig:
    """The settings out of the environment; raises SettingsError with a sentence for each fault."""
    values = read_all(ALL, environ)
    prefix = values["GATEWAY"].upper() + "_"
    config = PciConfig(
        environment=values["ENVIRONMENT"],
        database_url=values["PCI_DATABASE_URL"],
        pci_public_url=values["PCI_PUBLIC_URL"],
        public_url=values["PUBLIC_URL"],
        internal_secrets=values["INTERNAL_SECRET"],
        twilio_account_sid=values["TWILIO_ACCOUNT_SID"],
        twilio_auth_tokens=values["TWILIO_AUTH_TOKEN"],
        key_directory=Path(values["PCI_KEY_DIRECTORY"]),
        key_generation_s=values["PCI_KEY_GENERATION_S"],
        key_life_s=values["PCI_KEY_LIFE_S"],
        worker_life_s=values["PCI_WORKER_LIFE_S"],
        gateway_threads=values["PCI_GATEWAY_THREADS"],
        fingerprint_keys=values["PCI_FINGERPRINT_KEY"] or _derived(values["INTERNAL_SECRET"]),
        count_window_h=values["PCI_COUNT_WINDOW_H"],
        lockout_h=values["PCI_LOCK_OUT_H"],
        card_declines_max=values["PCI_CARD_DECLINES_MAX"],
        card_tries_max=values["PCI_CARD_TRIES_MAX"],
        bin_declines_max=values["PCI_BIN_DECLINES_MAX"],
        recordings=values["PCI_RECORDINGS"],
        person_number=values["PERSON_NUMBER"],
        say_language=values["SAY_LANGUAGE"],
        say_voice=values["SAY_VOICE"],
        gateway=values["GATEWAY"],
        gateway_settings={name: value for name, value in values.items() if name.startswith(prefix)},
        log_level=values["LOG_LEVEL"],
        metrics_token=values["METRICS_TOKEN"],
    )
    faults = _faults(config)
    if config.in_production:
        faults += _faults_in_production(config, mounts)
        if not values["PCI_FINGERPRINT_KEY"]:
            faults.append("Set PCI_FINGERPRINT_KEY: 32 random characters or more, used for nothing else.")
    if faults:
        raise SettingsError("\n".join(faults))
    return config


def _faults(config: PciConfig) -> list[str]:
    """What each setting alone cannot show."""
    faults = used_twice(
        {
            "INTERNAL_SECRET": config.internal_secrets,
            "METRICS_TOKEN": config.metrics_token,
            "TWILIO_AUTH_TOKEN": config.twilio_auth_tokens,
            "STRIPE_API_KEY": config.gateway_settings.get("STRIPE_API_KEY", ()),
            "PCI_FINGERPRINT_KEY": config.fingerprint_keys,
        }
    )
    if not config.internal_secrets:
        faults.append("Set INTERNAL_SECRET: requests between web and PCI are signed with it.")
    if not config.twilio_auth_tokens:
        faults.append("Set TWILIO_AUTH_TOKEN: the carrier's requests are checked with it.")
    if config.key_life_s < 2 * config.key_generation_s:
        faults.append(
            f"PCI_KEY_LIFE_S is '{config.key_life_s}'; it must be twice PCI_KEY_GENERATION_S or more, so "
            f"that a "
            f"key outlives what it sealed."
        )
    if config.gateway not in GATEWAYS:
        faults.append(f"GATEWAY is {config.gateway!r}; it must be {' or '.join(GATEWAYS)}.")
    return faults + (_stripe_faults(config) if config.gateway == "stripe" else [])


def _stripe_faults(config: PciConfig) -> list[str]:
    """A key of the wrong kind sends real cards to a test, or test cards to a real account."""
    key = _STRIPE_KEY.match(config.gateway_settings["STRIPE_API_KEY"].reveal())
    if key is None:
        return ["STRIPE_API_KEY must be a secret key (sk_...) or a restricted key (rk_...) of the account."]
    if key[1] != ("live" if config.in_production else "test"):
        wanted = (
            "in production it must be a live key"
            if config.in_production
            else "in development it must be a test key"
        )
        return [f"STRIPE_API_KEY is a {key[1]} key; {wanted}."]
    return []


def _derived(secrets_given: tuple[Secret, ...]) -> tuple[Secret, ...]:
    """In development, where no fingerprint outlives a test card."""
    return tuple(Secret(f"fingerprints {one.reveal()}") for one in secrets_given)


def _faults_in_production(config: PciConfig, mounts: Path) -> list[str]:
    urls = {"PCI_PUBLIC_URL": config.pci_public_url, "PUBLIC_URL": config.public_url}
    if config.gateway != "sandbox":  # which is refused anyway
        urls |= {name: value for name, value in config.gateway_settings.items() if isinstance(value, str)}
    faults = [
        f"{name} is {value!r}; it must begin with https:// in production."
        for name, value in urls.items()
        if value.startswith("http://")
    ]
    if config.gateway == "sandbox":
        faults.append("GATEWAY is 'sandbox'; it must be a real gateway in production.")
    try:
        mounted = mounts.read_text(encoding="utf-8")
    except OSError:
        mounted = ""
    if not is_in_memory(config.key_directory, mounted):
        faults.append(
            f"PCI_KEY_DIRECTORY is '{config.key_directory}'; it must be a directory in memory (tmpfs), "
            f"such as one "
            f"under /dev/shm, because a disk would keep the keys."
        )
    return faults
