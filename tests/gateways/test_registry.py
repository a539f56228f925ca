import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import gateways
from gateways import registry
from gateways.capability import CardEntry
from gateways.sandbox.settings import SandboxSettings
from gateways.secret import Secret
from gateways.settings import UnknownGatewayError

SETTINGS = SandboxSettings("http://127.0.0.1:1", "authorize", Secret(""))


def test_every_folder_with_an_adapter_is_a_gateway_and_nothing_else_is() -> None:
    home = Path(gateways.__file__).parent
    folders = [path.name for path in home.iterdir() if path.is_dir() and path.name != "__pycache__"]

    assert registry.names() == tuple(sorted(folders))
    assert "sandbox" in registry.names()


@pytest.mark.parametrize("name", registry.names())
def test_every_gateway_has_both_sides_and_says_how_to_use_it(name: str) -> None:
    home = Path(gateways.__file__).parent / name

    for side in ("adapter", "tokenize"):
        assert callable(import_module(f"gateways.{name}.{side}").from_settings)
    assert (home / "README.md").is_file()


def test_an_adapter_is_set_up_from_its_settings() -> None:
    gateway = registry.adapter("sandbox", SETTINGS)

    assert gateway.name == "sandbox"
    assert gateway.capabilities.card_entry is CardEntry.AUTHORIZE
    assert not SETTINGS.is_live


@pytest.mark.parametrize("name", ["", "sandbo", "../sandbox", "sandbox.bank", "__pycache__", "contract"])
def test_an_unknown_gateway_is_refused_with_the_list_of_those_there_are(name: str) -> None:
    with pytest.raises(UnknownGatewayError, match="sandbox"):
        registry.adapter(name, SETTINGS)


@pytest.mark.slow
def test_the_web_side_loads_no_tokenizer_and_no_bank() -> None:
    script = """
import sys
from gateways import registry
for name in registry.names():
    __import__(f"gateways.{name}.adapter")
settings = registry.settings("sandbox")("http://127.0.0.1:1", "authorize", None)
registry.adapter("sandbox", settings)
print(*(name for name in sys.modules if name.startswith("gateways.")))
"""
    loaded = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=30
    ).stdout.split()

    assert "gateways.sandbox.adapter" in loaded
    assert not [
        name for name in loaded if name.endswith(".tokenize") or name.startswith("gateways.sandbox.bank")
    ]
