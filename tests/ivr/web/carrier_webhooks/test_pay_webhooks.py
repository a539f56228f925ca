"""A card that the carrier takes, at the door: answers twice, late or not at all; and reports on the way."""

from collections.abc import Callable, Mapping
from typing import Any
from unittest.mock import patch

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from gateways.secret import Secret
from ivr.calls.turns import Turns
from ivr.platform.database.engine import reading
from ivr.simulators.phone.events import PhoneEvent
from ivr.simulators.phone.schema import validate
from tests.support import schema
from tests.support.carrier_pay import carriers_habits
from tests.support.carrier_signature import signed_headers
from tests.support.payer import CARD, WAY, pay
from tests.support.phone import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    CALLER,
    WEB,
    Trouble,
    TroubledTransport,
    call_settings,
    every,
)
from tests.support.server import ENGLISH, REFERENCE, Server
from tests.support.server_checks import check

Start = Callable[..., Server]
SID = "CA" + "1" * 32
TOKEN = "tok_QWERTYUIOPasdfghjkl"
ANSWER = {
    "Result": "success",
    "PaymentToken": TOKEN,
    "PaymentCardNumber": "xxxxxxxxxxxx4242",
    "PaymentCardType": "visa",
    "ExpirationDate": "0931",
    "SecurityCode": "***",
    "PaymentCardPostalCode": "28001",
}
TURN, REPORTS = "/voice/call_1/t/2", "/voice/call_1/pay/1"


@pytest.fixture(params=["sqlite", "postgres"])
def asked(request: pytest.FixtureRequest, start_server: Start) -> Server:
    """A caller whose card the carrier is taking in turn 1."""
    return card_is_asked(start_server(request.param, CARD_ENTRY="pay"))


@pytest.fixture
def asked_once(start_server: Start) -> Server:
    """The same on one database."""
    return card_is_asked(start_server(CARD_ENTRY="pay"))


def card_is_asked(server: Server) -> Server:
    server.add_bill()
    said(server, "/voice/incoming")
    assert "<Pay " in said(server, "/voice/call_1/t/1", Digits="1")
    return server


def form(**changed: str) -> dict[str, str]:
    return {"CallSid": SID, "AccountSid": ACCOUNT_SID, "From": CALLER, "To": ENGLISH, **changed}


def post(server: Server, path: str, fields: Mapping[str, str], token: Secret = AUTH_TOKEN) -> TestResponse:
    sent = form(**fields)
    headers = signed_headers(token, WEB + path, sent)
    return server.web.test_client().post(path, data=sent, headers=headers)


def said(server: Server, path: str, **fields: str) -> str:
    answer = post(server, path, fields)
    assert answer.status_code == 200
    assert validate(answer.text) == []
    return answer.text


def call_row(server: Server) -> Any:
    with reading(server.on.engine) as connection:
        return connection.execute(sa.select(schema.call)).one()


def progress(server: Server) -> list[dict[str, Any]]:
    with reading(server.on.engine) as connection:
        query = sa.select(schema.timeline.c.facts).where(schema.timeline.c.kind == "card.progress")
        return list(connection.execute(query.order_by(schema.timeline.c.id)).scalars())


# The answer -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_pci_process_is_asked_nothing(start_server: Start) -> None:
    """Not even of a hang-up: with these settings there is none."""
    server = start_server(CARD_ENTRY="pay")
    server.add_bill()
    asked: list[str] = []
    server.pci_connection.meanwhile = asked.append
    pay(server, WAY["tokenize"])
    pay(server, [*WAY["tokenize"][:2], "(hang up)"])
    assert asked == []
    with reading(server.pci_parts.engine) as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM card_entry")).scalar_one() == 0


def test_an_answer_that_comes_twice_changes_nothing_twice(asked: Server) -> None:
    confirm = said(asked, TURN, **ANSWER)
    assert "Visa ending in 4 2 4 2." in confirm
    row = call_row(asked)
    assert said(asked, TURN, **ANSWER) == confirm
    assert (
        said(asked, TURN, **ANSWER | {"PaymentToken": "tok_another", "PaymentCardNumber": "x9999"}) == confirm
    )
    assert call_row(asked) == row


def test_a_late_answer_to_an_earlier_card_is_not_taken_for_this_one(asked_once: Server) -> None:
    """Star in turn 1, the card anew in turn 3; then the first one's answer arrives once more, changed."""
    server = asked_once
    offer = said(server, TURN, Result="caller-interrupted-with-star")
    assert "<Pay " in said(server, "/voice/call_1/t/3", Digits="1")
    row = call_row(server)
    assert said(server, TURN, **ANSWER) == offer
    assert call_row(server) == row
    assert row.session["token"] is None


def test_the_token_is_kept_where_it_is_needed_and_nowhere_else(asked_once: Server) -> None:
    """In the session until the charge is asked, in the attempt until that is final; never told to anybody."""
    server = asked_once
    said(server, TURN, **ANSWER)
    assert call_row(server).session["token"] == TOKEN
    with reading(server.on.engine) as connection:
        elsewhere = [
            repr(row)
            for table in schema.metadata.sorted_tables
            if table.name != "call"
            for row in connection.execute(sa.select(table))
        ]
    assert not [row for row in elsewhere if TOKEN in row]
    assert TOKEN not in repr(server.logs)
    assert "28001" not in repr([*elsewhere, server.logs, call_row(server)]), "nor the postal code, anywhere"


@pytest.mark.slow
@pytest.mark.parametrize("way", [WAY["tokenize"], (*WAY["tokenize"][:4], "(hang up)")], ids=["paid", "left"])
def test_no_token_is_left_when_the_call_is_over(start_server: Start, way: tuple[str, ...]) -> None:
    server = start_server(CARD_ENTRY="pay")
    server.add_bill()
    pay(server, way)
    server.pass_time(120)
    tokens = [secret for secret in server.bank.ids.secrets if secret]
    assert tokens
    with reading(server.on.engine) as connection:
        rows = [
            repr(row)
            for table in schema.metadata.sorted_tables
            for row in connection.execute(sa.select(table))
        ]
    for written in (*rows, repr(server.logs), *(each.url for each in server.transport.posted)):
        assert not [token for token in tokens if token in written]
    check(server)


@pytest.mark.parametrize("path", [TURN, f"{TURN}?pay=over", REPORTS])
def test_an_answer_that_is_not_the_carriers(asked_once: Server, path: str) -> None:
    row = call_row(asked_once)
    assert post(asked_once, path, ANSWER, token=Secret("another")).status_code == 403
    assert post(asked_once, path, ANSWER | {"CallSid": "CA" + "2" * 32}).status_code in {403, 204}
    tampered = signed_headers(AUTH_TOKEN, WEB + path, form(**ANSWER))
    changed = form(**ANSWER | {"PaymentToken": "tok_of_somebody_else"})
    client = asked_once.web.test_client()
    assert client.post(path, data=changed, headers=tampered).status_code == 403
    assert call_row(asked_once) == row
    assert progress(asked_once) == []


def test_fields_in_the_url_are_no_answer(asked_once: Server) -> None:
    """What the carrier posts stands in the body; a query is seen by every proxy."""
    assert "<Pay " in said(asked_once, f"{TURN}?Result=success&PaymentToken={TOKEN}&PaymentCardNumber=x4242")


def test_where_the_carrier_goes_on_behind_the_verb(asked_once: Server) -> None:
    """Some say nothing after the last attempt, and go on with the next verb: our Redirect."""
    document = said(asked_once, "/voice/call_1/t/1", Digits="1")
    behind = document.partition('<Redirect method="POST">')[2].partition("<")[0]
    assert "You were not charged." in said(asked_once, behind)


def test_a_carrier_redirect_without_an_answer_is_asked_again(asked_once: Server) -> None:
    """Our answer to its answer was lost, say, and the fallback sent it here: the card is asked once more."""
    again = said(asked_once, TURN)
    assert 'action="/voice/call_1/t/3#' in again
    assert said(asked_once, TURN, **ANSWER) == again, "an answer to the earlier one comes too late"
    assert "Another card, 2." in said(asked_once, "/voice/call_1/t/3", **ANSWER)


def test_the_fallback_in_the_middle_of_a_card(asked_once: Server) -> None:
    asked_once.expected |= {"carrier_fallback"}
    back = said(asked_once, "/voice/fallback", ErrorCode="11200", **ANSWER)
    assert f">{TURN}#" in back
    assert TOKEN not in back
    assert "<Pay " in said(asked_once, TURN)


def test_a_turn_that_fails_asks_the_card_again(asked_once: Server) -> None:
    """A bug, a database away: the caller is told, keys once more, and nobody is charged for that."""
    asked_once.expected |= {"turn_failed"}
    with patch.object(Turns, "_hear", side_effect=ZeroDivisionError):
        apology = said(asked_once, TURN, **ANSWER)
    assert "something went wrong" in apology
    onward = said(asked_once, "/voice/call_1/trouble/2/1")
    assert "<Pay " in said(asked_once, onward.partition('<Redirect method="POST">')[2].partition("<")[0])
    assert call_row(asked_once).session["token"] is None


@pytest.mark.slow
@pytest.mark.parametrize("trouble", [Trouble.TWICE, Trouble.COPY_LATE])
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_every_webhook_comes_twice(start_server: Start, kind: str, trouble: Trouble) -> None:
    server = start_server(kind, CARD_ENTRY="pay")
    server.add_bill()
    transport = TroubledTransport(server.transport, every(trouble))
    pay(server, ["1", "4242#", *CARD, "1"], transport=transport)
    server.pass_time(120)
    check(server)
    assert len(server.bank.rows("SELECT key FROM movement WHERE state = 'approved'")) == 1
    assert len({str(one) for one in progress(server)}) == len(progress(server)) == 5


# Hanging up -------------------------------------------------------------------------------------------------


def test_a_hang_up_inside_is_the_end_of_the_call(asked: Server) -> None:
    document = said(asked, TURN, Result="caller-hung-up", CallStatus="completed")
    assert document.endswith("<Response><Hangup/></Response>")
    row = call_row(asked)
    assert (row.status, row.ended_because, row.session["step"]) == ("ended", "completed", "take_card")
    assert post(asked, "/voice/status", {"CallStatus": "completed"}).status_code == 204
    assert said(asked, TURN, **ANSWER).endswith("<Response><Hangup/></Response>")
    with reading(asked.on.engine) as connection:
        kinds = connection.execute(sa.select(schema.timeline.c.kind)).scalars().all()
        assert connection.execute(sa.select(schema.attempt)).all() == []
    assert kinds.count("call.ended") == 1
    assert "step.left" not in kinds[kinds.index("call.ended") :]


# The reports on the way -------------------------------------------------------------------------------------


def test_progress_is_kept_masked(asked: Server) -> None:
    for fields in (
        {"For": "payment-card-number", "Attempt": "1"},
        {"For": "payment-card-number", "Attempt": "2", "ErrorType": "invalid-card-number"},
        {"For": "expiration-date", "Attempt": "1", "PaymentCardNumber": "xxxxxxxxxxxx4242"},
        {"For": "postal-code", "Attempt": "1", "ExpirationDate": "0931", "PaymentCardPostalCode": "28001"},
        {"For": "4242424242424242", "Attempt": "x", "ErrorType": "4242424242424242"},
    ):
        assert post(asked, REPORTS, fields).status_code == 204
    assert [(one["field"], one["attempt"], one["mistake"]) for one in progress(asked)] == [
        ("number", 1, None),
        ("number", 2, "wrong_number_of_digits_or_check"),
        ("expiry", 1, None),
        ("postal_code", 1, None),
        ("other", None, "other"),
    ]
    with reading(asked.on.engine) as connection:
        kept = repr(connection.execute(sa.select(schema.timeline)).all()) + repr(asked.logs)
    assert not [word for word in ("0931", "28001", "4242") if word in kept.replace(REFERENCE, "")]


def test_a_repeated_report_is_kept_once(asked: Server) -> None:
    for _ in range(3):
        assert post(asked, REPORTS, {"For": "expiration-date", "Attempt": "1"}).status_code == 204
    assert len(progress(asked)) == 1


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        ("/voice/call_1/pay/0", {}),
        ("/voice/call_1/pay/2", {}),
        ("/voice/call_9/pay/1", {}),
        (REPORTS, {"CallSid": "CA" + "2" * 32}),
        (REPORTS, {"For": ""}),
        (REPORTS, ANSWER | {"For": ""}),
    ],
)
def test_a_report_of_something_else_is_dropped(
    asked_once: Server, path: str, changed: dict[str, str]
) -> None:
    fields = {"For": "expiration-date", "Attempt": "1", **changed}
    assert post(asked_once, path, fields).status_code == 204
    assert progress(asked_once) == []


def test_a_late_report_is_dropped(asked_once: Server) -> None:
    said(asked_once, TURN, **ANSWER)
    assert post(asked_once, REPORTS, {"For": "security-code", "Attempt": "1"}).status_code == 204
    post(asked_once, "/voice/status", {"CallStatus": "completed"})
    assert post(asked_once, REPORTS, {"For": "security-code", "Attempt": "1"}).status_code == 204
    assert progress(asked_once) == []


@pytest.mark.slow
def test_a_second_card_has_reports_of_its_own(start_server: Start) -> None:
    server = start_server(CARD_ENTRY="pay")
    server.add_bill()
    pay(server, ["1", *CARD, "2", *CARD, "1"])
    turns = [one["turn"] for one in progress(server)]
    assert len(turns) == 8
    assert len(set(turns)) == 2


# When the mode is changed -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_call_that_began_at_the_pci_process_goes_on_kindly(
    start_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CARD_ENTRY was changed while a card was being keyed."""
    server = start_server()
    server.add_bill()
    said(server, "/voice/incoming")
    assert "/pci/e/" in said(server, "/voice/call_1/t/1", Digits="1")
    later = start_server(CARD_ENTRY="pay").another_web(engine=server.on.engine)
    monkeypatch.setattr(server, "web", later)
    assert "I cannot take cards at the moment. You were not charged." in said(server, TURN)


def test_a_carriers_card_entry_outlives_a_change_of_settings(
    start_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = card_is_asked(start_server(CARD_ENTRY="pay"))
    monkeypatch.setattr(server, "web", start_server().another_web(engine=server.on.engine))
    assert "Another card, 2." in said(server, TURN, **ANSWER)


@pytest.mark.slow
def test_under_a_path_of_its_own(start_server: Start) -> None:
    """PUBLIC_URL with a path: action, reports and the way behind all begin with it."""
    server = start_server(
        CARD_ENTRY="pay", PUBLIC_URL=f"{WEB}/phone", PCI_PUBLIC_URL="https://cards.pay.example/phone"
    )
    server.add_bill()
    heard: list[PhoneEvent] = []
    settings = call_settings(
        incoming_url=f"{WEB}/phone/voice/incoming",
        fallback_url=f"{WEB}/phone/voice/fallback",
        status_url=f"{WEB}/phone/voice/status",
        to_number=ENGLISH,
    )
    ended, lines, _ = pay(
        server, WAY["tokenize"], settings=settings, listener=heard.append, habits=carriers_habits(server)
    )
    assert ended.faults == ()
    assert "You have paid" in lines[-2]
    assert len(progress(server)) == 4
