"""The settings of the PCI process, read once at boot. The web process has a list of its own in `ivr.config`.

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
from ivr.settings import Setting, SettingsError, mapping, one_of, read_all, secret, secrets, text, url, whole

SECRET_LENGTH_MIN = 32
_STRIPE_KEY = re.compile(r"(?:sk|rk)_(test|live)_.")
BY_CARRIER = ("CARD_ENTRY", "pay")
"""Where the carrier takes the cards, this process is not started, and nothing of it need be set."""

ALL: tuple[Setting[Any], ...] = (
    Setting("ENVIRONMENT", "development or production.", one_of("development", "production"), "production"),
    Setting(
        "PCI_DATABASE_URL",
        "Where sealed card entries wait, for no other process to open: sqlite:///file or postgresql://...",
        text,
        unless=BY_CARRIER,
    ),
    Setting(
        "PCI_PUBLIC_URL",
        "The URL under which the carrier reaches the PCI process.",
        url,
        unless=BY_CARRIER,
    ),
    Setting("PUBLIC_URL", "The URL under which the carrier reaches the web process.", url),
    Setting(
        "INTERNAL_SECRET",
        "Signs requests between web and PCI: the same in both, 32 random characters or more.",
        secrets,
        secret=True,
        unless=BY_CARRIER,
        absent=(),
    ),
    Setting("TWILIO_ACCOUNT_SID", "The carrier account, AC...", text),
    Setting(
        "TWILIO_AUTH_TOKEN",
        "Its auth token; two, separated by a comma, while one is rotated.",
        secrets,
        secret=True,
    ),
    Setting(
        "PCI_KEY_DIRECTORY",
        "Where keys live for minutes: a directory in memory, shared by the PCI processes of a machine.",
        text,
        "/dev/shm/paybycall-pci-keys",  # noqa: S108 - made with mode 700, and refused where it is not ours
    ),
    Setting(
        "PCI_KEY_GENERATION_S", "How long one key-encryption key seals, in seconds.", whole, str(GENERATION_S)
    ),
    Setting(
        "PCI_KEY_LIFE_S",
        "When a key-encryption key is destroyed, in seconds from its birth.",
        whole,
        str(LIFE_S),
    ),
    Setting(
        "PCI_WORKER_LIFE_S",
        "How many seconds after it first heard a key a worker is replaced, and its memory given back.",
        whole,
        "900",
    ),
    Setting("PCI_GATEWAY_THREADS", "How many cards one process sends to the gateway at once.", whole, "8"),
    Setting(
        "PCI_FINGERPRINT_KEY",
        "Tells cards apart without saying which they are: 32 random characters or more, of its own; two, "
        "separated by a comma, while one is rotated. Empty in development: derived from INTERNAL_SECRET.",
        secrets,
        "",
        secret=True,
    ),
    Setting("PCI_COUNT_WINDOW_H", "For how many hours a tried card counts.", whole, "24"),
    Setting("PCI_LOCK_OUT_H", "How many hours the lock-out of a card or a BIN lasts.", whole, "24"),
    Setting("PCI_CARD_DECLINES_MAX", "How often one card may be declined; then it is not sent.", whole, "5"),
    Setting("PCI_CARD_TRIES_MAX", "How often one card may be tried, with success too.", whole, "20"),
    Setting(
        "PCI_BIN_DECLINES_MAX",
        "How many cards of one BIN may be declined, where they are two of three or more.",
        whole,
        "20",
    ),
    Setting(
        "PCI_RECORDINGS", "A TOML file of recorded card-entry prompts; empty: all are synthesized.", text, ""
    ),
    Setting("PERSON_NUMBER", "Whom `0` rings, in E.164; empty: nobody.", text, ""),
    Setting("SAY_LANGUAGE", "The carrier's language tag for each language.", mapping, "en=en-GB,es=es-ES"),
    Setting(
        "SAY_VOICE",
        "The carrier's voice for each language. Set neural ones: with none, the carrier's old voice speaks: "
        "en=Polly.Amy-Neural,es=Polly.Lucia-Neural.",
        mapping,
        "",
    ),
    Setting("GATEWAY", "sandbox (development only) or stripe: a folder under gateways/.", text),
    Setting("SANDBOX_URL", "Where the sandbox bank listens.", url, "http://127.0.0.1:8099"),
    Setting(
        "STRIPE_API_KEY",
        "The Stripe account's secret or restricted key: a live one in production, a test one elsewhere.",
        secret,
        "",
        secret=True,
    ),
    Setting("STRIPE_API_BASE", "The Stripe API.", url, "https://api.stripe.com"),
    Setting(
        "STRIPE_MOTO",
        "Whether charges are marked as telephone orders: yes only once Stripe enabled the account for it.",
        one_of("yes", "no"),
        "no",
    ),
    Setting(
        "LOG_LEVEL", "debug, info, warning or error.", one_of("debug", "info", "warning", "error"), "info"
    ),
    Setting(
        "METRICS_TOKEN",
        "The bearer token for /metrics of every process. Empty: nobody may read it in production, and everybody "
        "in development.",
        secret,
        "",
        secret=True,
    ),
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
    lock_out_h: int
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
        lock_out_h=values["PCI_LOCK_OUT_H"],
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
        faults += _faults_of_fingerprints(values["PCI_FINGERPRINT_KEY"], config)
    if faults:
        raise SettingsError("\n".join(faults))
    return config


def _faults(config: PciConfig) -> list[str]:
    """What each setting alone cannot show."""
    faults = []
    if not config.internal_secrets:
        faults.append("Set INTERNAL_SECRET: requests between web and PCI are signed with it.")
    if not config.twilio_auth_tokens:
        faults.append("Set TWILIO_AUTH_TOKEN: the carrier's requests are checked with it.")
    if config.key_generation_s < 1 or config.key_life_s < 2 * config.key_generation_s:
        faults.append(
            "Set PCI_KEY_LIFE_S to twice PCI_KEY_GENERATION_S or more: a key outlives what it sealed."
        )
    if config.gateway not in GATEWAYS:
        faults.append(f"Set GATEWAY to one that takes cards here: {', '.join(GATEWAYS)}.")
    counts = {
        "PCI_WORKER_LIFE_S": config.worker_life_s,
        "PCI_GATEWAY_THREADS": config.gateway_threads,
        "PCI_COUNT_WINDOW_H": config.count_window_h,
        "PCI_LOCK_OUT_H": config.lock_out_h,
        "PCI_CARD_DECLINES_MAX": config.card_declines_max,
        "PCI_CARD_TRIES_MAX": config.card_tries_max,
        "PCI_BIN_DECLINES_MAX": config.bin_declines_max,
    }
    faults += [f"Set {name} to 1 or more." for name, count in counts.items() if count < 1]
    return faults + (_stripe_faults(config) if config.gateway == "stripe" else [])


def _stripe_faults(config: PciConfig) -> list[str]:
    """A key of the wrong kind sends real cards to a test, or test cards to a real account."""
    key = _STRIPE_KEY.match(config.gateway_settings["STRIPE_API_KEY"].reveal())
    if key is None:
        return ["Set STRIPE_API_KEY to a secret key (sk_...) or a restricted one (rk_...) of the account."]
    if key[1] != ("live" if config.in_production else "test"):
        return ["Set STRIPE_API_KEY to a live key in production, and to a test key elsewhere."]
    return []


def _derived(secrets_given: tuple[Secret, ...]) -> tuple[Secret, ...]:
    """In development, where no fingerprint outlives a test card."""
    return tuple(Secret(f"fingerprints {one.reveal()}") for one in secrets_given)


def _faults_of_fingerprints(given: tuple[Secret, ...], config: PciConfig) -> list[str]:
    """In production: a key of its own, and a long one."""
    if not given or any(len(one.reveal()) < SECRET_LENGTH_MIN for one in given):
        return [f"Set PCI_FINGERPRINT_KEY to {SECRET_LENGTH_MIN} random characters or more."]
    if {one.reveal() for one in given} & {one.reveal() for one in config.internal_secrets}:
        return ["Set PCI_FINGERPRINT_KEY to a value of its own: INTERNAL_SECRET is known to other processes."]
    return []


def _faults_in_production(config: PciConfig, mounts: Path) -> list[str]:
    urls = {"PCI_PUBLIC_URL": config.pci_public_url, "PUBLIC_URL": config.public_url}
    if config.gateway != "sandbox":  # which is refused anyway
        urls |= {name: value for name, value in config.gateway_settings.items() if isinstance(value, str)}
    faults = [
        f"Set {name} to a URL that begins with https://: production refuses plain http."
        for name, value in urls.items()
        if value.startswith("http://")
    ]
    if config.gateway == "sandbox":
        faults.append("Set GATEWAY to a real gateway: production refuses the sandbox.")
    if any(len(one.reveal()) < SECRET_LENGTH_MIN for one in config.internal_secrets):
        faults.append(f"Set INTERNAL_SECRET to {SECRET_LENGTH_MIN} random characters or more.")
    try:
        mounted = mounts.read_text(encoding="utf-8")
    except OSError:
        mounted = ""
    if not is_in_memory(config.key_directory, mounted):
        faults.append(
            "Set PCI_KEY_DIRECTORY to a directory in memory (tmpfs), such as one under /dev/shm: "
            "a disk would keep the keys."
        )
    return faults
