"""A call from the first ring to the status callback: what is posted, where it goes on, how it ends."""

from collections.abc import Mapping
from dataclasses import replace
from xml.sax.saxutils import escape

import flask
import pytest

from ivr.simulators.phone.engine import Call, Limits
from ivr.simulators.phone.events import (
    Dialed,
    DialStatus,
    Ended,
    Faulted,
    Paused,
    Played,
    Reason,
    Redirected,
    Said,
)
from ivr.simulators.phone.keys import HANG_UP
from ivr.simulators.phone.transport import Form, NotConnectedError, NoWebhookAnswerError
from ivr.simulators.phone.transport import HttpAnswer as Delivered
from ivr.simulators.phone.webhooks import CallSettings
from tests.support.phone import AUTH_TOKEN, WEB, Heard, call_settings, ring
from tests.support.script import Act, Line, ScriptedCaller, pressing
from tests.support.time_and_ids import ManualClock, SequentialIds
from tests.support.twiml_server import TinyServer


def said(heard: Heard) -> list[str]:
    return [each.text for each in heard.of(Said)]


def test_the_first_webhook_is_the_carriers(clock: ManualClock) -> None:
    server = TinyServer({"/voice/incoming": "<Hangup/>"})
    settings = call_settings(extra={"CallerName": "José", "StirVerstat": "TN-Validation-Passed-A"})
    ended, _ = ring(server.transport, clock, settings=settings)
    assert ended == Ended(Reason.SERVER)
    (form,) = server.forms("/voice/incoming")
    assert form == {
        "CallSid": settings.call_sid,
        "AccountSid": settings.account_sid,
        "ApiVersion": "2010-04-01",
        "Direction": "inbound",
        "CallStatus": "ringing",
        "From": "+34600111222",
        "Caller": "+34600111222",
        "FromCountry": "ES",
        "CallerCountry": "ES",
        "To": "+34910000000",
        "Called": "+34910000000",
        "ToCountry": "ES",
        "CalledCountry": "ES",
        "CallerName": "José",
        "StirVerstat": "TN-Validation-Passed-A",
    }


def test_a_fresh_call_sid_looks_like_the_carriers(ids: SequentialIds) -> None:
    one, other = (
        CallSettings.to_server(
            f"{WEB}/",
            ids=ids,
            account_sid="AC1",
            auth_token=AUTH_TOKEN,
            from_number="anonymous",
            to_number="+34910000000",
        )
        for _ in range(2)
    )
    assert one.call_sid != other.call_sid
    assert one.call_sid.startswith("CA")
    assert len(one.call_sid) == 34
    assert one.incoming_url == f"{WEB}/voice/incoming#rc=5&rp=ct,rt,5xx"
    assert AUTH_TOKEN.reveal() not in repr(one)


def test_verbs_are_performed_in_their_order(clock: ManualClock) -> None:
    server = TinyServer(
        {
            "/voice/incoming": '<Say language="es-ES" voice="Polly.Lucia">Son <break/>veinte  euros.</Say>'
            '<Play>sounds/bell.wav</Play><Pause length="3"/><Say loop="2">Bye.</Say>'
        }
    )
    began = clock.now()
    ended, heard = ring(server.transport, clock)
    assert heard.events == [
        Said("Son veinte euros.", "es-ES", "Polly.Lucia"),
        Played(f"{WEB}/voice/sounds/bell.wav"),
        Paused(3),
        Said("Bye.", None, None),
        Said("Bye.", None, None),
        ended,
    ]
    assert ended.reason is Reason.END_OF_DOCUMENT
    assert (clock.now() - began).total_seconds() == 3


def test_relative_addresses_stand_on_their_document(clock: ManualClock) -> None:
    server = TinyServer(
        {
            "/voice/incoming": "<Redirect>a/b/one#rc=2&amp;rt=5000</Redirect>",
            "/voice/a/b/one": '<Gather action="../two?x=%2F&amp;n=Jos%C3%A9" numDigits="1"/><Hangup/>',
            "/voice/a/two": "<Redirect>?again=1</Redirect>",
        }
    )
    server.pages["/voice/a/two"] = lambda _: (
        "<Hangup/>" if "again" in flask.request.args else "<Redirect>?again=1</Redirect>"
    )
    ended, heard = ring(server.transport, clock, ["1"])
    assert not ended.faults
    assert [each.url for each in server.transport.posted][1:4] == [
        f"{WEB}/voice/a/b/one",
        f"{WEB}/voice/a/two?x=%2F&n=Jos%C3%A9",
        f"{WEB}/voice/a/two?again=1",
    ]
    assert heard.of(Redirected)[0].url == f"{WEB}/voice/a/b/one"


def test_the_end_is_reported_once_with_its_length(clock: ManualClock) -> None:
    server = TinyServer({"/voice/incoming": '<Pause length="61"/>'})
    ring(server.transport, clock)
    (form,) = server.forms("/voice/status")
    assert (form["CallStatus"], form["CallDuration"], form["Duration"]) == ("completed", "61", "2")
    assert (form["SequenceNumber"], form["Timestamp"]) == ("0", "Sun, 22 Nov 2026 10:01:01 +0000")
    assert form["CallSid"] == call_settings().call_sid


def test_a_caller_who_hangs_up_posts_no_keys(clock: ManualClock) -> None:
    server = TinyServer({"/voice/incoming": '<Gather action="/a"/><Hangup/>'})
    ended, _ = ring(server.transport, clock, [])
    assert ended.reason is Reason.CALLER
    assert server.paths == ["/voice/incoming", "/voice/status"]


def test_a_caller_who_hangs_up_while_waiting(clock: ManualClock) -> None:
    server = TinyServer({"/voice/incoming": '<Pause length="60"/><Redirect>/never</Redirect>'})
    script = ScriptedCaller([Line("(hang up while waiting)", Act.HANG_UP_WAITING)])
    began = clock.now()
    ended = Call(call_settings(), caller=script, transport=server.transport, clock=clock).run()
    assert ended == Ended(Reason.CALLER)
    assert server.paths == ["/voice/incoming", "/voice/status"]
    assert (clock.now() - began).total_seconds() < 1


@pytest.mark.parametrize(
    ("reason", "status"), [("busy", "busy"), ("rejected", "no-answer"), (None, "no-answer")]
)
def test_a_rejected_call_was_never_answered(clock: ManualClock, reason: str | None, status: str) -> None:
    attribute = f' reason="{reason}"' if reason else ""
    server = TinyServer({"/voice/incoming": f"<Reject{attribute}/><Say>Never said.</Say>"})
    ended, heard = ring(server.transport, clock)
    assert ended.reason is Reason.REJECTED
    assert said(heard) == []
    assert server.forms("/voice/status")[0]["CallStatus"] == status


@pytest.mark.parametrize("answer", DialStatus)
def test_a_person_is_rung_and_the_action_told(clock: ManualClock, answer: DialStatus) -> None:
    server = TinyServer(
        {
            "/voice/incoming": '<Dial action="/dialed" timeout="25"><Number>+34911111111</Number></Dial>'
            "<Say>Never said.</Say>",
            "/dialed": "<Hangup/>",
        }
    )
    began = clock.now()
    _, heard = ring(server.transport, clock, person=answer)
    assert heard.of(Dialed) == [Dialed("+34911111111", answer)]
    assert [form["DialCallStatus"] for form in server.forms("/dialed")] == [answer]
    assert (clock.now() - began).total_seconds() == (25 if answer is DialStatus.NO_ANSWER else 0)
    assert said(heard) == []


def test_a_dial_without_action_goes_on_behind(clock: ManualClock) -> None:
    server = TinyServer({"/voice/incoming": "<Dial>+34911111111</Dial><Say>Are you still there?</Say>"})
    _, heard = ring(server.transport, clock, person=DialStatus.BUSY)
    assert said(heard) == ["Are you still there?"]


class TestLimits:
    def test_redirects_that_say_nothing_are_cut_off(self, clock: ManualClock) -> None:
        server = TinyServer({"/voice/incoming": "<Redirect>/voice/incoming</Redirect>"})
        ended, _ = ring(server.transport, clock)
        assert ended.reason is Reason.FAULT
        assert "100 redirects, and nothing was said" in ended.faults[0].fault
        assert server.paths.count("/voice/incoming") == 101

    def test_redirects_with_a_wait_go_on_until_the_longest_call(self, clock: ManualClock) -> None:
        server = TinyServer({"/voice/incoming": '<Pause length="2"/><Redirect>/voice/incoming</Redirect>'})
        call = Call(
            call_settings(),
            caller=pressing(),
            transport=server.transport,
            clock=clock,
            limits=Limits(call_s=500),
        )
        assert call.run().reason is Reason.TOO_LONG
        assert len(server.forms("/voice/incoming")) == 251
        assert server.forms("/voice/status")[0]["CallStatus"] == "completed"

    def test_a_caller_cannot_press_what_no_keypad_has(self, clock: ManualClock) -> None:
        server = TinyServer({"/voice/incoming": '<Gather action="/a"/><Hangup/>'})
        with pytest.raises(ValueError, match="'x' is not a key"):
            ring(server.transport, clock, ["1x"])


def broken(status: int = 200, content_type: str = "text/xml", body: str = "<Response/>") -> flask.Response:
    return flask.Response(body, status, content_type=content_type)


BROKEN = {
    "an error": (broken(500), 11200, "answered 500"),
    "a refusal": (broken(403), 11200, "answered 403"),
    "an HTTP redirect": (broken(302), 11200, "answered 302"),
    "a page for people": (broken(content_type="text/html"), 12300, "text/html"),
    "JSON": (broken(content_type="application/json", body="{}"), 12300, "application/json"),
    "no XML": (broken(body="<Response>"), 12200, "no XML"),
    "an empty answer": (broken(body=""), 12200, "no XML"),
    "Latin-1": (flask.Response(b"<Response>\xf1</Response>", content_type="text/xml"), 12100, "UTF-8"),
    "a long document": (broken(body=f"<Response><Say>{'x' * 64_000}</Say></Response>"), 11750, "64000 bytes"),
    "an unknown verb": (broken(body="<Response><Shout/></Response>"), 12200, "may not hold <Shout>"),
    "two faults": (broken(body='<Response><Shout/><Say a="b">x</Say></Response>'), 12200, "no attribute a"),
    "a Gather into silence": (broken(body='<Response><Gather action="/a"/></Response>'), 12200, "silence"),
    "a recording": (broken(body="<Response><Record/></Response>"), 12200, "<Record> is not run"),
    "keys in a URL": (broken(body='<Response><Redirect method="GET">/a</Redirect></Response>'), 12200, "GET"),
}  # fmt: skip


class TestFaults:
    @pytest.mark.parametrize(("answer", "code", "words"), BROKEN.values(), ids=BROKEN)
    def test_a_broken_answer_asks_the_fallback(
        self, clock: ManualClock, answer: flask.Response, code: int, words: str
    ) -> None:
        server = TinyServer(
            {
                "/voice/incoming": '<Gather action="/broken" numDigits="2"/><Hangup/>',
                "/broken": lambda _: answer,
                "/voice/fallback": "<Redirect>behind</Redirect>",
                "/voice/behind": "<Say>Sorry for that.</Say>",
            }
        )
        ended, heard = ring(server.transport, clock, ["42"])
        (fault,) = ended.faults
        assert (fault.code, fault.url) == (code, f"{WEB}/broken")
        assert words in fault.fault
        (form,) = server.forms("/voice/fallback")
        assert (form["ErrorCode"], form["ErrorUrl"]) == (str(code), f"{WEB}/broken")
        assert form["Digits"] == "42", "a carrier may repeat the keys: the server must be ready for them"
        assert said(heard) == ["Sorry for that."]
        assert ended.reason is Reason.END_OF_DOCUMENT

    def test_where_the_fallback_fails_too_the_call_is_over(self, clock: ManualClock) -> None:
        server = TinyServer(
            {"/voice/incoming": lambda _: broken(500), "/voice/fallback": lambda _: broken(500)}
        )
        ended, heard = ring(server.transport, clock)
        assert ended.reason is Reason.FAULT
        assert [fault.url for fault in ended.faults] == [f"{WEB}/voice/incoming", f"{WEB}/voice/fallback"]
        assert heard.of(Faulted) == list(ended.faults)
        assert server.paths == ["/voice/incoming", "/voice/fallback", "/voice/status"]
        assert server.forms("/voice/status")[0]["CallStatus"] == "failed"

    def test_without_a_fallback_it_is_over_at_once(self, clock: ManualClock) -> None:
        server = TinyServer({"/voice/incoming": lambda _: broken(500)})
        settings = replace(call_settings(), fallback_url=None, status_url=None)
        ended, _ = ring(server.transport, clock, settings=settings)
        assert ended.reason is Reason.FAULT
        assert server.paths == ["/voice/incoming"]

    def test_a_status_callback_that_fails_is_told(self, clock: ManualClock) -> None:
        server = TinyServer({"/voice/incoming": "<Hangup/>", "/voice/status": lambda _: broken(500)})
        ended, _ = ring(server.transport, clock)
        assert ended.reason is Reason.SERVER
        assert [str(fault) for fault in ended.faults] == [
            f"error 11200 at {WEB}/voice/status: the server answered 500"
        ]

    def test_a_wrong_token_is_refused_by_the_twilio_librarys_own_check(self, clock: ManualClock) -> None:
        server = TinyServer({"/voice/incoming": "<Hangup/>"})
        other = type(AUTH_TOKEN)("not the carrier's")
        ended, _ = ring(server.transport, clock, settings=call_settings(auth_token=other))
        assert ended.reason is Reason.FAULT
        assert "answered 403" in ended.faults[0].fault

    def test_a_webhook_that_never_arrived_is_sent_once_more(self, clock: ManualClock) -> None:
        server = TinyServer({"/voice/incoming": "<Say>Hello.</Say>", "/voice/fallback": "<Hangup/>"})
        refusals: list[NotConnectedError | None] = [NotConnectedError("refused"), None]

        class Refusing:
            def post(self, url: str, form: Form, headers: Mapping[str, str]) -> Delivered:
                refusal = refusals.pop(0) if refusals else None
                if refusal:
                    raise refusal
                return server.transport.post(url, form, headers)

        ended, heard = ring(Refusing(), clock)
        assert not ended.faults
        assert said(heard) == ["Hello."]
        refusals.extend([NotConnectedError("refused")] * 2)
        ended, _ = ring(Refusing(), clock)
        assert [(fault.code, fault.url) for fault in ended.faults] == [(11205, f"{WEB}/voice/incoming")]

    @pytest.mark.parametrize(
        ("asked", "failures", "code"),
        [
            ("#rc=5&rp=ct,rt,5xx", ["refused"] * 5, None),
            ("#rc=5&rp=ct,rt,5xx", ["refused"] * 6, 11205),
            ("#rc=5&rp=ct,rt,5xx", [503, "refused", 500, 502], None),
            ("#rc=5&rp=ct,rt,5xx", [404], 11200),
            ("#rc=5&rp=ct,rt,5xx", ["no answer"], 11205),
            ("#rc=2&rp=all", [404, 500], None),
            ("#rc=2", ["refused"] * 2, None),
            ("#rc=2", [503], 11200),
            ("#rc=0", ["refused"], 11205),
        ],
    )
    def test_retries_are_those_that_the_address_asks_for(
        self, clock: ManualClock, asked: str, failures: list[str | int], code: int | None
    ) -> None:
        """In a document, too; and the fragment stays with the carrier."""
        server = TinyServer(
            {
                "/voice/incoming": f"<Say>Hello.</Say><Redirect>next{escape(asked)}</Redirect>",
                "/voice/next": "<Hangup/>",
            }
        )
        tried: list[tuple[str, str]] = []

        class Failing:
            def post(self, url: str, form: Form, headers: Mapping[str, str]) -> Delivered:
                if not url.endswith("/next"):
                    return server.transport.post(url, form, headers)
                tried.append((url, headers["I-Twilio-Idempotency-Token"]))
                failure = failures[len(tried) - 1] if len(tried) <= len(failures) else None
                if isinstance(failure, int):
                    return Delivered(failure)
                if failure == "no answer":
                    raise NoWebhookAnswerError(failure)
                if failure:
                    raise NotConnectedError(failure)
                return server.transport.post(url, form, headers)

        ended, heard = ring(Failing(), clock, settings=call_settings(fallback_url=None))
        assert [fault.code for fault in ended.faults] == ([] if code is None else [code])
        assert len(tried) == len(failures) + (code is None)
        assert len(set(tried)) == 1
        assert tried[0][0] == f"{WEB}/voice/next"
        assert heard.of(Redirected) == [Redirected(f"{WEB}/voice/next")]


def test_hang_up_is_one_value() -> None:
    assert HANG_UP is type(HANG_UP)("hang up")
