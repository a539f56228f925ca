"""The sandbox on the bench of the contract suite: the real adapter, a real socket, a bank with open books."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from gateways.capability import CardEntry, GatewayVerb
from gateways.contract import PayLink
from gateways.declines import Decline
from gateways.sandbox import client
from gateways.sandbox.adapter import SandboxGateway
from gateways.sandbox.client import BankClient
from gateways.sandbox.tokenize import SandboxTokenizer
from tests.support.gateway_harness import (
    DECLINING,
    FORGET,
    LOOKUP,
    AskedVerb,
    GatewayBooks,
    PlantedBugError,
    card,
)
from tests.support.link_contract import HOUR, LOOKUP_LINK, LinkHarness, order
from tests.support.sandbox_bank import ProcessingTime, RunningBank
from tests.support.time_and_ids import ManualClock

PATHS = {
    GatewayVerb.TOKENIZE: "/tokens",
    GatewayVerb.CHARGE: "/charges",
    GatewayVerb.AUTHORIZE: "/authorizations",
    GatewayVerb.CAPTURE: "/captures",
    GatewayVerb.VOID: "/voids",
    GatewayVerb.REFUND: "/refunds",
    GatewayVerb.SAVE_CARD: "/saved-cards",
    FORGET: "/saved-cards/forgotten",
    GatewayVerb.OPEN_LINK: "/links",
    LOOKUP: "/lookups",
    LOOKUP_LINK: "/link-lookups",
}


class SandboxHarness(LinkHarness):
    declining = DECLINING | {Decline.AUTHENTICATION_REQUIRED: card("4000002500003155")}

    def __init__(self, bank: RunningBank, card_entry: CardEntry) -> None:
        super().__init__()
        self.bank = bank
        self._card_entry = card_entry
        self._speak_with(BankClient(bank.url))

    def _speak_with(self, bank: BankClient) -> None:
        self.gateway = SandboxGateway(bank, self._card_entry)
        self.tokenizer = self.authorizer = SandboxTokenizer(bank)

    def lose_request(self, asked: AskedVerb) -> None:
        self.bank.harm("drop_before", PATHS[asked])

    def lose_answer(self, asked: AskedVerb) -> None:
        self.bank.harm("drop_after", PATHS[asked])

    def fail(self, asked: AskedVerb) -> None:
        self.bank.harm("error_after", PATHS[asked])

    def garble(self, asked: AskedVerb) -> None:
        self.bank.harm("garbage_after", PATHS[asked])

    def answer_not_processed(self, asked: AskedVerb) -> None:
        self.bank.harm("not_processed", PATHS[asked])

    def under_way(self, asked: AskedVerb) -> AbstractContextManager[ProcessingTime]:
        return self.bank.held(PATHS[asked])

    def be_impatient(self) -> None:
        self._speak_with(BankClient(self.bank.url, total_s=0.2))

    def plant_bug(self, patch: pytest.MonkeyPatch) -> None:
        def bug(*_: Any) -> Any:
            raise PlantedBugError

        patch.setattr(client, "_parsed", bug)

    def close(self) -> None:
        self.bank.close()

    def link(self, key: str, **changed: Any) -> PayLink:
        asked = {
            "order": order(key),
            "expires_at": ManualClock().now() + HOUR,
            "language": "en",
            "done_url": "https://pay.example.com/receipt/t",
            "left_url": "https://pay.example.com/pay/t?left=1",
        }
        return PayLink(**{**asked, **changed})

    def pay_page(self, url: str) -> bool:
        return self.bank.pay_page(url).status_code == 303

    def decline_page(self, url: str) -> None:
        assert "was declined" in self.bank.pay_page(url, "0002").text

    def pass_time(self, duration_s: float) -> None:
        self.bank.clock.advance(duration_s)

    def requests(self) -> int:
        return self.bank.received

    def books(self, key: str) -> GatewayBooks:
        for row in self.bank.rows("SELECT * FROM movement WHERE key = ?", key):
            refunds = self.bank.rows(
                "SELECT amount_minor FROM movement WHERE charge_id = ? AND state = 'approved'", row["id"]
            )
            refunded_minor = sum(refund["amount_minor"] for refund in refunds)
            assert row["refunded_minor"] == refunded_minor
            return GatewayBooks(
                taken_minor=row["amount_minor"] if row["state"] == "approved" else 0,
                held_minor=row["amount_minor"] if row["state"] == "authorized" else 0,
                refunded_minor=refunded_minor,
                currency=row["currency"],
            )
        return GatewayBooks()

    def tokens(self) -> Iterator[str]:
        yield from self.bank.ids.secrets

    def stored_bytes(self) -> Iterator[tuple[str, bytes]]:
        yield from self.bank.files()

    def stored_text(self) -> str:
        return self.bank.dump()
