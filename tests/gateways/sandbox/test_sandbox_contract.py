"""The sandbox, held to the contract in both kinds of card entry, over a real socket."""

import pytest

from gateways.contract import CardEntry
from tests.support.gateway_contract import AuthorizationContract
from tests.support.sandbox_bank import RunningBank
from tests.support.sandbox_bench import SandboxBench
from tests.support.saved_card_contract import SavedCardContract


class TestSandboxByToken(SavedCardContract):
    @pytest.fixture
    def bench(self, bank: RunningBank) -> SandboxBench:
        return SandboxBench(bank, CardEntry.TOKENIZE)


class TestSandboxByAuthorization(AuthorizationContract):
    @pytest.fixture
    def bench(self, bank: RunningBank) -> SandboxBench:
        return SandboxBench(bank, CardEntry.AUTHORIZE)
