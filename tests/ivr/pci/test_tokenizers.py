"""The list of what touches a card is whole: a gateway with a `tokenize.py` cannot be forgotten."""

from pathlib import Path

import pytest

import gateways
from gateways.sandbox.settings import SandboxCardSettings
from gateways.settings import UnknownGatewayError
from ivr.pci.tokenizers import GATEWAYS, card_gateway


def test_the_list_has_every_gateway_folder_with_a_tokenize() -> None:
    home = Path(gateways.__path__[0])
    assert set(GATEWAYS) == {path.parent.name for path in home.glob("*/tokenize.py")}


def test_the_sandbox_can_do_both() -> None:
    found = card_gateway("sandbox", SandboxCardSettings("http://127.0.0.1:1"))
    assert found.tokenizer is not None
    assert found.authorizer is not None


def test_an_unknown_gateway_is_told_with_the_list() -> None:
    with pytest.raises(UnknownGatewayError, match="sandbox"):
        card_gateway("nobody", SandboxCardSettings("http://127.0.0.1:1"))
