"""The carrier's door as strangers, a confused carrier and a late one meet it: never a 500."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from flows.language import UnknownStepError
from gateways.secret import Secret
from ivr.calls.turns import RejoinPoint, Turns
from ivr.platform.database.engine import reading
from ivr.simulators.phone.schema import validate
from tests.support import schema
from tests.support.captured_logs import captured_logs
from tests.support.carrier_signature import signed_headers
from tests.support.phone import ACCOUNT_SID, AUTH_TOKEN, CALLER, WEB
from tests.support.server import ENGLISH, REFERENCE, SPANISH, Server

Start = Callable[..., Server]
SID = "CA" + "1" * 32
PATHS = (
    "/voice/incoming",
    "/voice/call_1/t/1",
    "/voice/call_1/pay/1",
    "/voice/status",
    "/voice/fallback",
    "/voice/call_1/trouble/1/1",
    "/voice/call_1/person",
)


def form(**changed: str) -> dict[str, str]:
    return {
        "CallSid": SID,
        "AccountSid": ACCOUNT_SID,
        "From": CALLER,
        "To": ENGLISH,
        "CallStatus": "in-progress",
        **changed,
    }


def post(
    server: Server,
    path: str,
    fields: Mapping[str, str] | None = None,
    *,
    token: Secret = AUTH_TOKEN,
    **more: Any,
) -> TestResponse:
    """A webhook signed with this token."""
    sent = form() if fields is None else fields
    headers = signed_headers(token, WEB + path, sent)
    return server.web.test_client().post(path, data=sent, headers=headers, **more)


def said(server: Server, path: str, **fields: str) -> str:
    answer = post(server, path, form(**fields))
    assert answer.status_code == 200
    assert validate(answer.text) == []
    return answer.text


def calls(server: Server) -> list[Any]:
    with reading(server.on.engine) as connection:
        return list(connection.execute(sa.select(schema.call)).all())


def events(server: Server) -> list[str]:
    with reading(server.on.engine) as connection:
        return list(
            connection.execute(sa.select(schema.timeline.c.kind).order_by(schema.timeline.c.id)).scalars()
        )


# Who is no carrier of ours ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_strangers_are_refused(server: Server, path: str) -> None:
    server.add_bill()
    said(server, "/voice/incoming")
    before = (calls(server), events(server))
    client = server.web.test_client()
    assert client.post(path, data=form()).status_code == 403
    assert post(server, path, token=Secret("another token")).status_code == 403
    assert post(server, path, form(AccountSid="AC" + "9" * 32)).status_code == 403
    other = signed_headers(AUTH_TOKEN, "https://elsewhere.example" + path, form())
    assert client.post(path, data=form(), headers=other).status_code == 403
    tampered = signed_headers(AUTH_TOKEN, WEB + path, form())
    assert client.post(path, data=form(From="+34699999999"), headers=tampered).status_code == 403
    assert (calls(server), events(server)) == before


@pytest.mark.parametrize("path", PATHS)
def test_what_is_no_form_is_refused(server: Server, path: str) -> None:
    client = server.web.test_client()
    headers = signed_headers(AUTH_TOKEN, WEB + path, {})
    for body, kind in (
        (b'{"CallSid": "CA1"}', "application/json"),
        (b"CallSid=%ff", "application/x-www-form-urlencoded"),
        (b"CallSid=%00", "application/x-www-form-urlencoded"),
        (b"&".join(b"a=%d" % n for n in range(400)), "application/x-www-form-urlencoded"),
        (b"CallSid=" + b"x" * 70_000, "application/x-www-form-urlencoded"),
    ):
        answer = client.post(path, data=body, content_type=kind, headers=headers)
        assert answer.status_code == 400, (path, body[:30])
    assert client.get(path, headers=headers).status_code == 405


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("call_sid", ["", "x" * 65, "CA\N{SNOWMAN}"])
def test_a_webhook_without_a_usable_call_sid(server: Server, path: str, call_sid: str) -> None:
    assert post(server, path, form(CallSid=call_sid)).status_code == 400
    without = {name: value for name, value in form().items() if name != "CallSid"}
    assert post(server, path, without).status_code == 400


def test_the_address_of_another_call_is_refused(server: Server) -> None:
    server.add_bill()
    said(server, "/voice/incoming")
    other = "CA" + "2" * 32
    assert post(server, "/voice/call_1/t/1", form(CallSid=other, Digits="1")).status_code == 403
    assert post(server, "/voice/call_1/t/0", form(CallSid=other)).status_code == 403
    assert calls(server)[0].turn == 1


def test_an_address_that_nobody_was_given(server: Server) -> None:
    assert "Please call again later" in said(server, "/voice/call_99/t/3", Digits="1")


def test_a_card_number_in_address_and_fields_is_neither_kept_nor_logged(server: Server) -> None:
    pan, server.expected = "4000056655665556", {"carrier_fallback"}
    server.add_bill()
    with captured_logs("debug") as stream:
        for path in (f"/voice/{pan}/t/{'9' * 20}", f"/voice/{pan}/pay/{'9' * 4400}"):
            assert post(server, path, form(Digits=pan, ErrorCode=pan)).status_code in {200, 204}
        said(server, "/voice/incoming", To=pan, StirVerstat=pan)
        said(server, "/voice/fallback", ErrorCode=f"9{pan}")
        assert post(server, "/voice/call_1/t/" + "9" * 4400).status_code == 200
    [kept] = calls(server)
    assert kept.to_number == ""
    assert pan not in str(kept)
    assert "unknown_call" in stream.getvalue()
    assert pan not in stream.getvalue()


@pytest.mark.parametrize("called", [ENGLISH, "+34 910 00 00 00", "910000000"])
def test_the_number_that_was_called_is_kept_as_the_carrier_writes_it(server: Server, called: str) -> None:
    said(server, "/voice/incoming", To=called)
    assert [one.to_number for one in calls(server)] == [called]


# Anything in the form ---------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
KEYS = st.text("0123456789*#", max_size=24)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "From": st.one_of(TEXT, st.from_regex(r"\+?[0-9]{0,20}", fullmatch=True)),
        "To": TEXT,
        "Digits": st.one_of(TEXT, KEYS),
        "FinishedOnKey": TEXT,
        "DialCallStatus": st.one_of(TEXT, st.sampled_from(["completed", "busy", "no-answer"])),
        "CallStatus": st.one_of(TEXT, st.sampled_from(["ringing", "in-progress", "completed", "failed"])),
        "ErrorCode": TEXT,
        "SpeechResult": TEXT,
        "Result": st.one_of(TEXT, st.sampled_from(["success", "caller-hung-up", "internal-error"])),
        "PaymentToken": TEXT,
        "PaymentCardNumber": st.one_of(TEXT, KEYS),
        "ExpirationDate": st.one_of(TEXT, KEYS),
        "For": TEXT,
        "\N{SNOWMAN}": TEXT,
    },
)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "examples"), [("sqlite", 150), ("postgres", 40)])
def test_never_a_500_whatever_the_form_holds(start_server: Start, kind: str, examples: int) -> None:
    server = start_server(kind)
    server.expected |= {"carrier_fallback", "pay_answer_unusable", "pay_failed"}
    server.add_bill()
    numbers = itertools.count(1)

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(FIELDS, st.lists(FIELDS, max_size=4), st.sampled_from(["/voice/fallback", "/voice/status"]))
    def ring(first: dict[str, str], then: list[dict[str, str]], last: str) -> None:
        sid = f"CA{next(numbers):032x}"
        count = len(calls(server)) + 1
        path = "/voice/incoming"
        for turn, fields in enumerate([first, *then]):
            answer = post(server, path, form(**{"CallSid": sid, **fields}))
            assert answer.status_code in {200, 400}, (path, fields)
            if answer.status_code == 200:
                assert validate(answer.text) == []
            path = f"/voice/call_{count}/t/{turn + 1}"
        assert post(server, last, form(CallSid=sid, **then[0] if then else {})).status_code in {200, 204, 400}

    ring()


# The status callback ----------------------------------------------------------------------------------------


def test_a_call_ends_once_however_often_it_is_told(server: Server) -> None:
    server.add_bill()
    said(server, "/voice/incoming")
    for _ in range(3):
        assert post(server, "/voice/status", form(CallStatus="completed")).status_code == 204
    assert post(server, "/voice/status", form(CallStatus="failed")).status_code == 204
    assert events(server).count("call.ended") == 1
    assert calls(server)[0].ended_because == "completed"


@pytest.mark.parametrize("status", ["queued", "ringing", "in-progress", "", "nonsense"])
def test_a_status_that_ends_nothing(server: Server, status: str) -> None:
    server.add_bill()
    said(server, "/voice/incoming")
    assert post(server, "/voice/status", form(CallStatus=status)).status_code == 204
    assert calls(server)[0].status == "active"


def test_a_status_of_a_call_that_never_reached_us(server: Server) -> None:
    assert post(server, "/voice/status", form(CallStatus="no-answer")).status_code == 204
    assert calls(server) == []


def test_a_webhook_that_comes_after_the_end(server: Server) -> None:
    """Its answer is what it was, or a hang-up; nothing begins anew."""
    server.add_bill()
    hello = said(server, "/voice/incoming")
    post(server, "/voice/status", form(CallStatus="completed"))
    assert said(server, "/voice/incoming") == hello
    assert said(server, "/voice/call_1/t/1", Digits="1").endswith("<Response><Hangup/></Response>")
    assert calls(server)[0].turn == 1
    assert server.pci_parts.metrics is not None
    with reading(server.pci_parts.engine) as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM card_entry")).scalar_one() == 0


def test_the_end_is_told_to_pci_also_where_it_is_down(server: Server) -> None:
    server.add_bill()
    said(server, "/voice/incoming")
    server.pci_connection.down = True
    assert post(server, "/voice/status", form(CallStatus="completed")).status_code == 204
    assert calls(server)[0].status == "ended"


# The fallback -----------------------------------------------------------------------------------------------


@pytest.fixture
def falling(server: Server) -> Server:
    server.expected |= {"carrier_fallback"}
    return server


def redirected(document: str) -> str:
    return document.partition('<Redirect method="POST">')[2].partition("<")[0].partition("#")[0]


def test_the_fallback_asks_the_question_again(falling: Server) -> None:
    falling.add_bill()
    hello = said(falling, "/voice/incoming")
    back = said(falling, "/voice/fallback", ErrorCode="11200", Digits="4242424242424242")
    assert "One moment, please." in back
    assert said(falling, redirected(back)) == hello, "whatever keys the carrier repeats are not read"


def test_the_fallback_during_a_card_entry_leads_to_its_standing_question(falling: Server) -> None:
    falling.add_bill()
    said(falling, "/voice/incoming")
    entry = redirected(said(falling, "/voice/call_1/t/1", Digits="1"))
    pci = falling.pci.test_client()

    def key(url: str, **fields: str) -> str:
        sent = form(**fields)
        path = url.removeprefix("https://cards.pay.example")
        return pci.post(path, data=sent, headers=signed_headers(AUTH_TOKEN, url, sent)).text

    key(entry)
    expiry = key(entry.replace("/t/0", "/t/1"), Digits="4242424242424242")
    assert "its expiry" in expiry
    back = said(falling, "/voice/fallback", ErrorCode="11205")
    standing = redirected(said(falling, redirected(back)))
    assert key(standing) == expiry


def test_a_call_whose_first_webhook_was_lost_begins_at_the_fallback(falling: Server) -> None:
    """In the language of the number called, and whatever keys the carrier repeats are not read."""
    falling.add_bill()
    back = said(falling, "/voice/fallback", ErrorCode="11200", To=SPANISH, Digits="1")
    assert "Hay 49 euros y 90 céntimos por pagar." in back
    late = said(falling, "/voice/incoming", To=SPANISH)
    assert late == back, "the first one arrives after all"
    assert [(one.status, one.turn) for one in calls(falling)] == [("active", 1)]


def test_a_failing_fallback_is_retried_up_to_a_limit(
    falling: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    falling.expected |= {"turn_failed"}
    hello = said(falling, "/voice/incoming")
    real, faults = Turns.rejoin, [RuntimeError("planted")] * 3 + [UnknownStepError("planted")]

    def rejoin(self: Turns, *given: Any) -> RejoinPoint | None:
        if faults:
            raise faults.pop(0)
        return real(self, *given)

    monkeypatch.setattr(Turns, "rejoin", rejoin)
    url = "/voice/fallback"
    for _ in range(2):
        sorry = said(falling, url)
        assert "something went wrong on our side" in sorry
        url = redirected(said(falling, sorry.partition('action="')[2].partition('"')[0]))
    assert said(falling, url).endswith("<Hangup/></Response>"), "the third time"
    url = redirected(said(falling, "/voice/fallback"))  # a deploy is rolling
    assert url == "/voice/fallback?waits=1"
    assert said(falling, redirected(said(falling, url))) == hello


def test_the_fallback_after_the_end(falling: Server) -> None:
    falling.add_bill()
    said(falling, "/voice/incoming")
    post(falling, "/voice/status", form(CallStatus="completed"))
    assert "Please call again later" in said(falling, "/voice/fallback", ErrorCode="11200")
    ended = said(falling, "/voice/fallback", ErrorCode="11200", CallStatus="completed")
    assert ended.endswith("<Response><Hangup/></Response>")


@pytest.mark.parametrize(
    ("called", "goodbye"), [(ENGLISH, "Please call again later"), (SPANISH, "vuelva a llamar más tarde")]
)
def test_the_fallback_gives_up_in_the_end_and_in_the_callers_language(
    falling: Server, called: str, goodbye: str
) -> None:
    falling.add_bill()
    said(falling, "/voice/incoming", To=called)
    heard = [said(falling, "/voice/fallback", ErrorCode="11200", To=called) for _ in range(3)]
    assert ["Redirect" in one for one in heard] == [True, True, False]
    assert goodbye in heard[-1]


def test_a_repeat_of_the_beginning_makes_no_second_call(server: Server) -> None:
    server.add_bill(REFERENCE)
    first = said(server, "/voice/incoming")
    said(server, "/voice/call_1/t/1", Digits="2")
    assert said(server, "/voice/incoming") == first
    assert len(calls(server)) == 1
    assert calls(server)[0].turn == 2
