"""Stripe's payment links, held to the contract that every gateway with links inherits."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from gateways.capability import CardEntry, GatewayVerb
from gateways.contract import PayLink
from tests.support.link_contract import HOUR, LOOKUP_LINK, LinkContract, LinkHarness, order
from tests.support.stripe import checkout
from tests.support.stripe.harness import KINDS, StripeHarness
from tests.support.stripe.server import StripeServer
from tests.support.time_and_ids import ManualClock

LINK_KINDS = {
    GatewayVerb.OPEN_LINK: "checkout.sessions.create",
    LOOKUP_LINK: "checkout.sessions.retrieve",
}


class StripeLinkHarness(StripeHarness, LinkHarness):
    """Stripe's harness, with payers."""

    def __init__(self, server: StripeServer, clock: ManualClock) -> None:
        super().__init__(server, CardEntry.TOKENIZE, moto=False)
        self._clock = clock
        self._ends_at = clock.now() + HOUR

    def link(self, key: str, **changed: Any) -> PayLink:
        asked = {
            "order": order(key),
            "expires_at": self._ends_at,
            "language": "en",
            "done_url": "https://pay.example.com/receipt/t",
            "left_url": "https://pay.example.com/pay/t?left=1",
        }
        return PayLink(**{**asked, **changed})

    def pay_page(self, url: str) -> bool:
        with self.server.line.alone() as account:
            session = account.objects[_session(url)]
            if session["status"] != "open":
                return False
            return bool(checkout.pay(account, session["id"])["payment_status"] == "paid")

    def decline_page(self, url: str) -> None:
        with self.server.line.alone() as account:
            checkout.pay(account, _session(url), "4000000000000002")

    def pass_time(self, duration_s: float) -> None:
        self._clock.advance(duration_s)


def _session(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[2]


class TestStripeByLink(LinkContract):
    @pytest.fixture
    def harness(
        self, stripe_server: StripeServer, stripe_clock: ManualClock, monkeypatch: pytest.MonkeyPatch
    ) -> StripeLinkHarness:
        for asked, kind in LINK_KINDS.items():
            monkeypatch.setitem(KINDS, asked, kind)
        return StripeLinkHarness(stripe_server, stripe_clock)
