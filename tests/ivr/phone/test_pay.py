"""`<Pay>` as the carrier's reference has it (twilio.com/docs/voice/twiml/pay and .../pay/prompt).

Each row: attributes, what the caller keys (None: nothing), and what the action is told. Pages of a tiny Flask
app answer; the connector notes what it is asked; nothing waits, the clock is moved.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from gateways.secret import Secret
from ivr.clock import ManualClock
from ivr.phone import cards
from ivr.phone.cards import KeyedCard, NumberRules
from ivr.phone.connectors import Refused, Token
from ivr.phone.engine import Call
from ivr.phone.events import Asked, Ended, Keyed, Reason, Said
from ivr.phone.keys import HANG_UP, Collector
from ivr.phone.pay import PayHabits
from ivr.phone.schema import validate
from ivr.phone.script import ScriptedCaller, pressing
from tests.support.phone import Heard, WsgiTransport, call_settings, ring
from tests.support.server_checks import card_traces
from tests.support.tiny_server import TinyServer

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

    answer: Token | Refused = field(default_factory=lambda: Token(Secret("tok_1")))
    asked: list[tuple[KeyedCard, str]] = field(default_factory=list)

    def tokenize(self, card: KeyedCard, *, transaction_id: str, currency: str) -> Token | Refused:
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


OTHERS = {"Result", "ProfileId", "ExpirationDate", "SecurityCode", "ConnectorError", "TokenType"}

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
    refusing = NotedConnector(Refused("Your card was declined.", "card_declined"))
    action = paid(clock, CARD, connector=refusing).action
    assert action["Result"] == "payment-connector-error"
    assert action["PaymentError"] == "Your card was declined."
    assert action["ConnectorError"] == "card_declined: Your card was declined."
    assert action["PaymentToken"] == ""


def test_each_pay_has_a_transaction_of_its_own(clock: ManualClock) -> None:
    names = {paid(clock, CARD).connector.asked[0][1] for _ in range(2)}
    assert len(names) == 1, "the same call, the same Pay, the same name: a test can tell"
    noted = NotedConnector()
    twice = TinyServer({"/voice/incoming": '<Pay action="/again" postalCode="false"/>', "/again": PAY_AGAIN})
    ring(twice.transport, clock, [*CARD, *CARD], habits=PayHabits({"Default": noted}))
    assert len({name for _, name in noted.asked}) == 2


PAY_AGAIN = '<Pay action="/over" postalCode="false"/>'


# Prompts ----------------------------------------------------------------------------------------------------


def test_of_prompts_that_fit_the_closest_is_said(clock: ManualClock) -> None:
    keyed = [None, "1111#", "2222#", VISA, None, EXPIRY, CODE]
    done = paid(clock, keyed, 'postalCode="false" maxAttempts="3"', PROMPTS)
    assert done.said == [
        "Number.", "No number.", "Wrong again.", "Wrong again.", "Date.", "Date again.", "Three digits.",
        "Wait.",
    ]  # fmt: skip


def test_where_no_prompt_fits_the_carrier_speaks_its_own_words(clock: ManualClock) -> None:
    done = paid(clock, [*CARD], 'postalCode="false" language="es-ES"')
    assert done.said[0] == "Please enter your credit card number."
    assert {event.language for event in done.heard.of(Said)} == {"es-ES"}


def test_a_prompt_may_be_of_one_kind_of_card(clock: ManualClock) -> None:
    assert "Four digits." in paid(clock, [AMEX, EXPIRY, "9731"], prompts=PROMPTS).said
    assert "Not that kind." in paid(clock, ["6011111111111117"], prompts=PROMPTS).said


def test_a_key_cuts_a_prompt_short_and_spills_into_the_next_field(clock: ManualClock) -> None:
    done = paid(clock, [f"{VISA}{EXPIRY}{CODE}"], prompts=PROMPTS)
    assert done.action["Result"] == "success"
    assert done.said == ["Number.", "Wait."]


def test_a_hash_behind_a_whole_field_is_not_the_next_one(clock: ManualClock) -> None:
    assert paid(clock, [f"{VISA}#", f"{EXPIRY}#", f"{CODE}#"]).action["Result"] == "success"


# Reports ----------------------------------------------------------------------------------------------------


def test_reports_tell_each_step_and_mistake_masked(clock: ManualClock) -> None:
    done = paid(clock, ["1111#", VISA, EXPIRY, CODE])
    steps = [(one.get("For"), one.get("Attempt"), one.get("ErrorType")) for one in done.reports]
    assert steps == [
        ("payment-card-number", "1", None),
        ("payment-card-number", "2", "invalid-card-number"),
        ("expiration-date", "1", None),
        ("security-code", "1", None),
        ("payment-processing", "1", None),
        (None, None, None),
    ]
    assert done.reports[-1]["Result"] == "success"
    assert done.reports[3]["PaymentCardNumber"] == "xxxxxxxxxxxx4242"
    assert not [one for one in done.reports if VISA in repr(one) or CODE in repr(one)]


def test_a_timeout_is_reported_by_another_name_than_its_prompts(clock: ManualClock) -> None:
    done = paid(clock, [None, None])
    assert done.reports[1]["ErrorType"] == "input-timeout"
    assert done.action["PaymentError"] == "input-timeout"


def test_without_a_status_callback_nobody_is_told(clock: ManualClock) -> None:
    server = TinyServer({"/voice/incoming": '<Pay action="/paid"/>', "/paid": "<Hangup/>"})
    ring(server.transport, clock, ["*"], habits=PayHabits({"Default": NotedConnector()}))
    assert server.paths == ["/voice/incoming", "/paid", "/voice/status"]


def test_a_report_that_nobody_takes_is_told_and_changes_nothing(clock: ManualClock) -> None:
    server = TinyServer(
        {
            "/voice/incoming": '<Pay action="/paid" statusCallback="/gone" postalCode="false"/>',
            "/paid": "<Hangup/>",
        }
    )
    ended, _ = ring(server.transport, clock, CARD, habits=PayHabits({"Default": NotedConnector()}))
    assert ended.reason is Reason.SERVER
    assert {fault.url for fault in ended.faults} == {"https://pay.example/gone"}


# What is seen -----------------------------------------------------------------------------------------------


def test_nothing_keyed_is_in_an_event(clock: ManualClock) -> None:
    """Neither of a card nor of one that is refused: dots, whatever the address."""
    done = paid(clock, [VISA, "0120", EXPIRY, CODE, f"{POSTAL}#"], 'maxAttempts="3"')
    assert [event.shown for event in done.heard.of(Keyed)] == ["•" * 16, "••••", "••••", "•••", "•••••#"]
    assert {event.private for event in done.heard.of(Asked)} == {True}
    assert card_traces(repr(done.heard.events)) == []
    assert POSTAL not in repr(done.heard.events)


def test_a_keyed_card_does_not_show_itself() -> None:
    card = KeyedCard(Secret(VISA), "visa", Secret(EXPIRY), Secret(CODE), Secret(POSTAL))
    assert not [word for word in (VISA, EXPIRY, CODE, POSTAL) if word in repr(card)]


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


# Faults -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "prompts", "fault"),
    [
        ('maxAttempts="4"', "", "maxAttempts must be 1, 2 or 3"),
        ('maxAttempts="0"', "", "whole number from 1 on"),
        ('timeout="soon"', "", "timeout must be a whole number"),
        ('tokenType="free"', "", "tokenType must be one of"),
        ('language="ca-ES"', "", "language must be one of"),
        ('validCardTypes="visa, amex"', "", "validCardTypes must be some of"),
        ('securityCode="perhaps"', "", "securityCode must be true or false"),
        ('chargeAmount="ten"', "", "chargeAmount must be a decimal"),
        ('input="speech"', "", "input must be one of dtmf"),
        ("", "<Prompt><Say>x</Say></Prompt>", "for must be one of"),
        ("", '<Prompt for="pin"><Say>x</Say></Prompt>', "for must be one of"),
        (
            "",
            '<Prompt for="security-code" attempt="11"><Say>x</Say></Prompt>',
            "attempt must be whole numbers",
        ),
        ("", '<Prompt for="security-code" errorType="input-timeout"><Say>x</Say></Prompt>', "errorType"),
        ("", '<Prompt for="security-code" cardType="visa debit"><Say>x</Say></Prompt>', "cardType"),
        (
            "",
            '<Prompt for="security-code" requireMatchingInputs="true"><Say>x</Say></Prompt>',
            "bank accounts",
        ),
        ("", '<Gather action="/a"/>', "may not hold <Gather>"),
        ('amount="1"', "", "has no attribute amount"),
    ],
)
def test_a_pay_that_a_carrier_would_refuse(attributes: str, prompts: str, fault: str) -> None:
    faults = validate(f'<Response><Pay action="/a" {attributes}>{prompts}</Pay></Response>')
    assert any(fault in one for one in faults), faults


@pytest.mark.parametrize("attributes", ['chargeAmount="20.45"', 'paymentMethod="ach-debit"'])
def test_what_is_lawful_and_not_run_is_refused_by_name(clock: ManualClock, attributes: str) -> None:
    assert validate(f"<Response><Pay {attributes}/></Response>") == []
    server = TinyServer({"/voice/incoming": f"<Pay {attributes}/>"})
    ended, _ = ring(server.transport, clock)
    assert "<Pay>" in ended.faults[0].fault


# Numbers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("4", "visa"), ("51", "mastercard"), ("2221", "mastercard"), ("2720", "mastercard"), ("37", "amex"),
        ("6011", "discover"), ("65", "discover"), ("3528", "jcb"), ("36", "diners-club"),
        ("3095", "diners-club"),
        ("2014", "enroute"), ("50", "maestro"), ("62", "maestro"), ("1", None), ("2721", None), ("", None),
    ],
)  # fmt: skip
def test_kinds_by_their_first_digits(number: str, kind: str | None) -> None:
    assert cards.kind_of(number) == kind


@pytest.mark.parametrize(
    ("keyed", "taken"),
    [
        (VISA + "99", VISA),
        (AMEX + "9", AMEX),
        ("4242424242424241999", "4242424242424241999"),
        ("6205500000000000004" + "1", "6205500000000000004"),
        ("4222222222222#", "4222222222222"),
    ],
)
def test_a_number_goes_on_by_itself_once_it_is_whole(keyed: str, taken: str) -> None:
    collector = Collector(NumberRules(cards.NUMBER_DIGITS_MAX))
    collector.take(keyed)
    assert (collector.digits, collector.complete) == (taken, True)


def test_the_tiny_server_knows_a_carrier_when_it_signs(clock: ManualClock) -> None:
    """Reports and answers are signed like every webhook: the twilio library itself checked them all."""
    done = paid(clock, CARD)
    assert isinstance(done.server.transport, WsgiTransport)
    assert {each.answer.status for each in done.server.transport.posted} == {200, 204}
