"""The console channel shows a text as the payer would read it."""

from datetime import UTC, datetime
from io import StringIO

from ivr.messaging.channels import OutgoingMessage, Sent, Unclear
from ivr.messaging.channels.console import Console

MESSAGE = OutgoingMessage(
    "confirmation_1", "87654321", "+34600000001", "Paid.\nThank you.", datetime.now(UTC)
)


def test_a_text_appears_as_one_block() -> None:
    out = StringIO()
    console = Console(out)
    assert console.send(MESSAGE) == Sent("console:confirmation_1")
    assert out.getvalue().strip().splitlines() == [
        "+-- text to +34600000001",
        "  | Paid.",
        "  | Thank you.",
        "  +--",
    ]
    assert isinstance(console.find_sent(MESSAGE), Unclear)
