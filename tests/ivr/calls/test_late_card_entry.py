"""A card entry whose opening was answered into the void; the carrier's fallback leads to it all the same."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
import sqlalchemy as sa

from ivr.integrations.pci_client import PciClient, PciUnreachableError
from ivr.payments.attempts.states import HOLDING
from ivr.platform.database.engine import reading
from ivr.simulators.phone.webhooks import Webhooks
from tests.support import schema
from tests.support.phone import PCI, WEB, call_settings
from tests.support.server import Server
from tests.support.server_checks import NAMES

CARD = ("visa", "expiry", "code")


@pytest.mark.parametrize("keyed_after_s", [0, 120])
def test_an_authorization_that_nobody_awaits_is_let_go(
    start_server: Callable[..., Server], keyed_after_s: int
) -> None:
    """The web process has given the attempt up when the card is keyed; the bank holds nothing for ever."""
    server = start_server(SANDBOX_CARD_ENTRY="authorize")
    server.add_bill()
    webhooks = Webhooks(call_settings(to_number="+442000000000"), server.transport, lambda _: None)

    def post(url: str, **fields: str) -> str:
        return webhooks._post(url, webhooks._form("in-progress", fields)).body.decode()

    post(f"{WEB}/voice/incoming")
    post(f"{WEB}/voice/call_1/t/1", Digits="1")
    server.pass_time(6)
    with patch.object(PciClient, "open_entry", _answered_into_the_void(PciClient.open_entry)):
        sorry = post(f"{WEB}/voice/call_1/t/2", Digits="1")
    assert "I cannot take cards at the moment" in sorry
    server.pass_time(keyed_after_s)
    asked = post(_link(post(f"{PCI}/pci/fallback"), 'POST">', "<"))
    for name in CARD:
        asked = post(_link(asked, 'action="', '"'), Digits=NAMES[name])
    server.pass_time(600)
    with reading(server.on.engine) as connection:
        states = list(connection.execute(sa.select(schema.attempt.c.state)).scalars())
    assert not set(states) & HOLDING
    with server.bank.ledger.writing() as tx:
        held = tx.execute("SELECT key FROM movement WHERE state = 'authorized'").fetchall()
    assert not held


def _answered_into_the_void(open_entry: Callable[..., str]) -> Callable[..., str]:
    def opened(client: PciClient, *asked: Any, **how: Any) -> str:
        open_entry(client, *asked, **how)
        raise PciUnreachableError("the answer was lost")

    return opened


def _link(document: str, before: str, after: str) -> str:
    return document.partition(before)[2].partition(after)[0]
