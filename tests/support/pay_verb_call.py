"""A call with one `<Pay>` in it: pages of a tiny Flask app answer, a connector notes its cards.

Nothing waits: the clock is moved. The cards are public test numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateways.secret import Secret
from ivr.simulators.phone.cards import KeyedCard
from ivr.simulators.phone.connectors import Token, TokenRefused
from ivr.simulators.phone.events import Ended, Said
from ivr.simulators.phone.pay import PayHabits
from tests.support.phone import Heard, ring
from tests.support.time_and_ids import ManualClock
from tests.support.twiml_server import TinyServer

VISA, AMEX, EXPIRY, CODE, POSTAL = "4242424242424242", "378282246310005", "0931", "973", "28001"
CARD = [VISA, EXPIRY, CODE]
NEEDS_NO_POSTAL_CODE = 'postalCode="false"'
BEHIND = "went on behind the verb"
PROMPTS = """
<Prompt for="payment-card-number"><Say>Number.</Say></Prompt>
<Prompt for="payment-card-number" errorType="timeout"><Say>No number.</Say></Prompt>
<Prompt for="payment-card-number" errorType="invalid-card-number" attempt="2"><Say>Wrong.</Say></Prompt>
<Prompt for="payment-card-number" errorType="invalid-card-number" attempt="3 4">
  <Say>Wrong again.</Say></Prompt>
<Prompt for="payment-card-number" errorType="invalid-card-type"><Say>Not that kind.</Say></Prompt>
<Prompt for="expiration-date" attempt="1"><Say>Date.</Say></Prompt>
<Prompt for="expiration-date" attempt="2 3"><Say>Date again.</Say></Prompt>
<Prompt for="security-code" cardType="visa mastercard"><Say>Three digits.</Say></Prompt>
<Prompt for="security-code" cardType="amex"><Say>Four digits.</Say></Prompt>
<Prompt for="payment-processing"><Say>Wait.</Say></Prompt>
"""


@dataclass
class NotedConnector:
    """Notes the cards, and answers what it is told to."""

    answer: Token | TokenRefused = field(default_factory=lambda: Token(Secret("tok_1")))
    asked: list[tuple[KeyedCard, str]] = field(default_factory=list)

    def tokenize(self, card: KeyedCard, *, transaction_id: str, currency: str) -> Token | TokenRefused:
        self.asked.append((card, transaction_id))
        return self.answer


@dataclass
class Paid:
    """What came of a call with one Pay."""

    ended: Ended
    heard: Heard
    server: TinyServer
    connector: NotedConnector

    @property
    def action(self) -> dict[str, str]:
        forms = self.server.forms("/paid")
        return forms[0] if forms else {"Result": BEHIND}

    @property
    def reports(self) -> list[dict[str, str]]:
        return self.server.forms("/report")

    @property
    def said(self) -> list[str]:
        return [event.text for event in self.heard.of(Said)]


def paid(
    clock: ManualClock,
    keyed: Sequence[str | None],
    attributes: str = NEEDS_NO_POSTAL_CODE,
    prompts: str = "",
    connector: NotedConnector | None = None,
    **habits: object,
) -> Paid:
    noted = connector or NotedConnector()
    server = TinyServer(
        {
            "/voice/incoming": f'<Pay action="/paid" statusCallback="/report" {attributes}>{prompts}</Pay>'
            "<Say>Behind.</Say>",
            "/paid": "<Hangup/>",
            "/report": "",
        }
    )
    carrier = PayHabits(**{"connectors": {"Default": noted}, **habits})  # type: ignore[arg-type]
    ended, heard = ring(server.transport, clock, keyed, habits=carrier)
    return Paid(ended, heard, server, noted)
