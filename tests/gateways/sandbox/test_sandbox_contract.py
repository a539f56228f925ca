"""The sandbox, held to the contract in both kinds of card entry, over a real socket."""

import pytest

from gateways.contract import CardEntry
from tests.support.gateway_contract import AuthorizationContract, TokenContract
from tests.support.link_contract import LinkContract
from tests.support.sandbox_bank import RunningBank
from tests.support.sandbox_bench import SandboxBench


class TestSandboxByToken(TokenContract):
    @pytest.fixture
    def bench(self, bank: RunningBank) -> SandboxBench:
        return SandboxBench(bank, CardEntry.TOKENIZE)


class TestSandboxByAuthorization(AuthorizationContract):
    @pytest.fixture
    def bench(self, bank: RunningBank) -> SandboxBench:
        return SandboxBench(bank, CardEntry.AUTHORIZE)


class TestSandboxByLink(LinkContract):
    @pytest.fixture
    def bench(self, bank: RunningBank) -> SandboxBench:
        return SandboxBench(bank, CardEntry.TOKENIZE)
