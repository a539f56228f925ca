"""The settings of the PCI process, read once when it starts.

Those of web are in `ivr.platform.settings.web_settings`; the ones that both read are declared once, in
`ivr.platform.settings.shared`.

Production refuses plain http, the sandbox, a short secret, and a key directory that a disk would keep.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateways.secret import Secret
from gateways.setting_readers import secrets, text, url
from gateways.settings import GatewaySettings, field_of, number, setting
from ivr.pci.key_directory import is_in_memory
from ivr.pci.keys import GENERATION_S, LIFE_S
from ivr.pci.tokenizers import CARD_SETTINGS
from ivr.platform.database.url import database_url
from ivr.platform.settings import shared
from ivr.platform.settings.reading import read_settings, wrong


@dataclass(frozen=True, slots=True)
class PciConfig:
    """Every setting of the PCI process, typed."""

    environment: str = field_of(shared.ENVIRONMENT)
    database_url: str = setting(
        "PCI_DATABASE_URL",
        "The PCI process's own database, for sealed card entries: sqlite:///file or "
        "postgresql://user:password@host/name.",
        database_url,
        has_password=True,
        unless=shared.BY_CARRIER,
    )
    pci_public_url: str = setting(
        "PCI_PUBLIC_URL",
        "The URL at which the carrier reaches the PCI process.",
        url,
        needs_tls=True,
        unless=shared.BY_CARRIER,
    )
    public_url: str = field_of(shared.PUBLIC_URL)
    internal_secrets: tuple[Secret, ...] = field_of(shared.INTERNAL_SECRET)
    twilio_account_sid: str = field_of(shared.TWILIO_ACCOUNT_SID)
    twilio_auth_tokens: tuple[Secret, ...] = field_of(shared.TWILIO_AUTH_TOKEN)
    key_directory: Path = setting(
        "PCI_KEY_DIRECTORY",
        "A directory in memory (tmpfs) for keys that live for minutes, shared by the PCI processes of a "
        "machine.",
        Path,
        "/dev/shm/paybycall-pci-keys",  # noqa: S108 - made with mode 700, and refused where it is not ours
    )
    key_generation_s: int = number(
        "PCI_KEY_GENERATION_S", "How long one key-encryption key is used to seal, in seconds.", GENERATION_S
    )
    key_life_s: int = number(
        "PCI_KEY_LIFE_S",
        "How old a key-encryption key is when it is destroyed, in seconds: twice PCI_KEY_GENERATION_S or "
        "more.",
        LIFE_S,
        least=2,
    )
    worker_life_s: int = number(
        "PCI_WORKER_LIFE_S",
        "How many seconds after a worker first took a card digit it is replaced, so that its memory is "
        "freed.",
        900,
    )
    gateway_threads: int = number(
        "PCI_GATEWAY_THREADS", "How many cards one process sends to the gateway at once.", 8
    )
    own_fingerprint_keys: tuple[Secret, ...] = setting(
        "PCI_FINGERPRINT_KEY",
        "The key of card fingerprints, which tell cards apart without storing them: 32 random characters or "
        "more, used for nothing else. While it is rotated: two, separated by a comma. Empty (in development "
        "only): derived from INTERNAL_SECRET.",
        secrets,
        "",
        secret=True,
        strong=True,
    )
    count_window_h: int = number("PCI_COUNT_WINDOW_H", "For how many hours a tried card is counted.", 24)
    lockout_h: int = number("PCI_LOCK_OUT_H", "How many hours the lockout of a card or a BIN lasts.", 24)
    card_declines_max: int = number(
        "PCI_CARD_DECLINES_MAX",
        "How many times one card may be declined before it is no longer sent to the gateway.",
        5,
    )
    card_tries_max: int = number(
        "PCI_CARD_TRIES_MAX", "How many times one card may be tried, approved or declined.", 20
    )
    bin_declines_max: int = number(
        "PCI_BIN_DECLINES_MAX",
        "How many cards of one BIN may be declined, where at least two of three are declined.",
        20,
    )
    recordings: str = setting(
        "PCI_RECORDINGS",
        "A TOML file that lists recorded card-entry prompts. Empty: every prompt is spoken by the carrier's "
        "voice.",
        text,
        "",
    )
    person_number: str = field_of(shared.PERSON_NUMBER)
    say_language: Mapping[str, str] = field_of(shared.SAY_LANGUAGE)
    say_voice: Mapping[str, str] = field_of(shared.SAY_VOICE)
    gateway: str = field_of(shared.GATEWAY)
    gateway_settings: GatewaySettings = shared.gateway_field(lambda: CARD_SETTINGS)
    log_level: str = field_of(shared.LOG_LEVEL)
    metrics_token: Secret = field_of(shared.METRICS_TOKEN)

    @property
    def in_production(self) -> bool:
        return self.environment == "production"

    @property
    def fingerprint_keys(self) -> tuple[Secret, ...]:
        """In development no fingerprint outlives a test card: they are derived where none is set."""
        derived = tuple(Secret(f"fingerprints {one.reveal()}") for one in self.internal_secrets)
        return self.own_fingerprint_keys or derived

    def faults(self, mounts: Path) -> Iterator[str]:
        """What one setting alone cannot show. `mounts`: the list of what is mounted where."""
        if not self.internal_secrets:
            yield "Set INTERNAL_SECRET: requests between web and PCI are signed with it."
        if self.key_life_s < 2 * self.key_generation_s:
            must = "be twice PCI_KEY_GENERATION_S or more, so that a key outlives what it sealed"
            yield wrong("PCI_KEY_LIFE_S", str(self.key_life_s), must)
        yield from shared.gateway_faults(
            self.gateway, CARD_SETTINGS, self.gateway_settings, in_production=self.in_production
        )
        if self.in_production:
            if not is_in_memory(self.key_directory, _read(mounts)):
                must = (
                    "be a directory in memory (tmpfs), such as one under /dev/shm, because a disk would keep "
                    "the keys"
                )
                yield wrong("PCI_KEY_DIRECTORY", str(self.key_directory), must)
            if not self.own_fingerprint_keys:
                yield "Set PCI_FINGERPRINT_KEY: 32 random characters or more, used for nothing else."


def load_pci_config(environ: Mapping[str, str], *, mounts: Path = Path("/proc/mounts")) -> PciConfig:
    """The settings out of the environment; raises SettingsError with a sentence for each fault."""
    return read_settings(PciConfig, environ, lambda config: config.faults(mounts))


def _read(mounts: Path) -> str:
    try:
        return mounts.read_text(encoding="utf-8")
    except OSError:
        return ""
