"""`<Pay>` as the carrier's reference has it (twilio.com/docs/voice/twiml/pay): what becomes of what is keyed.

Each row: attributes, what the caller keys (None: nothing), and what the action is told.
"""

import pytest

from gateways.secret import Secret
from ivr.simulators.phone.connectors import TokenRefused
from ivr.simulators.phone.engine import Call
from ivr.simulators.phone.events import Reason, Said
from ivr.simulators.phone.keys import HANG_UP
from ivr.simulators.phone.pay import PayHabits
from tests.support.pay_verb_call import (
    AMEX,
    CARD,
    CODE,
    EXPIRY,
    NEEDS_NO_POSTAL_CODE,
    POSTAL,
    PROMPTS,
    VISA,
    NotedConnector,
    paid,
)
from tests.support.phone import WsgiTransport, call_settings, ring
from tests.support.script import ScriptedCaller, pressing
from tests.support.time_and_ids import ManualClock
from tests.support.twiml_server import TinyServer

OTHERS = {"Result", "ProfileId", "ExpirationDate", "SecurityCode", "ConnectorError", "TokenType"}


def test_a_card_becomes_a_token(clock: ManualClock) -> None:
    done = paid(clock, CARD, 'postalCode="false" tokenType="payment-method"')
    action = done.action
    told = {name: value for name, value in action.items() if name.startswith("Pay") or name in OTHERS}
    assert told == {
        "Result": "success",
        "PaymentToken": "tok_1",
        "ProfileId": "",
        "PaymentConfirmationCode": "",
        "PaymentConnector": "Default",
        "PaymentMethod": "credit-card",
        "PaymentCardNumber": "xxxxxxxxxxxx4242",
        "PaymentCardType": "visa",
        "ExpirationDate": EXPIRY,
        "SecurityCode": "***",
        "PaymentError": "",
        "PayErrorCode": "",
        "ConnectorError": "",
        "TokenType": "payment-method",
    }
    assert {"CallSid", "AccountSid", "From", "To", "CallStatus"} <= action.keys()
    [(card, name)] = done.connector.asked
    assert (card.number.reveal(), card.expiry.reveal(), card.kind) == (VISA, EXPIRY, "visa")
    assert (card.code, card.postal_code) == (Secret(CODE), None)
    assert len(name) == 32


TABLE: dict[str, list[tuple[str, list[str | None], str]]] = {
    "securityCode and postalCode are asked by default": [
        ("", [VISA, EXPIRY, CODE, f"{POSTAL}#"], "success"),
        ('securityCode="false"', [VISA, EXPIRY, f"{POSTAL}#"], "success"),
        ('securityCode="false" postalCode="false"', [VISA, EXPIRY], "success"),
        ('postalCode="94109"', CARD, "success"),
    ],
    "minPostalCodeLength: at least so many": [
        ('minPostalCodeLength="4"', [*CARD, "280#", "280#"], "too-many-failed-attempts"),
        ('minPostalCodeLength="4"', [*CARD, "280#", "2800#"], "success"),
    ],
    "a number has a length of its kind and passes the check": [
        (NEEDS_NO_POSTAL_CODE, [AMEX, EXPIRY, "9731"], "success"),
        (NEEDS_NO_POSTAL_CODE, ["4242424242424241", "42424242#"], "too-many-failed-attempts"),
        (NEEDS_NO_POSTAL_CODE, ["42424242", "42424242"], "too-many-failed-attempts"),
    ],
    "validCardTypes: visa, mastercard and amex by default": [
        (NEEDS_NO_POSTAL_CODE, ["6011111111111117"] * 2, "too-many-failed-attempts"),
        ('postalCode="false" validCardTypes="discover"', ["6011111111111117", EXPIRY, CODE], "success"),
        ('postalCode="false" validCardTypes="maestro"', ["6759649826438453", EXPIRY, CODE], "success"),
        ('postalCode="false" validCardTypes="discover"', [VISA] * 2, "too-many-failed-attempts"),
    ],
    "a date is a month, and not past": [
        (NEEDS_NO_POSTAL_CODE, [VISA, "1331", "0001"], "too-many-failed-attempts"),
        (NEEDS_NO_POSTAL_CODE, [VISA, "1026", "1126", CODE], "success"),
    ],
    "a code has three digits, an American Express four": [
        (NEEDS_NO_POSTAL_CODE, [VISA, EXPIRY, "97#", "97#"], "too-many-failed-attempts"),
        (NEEDS_NO_POSTAL_CODE, [AMEX, EXPIRY, "973#", "9731"], "success"),
    ],
    "maxAttempts: how often it is asked again, 1 by default": [
        (NEEDS_NO_POSTAL_CODE, [None, VISA, EXPIRY, CODE], "success"),
        (NEEDS_NO_POSTAL_CODE, [None, None], "too-many-failed-attempts"),
        ('postalCode="false" maxAttempts="3"', [None, None, None, VISA, EXPIRY, CODE], "success"),
        ('postalCode="false" maxAttempts="2"', [VISA, None, None, EXPIRY, None, None, CODE], "success"),
    ],
    "* ends it at any moment": [
        (NEEDS_NO_POSTAL_CODE, ["*"], "caller-interrupted-with-star"),
        (NEEDS_NO_POSTAL_CODE, ["4242*"], "caller-interrupted-with-star"),
        (NEEDS_NO_POSTAL_CODE, [VISA, EXPIRY, "9*"], "caller-interrupted-with-star"),
    ],
    "a hang-up": [(NEEDS_NO_POSTAL_CODE, [VISA], "caller-hung-up")],
    "a connector that is not installed": [
        ('paymentConnector="Elsewhere"', [], "validation-error"),
    ],
}

ROWS = [pytest.param(*row, id=f"{rule}: {row}") for rule, rows in TABLE.items() for row in rows]


@pytest.mark.parametrize(("attributes", "keyed", "result"), ROWS)
def test_the_reference(clock: ManualClock, attributes: str, keyed: list[str | None], result: str) -> None:
    done = paid(clock, keyed, attributes)
    assert done.action["Result"] == result
    assert bool(done.connector.asked) is (result == "success")
    assert bool(done.action["PaymentToken"]) is (result == "success")


def test_after_the_last_attempt_a_carrier_may_go_on_behind_the_verb(clock: ManualClock) -> None:
    """Its page on maxAttempts says so; its page on Result says the other. Both are played."""
    done = paid(clock, [None, None], result_after_attempts=False)
    assert done.server.forms("/paid") == []
    assert done.said[-1] == "Behind."


def test_silence_waits_as_long_as_the_timeout(clock: ManualClock) -> None:
    began = clock.now()
    paid(clock, [None, "4242"], 'timeout="7"')
    assert (clock.now() - began).total_seconds() == 14


def test_a_processor_that_refuses(clock: ManualClock) -> None:
    refusing = NotedConnector(TokenRefused("Your card was declined.", "card_declined"))
    action = paid(clock, CARD, connector=refusing).action
    assert action["Result"] == "payment-connector-error"
    assert action["PaymentError"] == "Your card was declined."
    assert action["ConnectorError"] == "card_declined: Your card was declined."
    assert action["PaymentToken"] == ""


PAY_AGAIN = '<Pay action="/over" postalCode="false"/>'


def test_each_pay_has_a_transaction_of_its_own(clock: ManualClock) -> None:
    names = {paid(clock, CARD).connector.asked[0][1] for _ in range(2)}
    assert len(names) == 1, "the same call, the same Pay, the same name: a test can tell"
    noted = NotedConnector()
    twice = TinyServer({"/voice/incoming": '<Pay action="/again" postalCode="false"/>', "/again": PAY_AGAIN})
    ring(twice.transport, clock, [*CARD, *CARD], habits=PayHabits({"Default": noted}))
    assert len({name for _, name in noted.asked}) == 2


def test_a_hang_up_inside_is_told_before_the_status(clock: ManualClock) -> None:
    done = paid(clock, [VISA])
    assert done.ended.reason is Reason.CALLER
    assert done.server.paths[-2:] == ["/paid", "/voice/status"]
    assert done.action["CallStatus"] == "completed"


def test_hanging_up_while_it_is_processed(clock: ManualClock) -> None:
    class Leaving(ScriptedCaller):
        def meanwhile(self, event: object) -> object:  # type: ignore[override]
            return HANG_UP if isinstance(event, Said) and event.text == "Wait." else ""

    noted = NotedConnector()
    server = TinyServer(
        {
            "/voice/incoming": f'<Pay action="/paid" {NEEDS_NO_POSTAL_CODE}>{PROMPTS}</Pay>',
            "/paid": "<Hangup/>",
        }
    )
    caller = Leaving(pressing(*CARD)._left)
    call = Call(
        call_settings(),
        caller=caller,
        transport=server.transport,
        clock=clock,
        habits=PayHabits({"Default": noted}),
    )
    assert call.run().reason is Reason.CALLER
    assert server.forms("/paid")[0]["Result"] == "caller-hung-up"
    assert noted.asked == []


def test_the_tiny_server_knows_a_carrier_when_it_signs(clock: ManualClock) -> None:
    """Reports and answers are signed like every webhook: the twilio library itself checked them all."""
    done = paid(clock, CARD)
    assert isinstance(done.server.transport, WsgiTransport)
    assert {each.answer.status for each in done.server.transport.posted} == {200, 204}
