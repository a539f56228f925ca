"""The PCI process refuses what cannot work, with a sentence for each fault."""

from pathlib import Path

import pytest

from ivr import config
from ivr.pci import settings
from ivr.settings import SettingsError
from tests.support.card_entry import environment

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
        "PCI_FINGERPRINT_KEY": "fingerprint-key-of-more-than-32-characters",
        "PCI_KEY_DIRECTORY": "/dev/shm/paybycall-test-keys",  # noqa: S108 - named only, never made
    }
    return environment(folder) | real | changes


def test_settings_that_fit_are_read(tmp_path: Path) -> None:
    loaded = settings.load(environment(tmp_path, SAY_VOICE="en=Polly.Amy"))
    assert loaded.gateway_settings == {"SANDBOX_URL": "http://127.0.0.1:8099"}
    assert loaded.say_voice == {"en": "Polly.Amy"}
    assert (loaded.key_generation_s, loaded.key_life_s) == (300, 900)
    assert "carrier-token" not in repr(loaded)
    with_password = settings.load(environment(tmp_path, PCI_DATABASE_URL="postgresql://me:db-pass@host/pci"))
    assert "db-pass" not in repr(with_password)


def test_what_is_missing_is_told_all_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.load({})
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
        ({"PCI_KEY_LIFE_S": "500"}, "Set PCI_KEY_LIFE_S"),
        ({"PCI_KEY_GENERATION_S": "0"}, "Set PCI_KEY_LIFE_S"),
        ({"PCI_GATEWAY_THREADS": "0"}, "Set PCI_GATEWAY_THREADS"),
        ({"GATEWAY": "nobody"}, "Set GATEWAY"),
        ({"INTERNAL_SECRET": ","}, "Set INTERNAL_SECRET"),
        ({"TWILIO_AUTH_TOKEN": ","}, "Set TWILIO_AUTH_TOKEN"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path: Path, changes: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        settings.load(environment(tmp_path, **changes))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"PCI_PUBLIC_URL": "http://pci.example.com"}, "Set PCI_PUBLIC_URL .*https"),
        ({"PUBLIC_URL": "http://pay.example.com"}, "Set PUBLIC_URL .*https"),
        ({"STRIPE_API_BASE": "http://gateway.example.com"}, "Set STRIPE_API_BASE .*https"),
        ({"GATEWAY": "sandbox"}, "production refuses the sandbox"),
        ({"PCI_KEY_DIRECTORY": "/var/lib/keys"}, "Set PCI_KEY_DIRECTORY"),
        ({"INTERNAL_SECRET": "short-and-sweet"}, "Set INTERNAL_SECRET"),
    ],
)
def test_production_refuses_what_development_takes(
    tmp_path: Path, mounts: Path, changes: dict[str, str], sentence: str
) -> None:
    settings.load(production(tmp_path), mounts=mounts)
    development = {"ENVIRONMENT": "development", "STRIPE_API_KEY": "sk_test_1"}
    settings.load(production(tmp_path, **development, **changes), mounts=mounts)
    with pytest.raises(SettingsError, match=sentence) as caught:
        settings.load(production(tmp_path, **changes), mounts=mounts)
    assert "short-and-sweet" not in str(caught.value)


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
    with pytest.raises(SettingsError, match="Set STRIPE_API_KEY") as caught:
        settings.load(production(tmp_path, ENVIRONMENT=environment, STRIPE_API_KEY=key), mounts=mounts)
    assert not key or key not in str(caught.value)


def test_without_a_list_of_mounts_nothing_counts_as_memory(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Set PCI_KEY_DIRECTORY"):
        settings.load(production(tmp_path), mounts=tmp_path / "none")


def test_names_shared_with_the_web_process_mean_the_same_in_both() -> None:
    web = {setting.name: setting for setting in config.ALL}
    shared = [setting for setting in settings.ALL if setting.name in web]
    assert len(shared) > 5
    for setting in shared:
        there = web[setting.name]
        assert (setting.default, setting.secret, setting.help) == (there.default, there.secret, there.help)
