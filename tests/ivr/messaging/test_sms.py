"""The carrier's API, asked over a real line by the real library: what each answer means."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest

from gateways.http_client import HttpClient
from gateways.secret import Secret
from ivr.carriers.twilio.rest import CarrierHttp
from ivr.messaging.channels import InList, Lost, NotInList, OutgoingMessage, Refused, Sent, Unclear
from ivr.messaging.channels.sms import Sms
from ivr.messaging.delivery_errors import Refusal
from tests.support.carrier_api import (
    ACCOUNT,
    DROP,
    DROP_UNREAD,
    GARBLED,
    SLOW,
    TOKEN,
    CarrierApi,
    Fault,
    carrier_api,
)

SPEC = Path(__file__).parents[4] / "shared" / "specs" / "twilio_api_v2010.json"
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
MESSAGE = OutgoingMessage(
    "confirmation_7k3", "87654321", "+34600000001", "Alcalá: pago de 49,90 € recibido, ref. 87654321.", NOW
)


@pytest.fixture
def carrier() -> Iterator[CarrierApi]:
    with carrier_api() as running:
        yield running


def sms(
    carrier: CarrierApi, *, sender: str = "+34910000000", token: str = TOKEN, answer_s: float = 5.0
) -> Sms:
    return Sms(
        account_sid=ACCOUNT,
        token=Secret(token),
        api_base=carrier.url,
        public_url="https://pay.example.org",
        sender=sender,
        http=CarrierHttp(HttpClient(answer_s, keep=False)),
    )


def test_a_text_that_is_taken(carrier: CarrierApi) -> None:
    answer = sms(carrier).send(MESSAGE)
    assert answer == Sent(carrier.texts[0]["sid"])
    (asked,) = carrier.requests
    assert asked.path == f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    assert asked.form == {
        "To": ["+34600000001"],
        "From": ["+34910000000"],
        "Body": [MESSAGE.body],
        "StatusCallback": ["https://pay.example.org/messages/status?c=confirmation_7k3"],
    }


def test_a_messaging_service_sends_instead_of_a_number(carrier: CarrierApi) -> None:
    service = "MG" + "1" * 32
    assert isinstance(sms(carrier, sender=service).send(MESSAGE), Sent)
    assert carrier.requests[0].form["MessagingServiceSid"] == [service]
    assert "From" not in carrier.requests[0].form


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (Fault(400, 21610), Refused("21610", Refusal.PERMANENT)),  # replied STOP
        (Fault(400, 21211), Refused("21211", Refusal.PERMANENT)),  # no such number
        (Fault(400, 21614), Refused("21614", Refusal.PERMANENT)),  # a landline
        (Fault(400), Refused("400", Refusal.UNKNOWN)),
        (
            Fault(400, 21606),
            Refused("21606", Refusal.NEEDS_OPERATOR),
        ),  # SMS_FROM is not ours: the operator mends it
        (Fault(400, 21408), Refused("21408", Refusal.NEEDS_OPERATOR)),  # the region is switched off
        (Fault(401, 20003), Refused("20003", Refusal.NEEDS_OPERATOR)),
        (Fault(404, 20404), Refused("20404", Refusal.NEEDS_OPERATOR)),
        (Fault(429, 20429), Refused("20429", Refusal.TEMPORARY)),
        (Fault(429), Refused("429", Refusal.TEMPORARY)),
        *(
            (Fault(400, code), Refused(str(code), Refusal.NEEDS_OPERATOR))
            for code in (21607, 21608, 21609, 21612, 21660, 21661, 21705, 21712, 30002, 90010)
        ),
        *((Fault(400, code), Refused(str(code), Refusal.TEMPORARY)) for code in (10004, 14107, 21611)),
        (Fault(400, 29999), Refused("29999", Refusal.UNKNOWN)),  # a code that nobody has documented yet
        (Fault(402), Refused("402", Refusal.NEEDS_OPERATOR)),
        (Fault(408), Refused("408", Refusal.TEMPORARY)),
        (
            Fault(503, 20503),
            Refused("20503", Refusal.TEMPORARY),
        ),  # the carrier itself says that it took nothing
        (Fault(503), Lost("HTTP 503")),  # something on the way says so: nobody knows
        (Fault(500), Lost("HTTP 500")),
        (Fault(500, 20500), Lost("HTTP 500")),
        (Fault(502), Lost("HTTP 502")),
        (Fault(504), Lost("HTTP 504")),
        (DROP, Lost("the connection failed: RemoteDisconnected")),
        (DROP_UNREAD, Lost("the connection failed: RemoteDisconnected")),
        (GARBLED, Lost("JSONDecodeError")),
    ],
)
def test_what_an_answer_means(carrier: CarrierApi, fault: Fault | str, answer: Refused | Lost) -> None:
    carrier.faults = [fault]
    assert sms(carrier).send(MESSAGE) == answer
    assert len(carrier.requests) == 1, "the library tried again by itself"


def test_a_carrier_that_does_not_answer_in_time_may_have_taken_it(carrier: CarrierApi) -> None:
    carrier.faults = [SLOW]
    assert sms(carrier, answer_s=0.1).send(MESSAGE) == Lost("no answer within 0.1 s")
    assert len(carrier.texts) == 1


def test_a_carrier_that_cannot_be_reached_took_nothing() -> None:
    with carrier_api() as gone:
        pass
    assert sms(gone).send(MESSAGE) == Refused("unreachable", Refusal.TEMPORARY)


def test_a_wrong_token_took_nothing(carrier: CarrierApi) -> None:
    assert sms(carrier, token="old").send(MESSAGE) == Refused("20003", Refusal.NEEDS_OPERATOR)
    assert carrier.texts == []


def test_a_lost_text_is_found_by_recipient_and_reference(carrier: CarrierApi) -> None:
    carrier.take({"To": ["+34600000001"], "Body": ["Your code is 1234"]})
    carrier.faults = [DROP]
    channel = sms(carrier)
    assert isinstance(channel.send(MESSAGE), Lost)
    assert channel.find_sent(MESSAGE) == InList(carrier.texts[0]["sid"])
    assert carrier.requests[-1].query["To"] == ["+34600000001"]


def test_a_text_that_is_not_there(carrier: CarrierApi) -> None:
    carrier.take({"To": ["+34600000001"], "Body": ["Your code is 1234"]})
    carrier.take({"To": ["+34600000002"], "Body": [MESSAGE.body]})
    assert sms(carrier).find_sent(MESSAGE) == NotInList()


def test_an_older_text_is_another_one(carrier: CarrierApi) -> None:
    carrier.now = NOW - timedelta(days=1)
    carrier.take({"To": ["+34600000001"], "Body": [MESSAGE.body]})
    assert sms(carrier).find_sent(MESSAGE) == NotInList()


@pytest.mark.parametrize("fault", [Fault(500), Fault(401, 20003), DROP, GARBLED])
def test_a_list_that_cannot_be_read_says_nothing(carrier: CarrierApi, fault: Fault | str) -> None:
    carrier.faults = [fault]
    assert isinstance(sms(carrier).find_sent(MESSAGE), Unclear)


def test_a_list_without_bodies_or_without_an_end_says_nothing(carrier: CarrierApi) -> None:
    carrier.take({"To": ["+34600000001"], "Body": [""]})
    assert isinstance(sms(carrier).find_sent(MESSAGE), Unclear)
    carrier.texts.clear()
    for _ in range(500):
        carrier.take({"To": ["+34600000001"], "Body": ["another"]})
    assert isinstance(sms(carrier).find_sent(MESSAGE), Unclear)


@pytest.mark.published_specs
@pytest.mark.skipif(
    not SPEC.exists(), reason="the carrier's published API description is not beside this clone"
)
@pytest.mark.parametrize("sender", ["+34910000000", "MG" + "1" * 32])
def test_what_we_ask_is_what_the_carrier_documents(carrier: CarrierApi, sender: str) -> None:
    channel = sms(carrier, sender=sender)
    channel.send(MESSAGE)
    channel.find_sent(MESSAGE)
    spec = json.loads(SPEC.read_text())
    path = spec["paths"]["/2010-04-01/Accounts/{AccountSid}/Messages.json"]
    posted, listed = carrier.requests
    schema = path["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    closed = schema | {"additionalProperties": False, "components": spec["components"]}
    form = {name: values[0] for name, values in posted.form.items()}
    jsonschema.Draft202012Validator(closed, format_checker=jsonschema.FormatChecker()).validate(form)
    assert set(listed.query) <= {parameter["name"] for parameter in path["get"]["parameters"]}
    assert posted.path == f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
