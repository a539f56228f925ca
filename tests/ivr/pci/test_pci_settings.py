"""The PCI process refuses what cannot work, with a sentence for each fault."""

from pathlib import Path

import pytest

from gateways.sandbox.settings import SandboxCardSettings
from gateways.settings import settings_of
from ivr.pci.settings import PciConfig, load_pci_config
from ivr.platform.settings.reading import SettingsError
from ivr.platform.settings.web_settings import Config
from tests.support.card_entry import INTERNAL_SECRET, environment

MEMORY = "tmpfs /dev/shm tmpfs rw 0 0\n/dev/vda1 / ext4 rw 0 0\n"


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    path = tmp_path / "mounts"
    path.write_text(MEMORY)
    return path


def production(folder: Path, **changes: str) -> dict[str, str]:
    real = {
        "ENVIRONMENT": "production",
        "GATEWAY": "stripe",
        "STRIPE_API_KEY": "sk_live_1",
        "PCI_FINGERPRINT_KEY": "a4863b5e0f1c7d8a92e35b41f0c7e9d2",
        "PCI_KEY_DIRECTORY": "/dev/shm/paybycall-test-keys",  # noqa: S108 - named only, never made
    }
    return environment(folder) | real | changes


def test_settings_that_fit_are_read(tmp_path: Path) -> None:
    loaded = load_pci_config(environment(tmp_path, SAY_VOICE="en=Polly.Amy"))
    assert loaded.gateway_settings == SandboxCardSettings("http://127.0.0.1:8099")
    assert loaded.say_voice == {"en": "Polly.Amy"}
    assert (loaded.key_generation_s, loaded.key_life_s) == (300, 900)
    assert "carrier-token" not in repr(loaded)
    with_password = load_pci_config(
        environment(tmp_path, PCI_DATABASE_URL="postgresql://me:db-pass@host/pci")
    )
    assert "db-pass" not in repr(with_password)


def test_what_is_missing_is_told_all_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_pci_config({})
    told = str(caught.value)
    for name in (
        "PCI_DATABASE_URL",
        "PCI_PUBLIC_URL",
        "PUBLIC_URL",
        "INTERNAL_SECRET",
        "TWILIO_AUTH_TOKEN",
        "GATEWAY",
    ):
        assert f"Set {name}" in told


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"PCI_KEY_LIFE_S": "500"}, "PCI_KEY_LIFE_S is '500'; it must be twice"),
        ({"PCI_KEY_GENERATION_S": "0"}, "PCI_KEY_GENERATION_S is '0'; it must be a whole number, 1 or more"),
        ({"PCI_GATEWAY_THREADS": "0"}, "PCI_GATEWAY_THREADS is '0'; it must be a whole number, 1 or more"),
        ({"INTERNAL_SECRET": "short-and-sweet"}, "INTERNAL_SECRET must be 32 random characters or more"),
        ({"METRICS_TOKEN": "a"}, "METRICS_TOKEN must be 32 random characters or more"),
        ({"PCI_FINGERPRINT_KEY": "f" * 32}, "PCI_FINGERPRINT_KEY must be random"),
        (
            {"PCI_FINGERPRINT_KEY": INTERNAL_SECRET.reveal()},
            "INTERNAL_SECRET and PCI_FINGERPRINT_KEY have the same value",
        ),
        ({"PCI_DATABASE_URL": "postgresql://pci:p@ss@db/pci"}, "PCI_DATABASE_URL must have @ only once"),
        ({"GATEWAY": "nobody"}, "GATEWAY is 'nobody'; it must be"),
        ({"INTERNAL_SECRET": ","}, "INTERNAL_SECRET must be a secret"),
        ({"TWILIO_AUTH_TOKEN": ","}, "TWILIO_AUTH_TOKEN must be a secret"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path: Path, changes: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence) as caught:
        load_pci_config(environment(tmp_path, **changes))
    assert not any(
        word in str(caught.value) for word in ("short-and-sweet", "p@ss", INTERNAL_SECRET.reveal())
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"PCI_PUBLIC_URL": "http://pci.example.com"}, "PCI_PUBLIC_URL is .*must begin with https"),
        ({"PUBLIC_URL": "http://pay.example.com"}, "PUBLIC_URL is .*must begin with https"),
        ({"STRIPE_API_BASE": "http://gateway.example.com"}, "STRIPE_API_BASE is .*must begin with https"),
        ({"GATEWAY": "sandbox"}, "must be a real gateway in production"),
        ({"PCI_KEY_DIRECTORY": "/var/lib/keys"}, "PCI_KEY_DIRECTORY is .*in memory"),
        ({"PCI_FINGERPRINT_KEY": ""}, "Set PCI_FINGERPRINT_KEY"),
    ],
)
def test_production_refuses_what_development_takes(
    tmp_path: Path, mounts: Path, changes: dict[str, str], sentence: str
) -> None:
    load_pci_config(production(tmp_path), mounts=mounts)
    development = {"ENVIRONMENT": "development", "STRIPE_API_KEY": "sk_test_1"}
    load_pci_config(production(tmp_path, **development, **changes), mounts=mounts)
    with pytest.raises(SettingsError, match=sentence):
        load_pci_config(production(tmp_path, **changes), mounts=mounts)


@pytest.mark.parametrize(
    ("environment", "key"),
    [
        ("production", "sk_test_1"),
        ("production", ""),
        ("production", "pk_live_1"),
        ("development", "rk_live_1"),
    ],
)
def test_a_stripe_key_of_the_wrong_kind_is_refused_and_not_repeated(
    tmp_path: Path, mounts: Path, environment: str, key: str
) -> None:
    with pytest.raises(SettingsError, match=r"STRIPE_API_KEY (is|must)") as caught:
        load_pci_config(production(tmp_path, ENVIRONMENT=environment, STRIPE_API_KEY=key), mounts=mounts)
    assert not key or key not in str(caught.value)


def test_without_a_list_of_mounts_nothing_counts_as_memory(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"PCI_KEY_DIRECTORY is .*in memory"):
        load_pci_config(production(tmp_path), mounts=tmp_path / "none")


def test_names_shared_with_the_web_process_mean_the_same_in_both() -> None:
    web = {setting.name: setting for setting in settings_of(Config)}
    shared = [setting for setting in settings_of(PciConfig) if setting.name in web]
    assert len(shared) > 5
    for setting in shared:
        assert setting is web[setting.name], "both lists take it from ivr.platform.settings.shared"
