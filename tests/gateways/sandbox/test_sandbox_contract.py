"""The sandbox, held to the contract in both kinds of card entry, over a real socket."""

import pytest

from gateways.capability import CardEntry
from gateways.contract import Approved
from tests.support.card_entry_contract import AuthorizationContract
from tests.support.link_contract import LinkContract
from tests.support.sandbox_bank import RunningBank
from tests.support.sandbox_harness import SandboxHarness
from tests.support.saved_card_contract import SavedCardContract


class TestSandboxByToken(SavedCardContract):
    @pytest.fixture
    def harness(self, bank: RunningBank) -> SandboxHarness:
        return SandboxHarness(bank, CardEntry.TOKENIZE)

    def test_a_card_that_is_to_be_kept_and_not_saved_yet_pays_once(self, harness: SandboxHarness) -> None:
        token, _ = self.charge_to_keep(harness, "a-1")

        assert not isinstance(self.charge(harness, "b-1", token), Approved)
        assert harness.books("b-1").taken_minor == 0


class TestSandboxByAuthorization(AuthorizationContract):
    @pytest.fixture
    def harness(self, bank: RunningBank) -> SandboxHarness:
        return SandboxHarness(bank, CardEntry.AUTHORIZE)


class TestSandboxByLink(LinkContract):
    @pytest.fixture
    def harness(self, bank: RunningBank) -> SandboxHarness:
        return SandboxHarness(bank, CardEntry.TOKENIZE)
