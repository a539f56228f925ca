"""A gateway's settings stand in its folder alone: one dropped in from outside is listed, checked and used."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import gateways
from gateways import registry
from ivr.cli import main
from ivr.cli.config import every_setting
from ivr.platform.settings.reading import SettingsError
from ivr.platform.settings.web_settings import load_config
from tests.ivr.platform.settings.test_web_settings import DEVELOPMENT, PAY, PRODUCTION

SETTINGS = """
from collections.abc import Iterator
from dataclasses import dataclass

from gateways.secret import Secret
from gateways.setting_readers import secret, url
from gateways.settings import GatewaySettings, number, setting


@dataclass(frozen=True, slots=True)
class PiggyBankSettings(GatewaySettings):
    api_key: Secret = setting("PIGGYBANK_API_KEY", "The key of the piggy bank.", secret, "", secret=True)
    api_base: str = setting(
        "PIGGYBANK_API_BASE", "Where it stands.", url, "https://piggy.example", needs_tls=True
    )
    coins_max: int = number("PIGGYBANK_COINS_MAX", "How many coins it takes.", 100)

    def faults(self, *, in_production: bool) -> Iterator[str]:
        if not self.api_key:
            yield "Set PIGGYBANK_API_KEY: the piggy bank is locked."


SETTINGS = PiggyBankSettings
"""
ADAPTER = """
from types import SimpleNamespace


def from_settings(settings):
    return SimpleNamespace(name="piggybank", coins_max=settings.coins_max)
"""


@pytest.fixture(autouse=True)
def piggybank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "piggybank"
    folder.mkdir()
    for name, text in (("settings", SETTINGS), ("adapter", ADAPTER), ("__init__", "")):
        (folder / f"{name}.py").write_text(text)
    monkeypatch.setattr(gateways, "__path__", [*gateways.__path__, str(tmp_path)])
    for name in ("gateways.piggybank", "gateways.piggybank.settings", "gateways.piggybank.adapter"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def faults(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        load_config(environ)
    return str(refused.value).splitlines()


USED = {"GATEWAY": "piggybank", "PIGGYBANK_API_KEY": "hush"}


def test_its_settings_are_listed() -> None:
    listed = {one.setting.name: one for one in every_setting()}
    assert listed["PIGGYBANK_COINS_MAX"].processes == "web and worker"
    shown = CliRunner().invoke(main, ["config"], env=USED).output
    assert "PIGGYBANK_COINS_MAX = 100, the default\n    How many coins it takes. (web and worker)" in shown
    assert "PIGGYBANK_API_KEY = (a secret, set)" in shown


def test_each_of_them_is_checked_whichever_gateway_is_used() -> None:
    assert faults(DEVELOPMENT | {"PIGGYBANK_COINS_MAX": "many"}) == [
        "PIGGYBANK_COINS_MAX is 'many'; it must be a whole number, 1 or more."
    ]


def test_its_own_rule_is_told_where_it_is_used() -> None:
    assert faults(DEVELOPMENT | {"GATEWAY": "piggybank"}) == [
        "Set PIGGYBANK_API_KEY: the piggy bank is locked."
    ]
    assert load_config(DEVELOPMENT).gateway == "sandbox"


def test_the_rules_for_every_gateway_hold_for_it() -> None:
    assert faults(PRODUCTION | USED | {"PIGGYBANK_API_BASE": "http://piggy.example"}) == [
        "PIGGYBANK_API_BASE is 'http://piggy.example'; it must begin with https:// in production."
    ]
    [told] = faults(DEVELOPMENT | USED | PAY)
    assert told == (
        "CARD_ENTRY is 'pay'; set it to gather, or set GATEWAY to stripe or sandbox, for which the carrier "
        "has a connector."
    )
    [told] = faults(DEVELOPMENT | {"PIGGYBANK_API_KEY": DEVELOPMENT["INTERNAL_SECRET"]})
    assert told == (
        "INTERNAL_SECRET and PIGGYBANK_API_KEY have the same value; each must have its own: make one with "
        "`openssl rand -hex 32`."
    )


def test_its_adapter_is_set_up_from_them() -> None:
    config = load_config(DEVELOPMENT | USED | {"PIGGYBANK_COINS_MAX": "7"})
    made = registry.adapter(config.gateway, config.gateway_settings)
    assert (made.name, vars(made)["coins_max"]) == ("piggybank", 7)
