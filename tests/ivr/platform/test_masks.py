"""What carries a card, or what stands for one, shows nothing of it where it is printed whole."""

import pytest

from gateways.contract import Card
from gateways.secret import Secret
from ivr.calls.session import CardInCall, Session
from ivr.integrations.pci_client import CardEntryResult
from ivr.pci import gateway_submission as sending
from ivr.pci.entry_service import EntryResult
from ivr.platform.card_entry_outcome import CardEntryOutcome

SECRET = Secret("not-to-be-seen")


@pytest.mark.parametrize(
    "carrier",
    [
        Card(SECRET, 12, 2031, SECRET, SECRET),
        CardEntryResult(
            CardEntryOutcome.COLLECTED,
            SECRET,
            SECRET.reveal(),
            "visa",
            "4242",
            expiry_month=12,
            expiry_year=2031,
        ),
        sending.GatewayAnswer(CardEntryOutcome.COLLECTED, SECRET, SECRET.reveal()),
        EntryResult("collected", SECRET.reveal(), SECRET.reveal(), "visa", "4242", 12, 2031),
        Session("take_card", None, "en", card=CardInCall(token=SECRET.reveal())),  # type: ignore[arg-type]
    ],
    ids=lambda carrier: type(carrier).__name__,
)
def test_a_printed_carrier_shows_neither_token_nor_expiry(carrier: object) -> None:
    for shown in (repr(carrier), str(carrier), f"{carrier}", f"{[carrier]}"):
        assert "not-to-be-seen" not in shown
        assert "2031" not in shown
        assert "12" not in shown
