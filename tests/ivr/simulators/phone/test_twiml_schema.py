"""What the schema takes and refuses: derived from the twilio library, it passes whatever that builds."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.twiml.voice_response import Gather, VoiceResponse

from ivr.simulators.phone.schema import children, root, validate


def document(verbs: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{verbs}</Response>'


@pytest.mark.parametrize(
    "verbs",
    [
        "",
        "<Say>Hello</Say>",
        '<Say voice="Polly.Amy" language="en-GB">It is <say-as interpret-as="digits">12</say-as>.</Say>',
        '<Say>First <break time="200ms"/> <emphasis level="strong">now</emphasis>.</Say>',
        '<Say>In <lang xml:lang="es-ES">español</lang></Say>',
        '<Gather action="/a" input="dtmf speech" timeout="3"/><Redirect>/again</Redirect>',
        '<Gather action="/a"><Say>One</Say><Play>/a.wav</Play><Pause/></Gather><Hangup/>',
        '<Gather action="/a" actionOnEmptyResult="true" finishOnKey="" numDigits="4"/>',
        '<Dial action="/d" timeout="20" callerId="+34910000000"><Number>+34911111111</Number></Dial>',
        "<Dial>+34911111111</Dial>",
        '<Pay paymentConnector="Default"><Parameter name="a" value="b"/></Pay>',
        '<Pay><Prompt for="security-code" attempt="1 2"><Say>The code</Say></Prompt></Pay>',
        '<Sms to="+1" from="+2">text</Sms>',
        '<Pause length="2"/><Hangup/>',
        '<Reject reason="busy"/>',
        '<Start><Stream url="wss://x"><Parameter name="a" value="b"/></Stream></Start>',
    ],
)
def test_lawful_documents(verbs: str) -> None:
    assert validate(document(verbs)) == []


@pytest.mark.parametrize(
    ("verbs", "fault"),
    [
        ("<Speak>Hello</Speak>", "Response may not hold <Speak>"),
        ("<say>Hello</say>", "Response may not hold <say>"),
        ('<Say speed="2">Hello</Say>', "Response > Say[1] has no attribute speed"),
        ('<Gather action="/a" num_digits="1"/><Hangup/>', "Gather[1] has no attribute num_digits"),
        (
            '<Gather action="/a"><Redirect>/b</Redirect></Gather><Hangup/>',
            "Gather[1] may not hold <Redirect>",
        ),
        ("<Say>One <Say>two</Say></Say>", "Say[1] may not hold <Say>"),
        ("Hello", "Response holds text, and may not: 'Hello'"),
        ("<Pause/>Hello", "Response holds text, and may not: 'Hello'"),
        ("<Hangup>now</Hangup>", "Response > Hangup[1] holds text, and may not: 'now'"),
        ("<Redirect/>", "Response > Redirect[1] is empty"),
        ("<Redirect> </Redirect>", "Response > Redirect[1] is empty"),
        ("<Dial><Number/></Dial>", "Response > Dial[1] > Number[1] is empty"),
        ("<Dial/>", "<Dial> has no number"),
        ("<Say/>", "<Say> has nothing to say"),
        ("<Say> <break/> </Say>", "<Say> has nothing to say"),
        ("<Play/>", "<Play> has no URL"),
        ("<Gather/><Hangup/>", "<Gather> has no action"),
        ('<Gather action=""/><Hangup/>', "<Gather> has no action"),
        ('<Gather action="/a"/>', "<Gather> falls into silence"),
        ('<Gather action="/a" actionOnEmptyResult="false"/>', "<Gather> falls into silence"),
        ('<Gather action="/a" actionOnEmptyResult="yes"/>', "must be true or false, not 'yes'"),
        (
            '<Gather action="/a" numDigits="0"/><Hangup/>',
            "numDigits must be a whole number from 1 on, not '0'",
        ),
        ('<Gather action="/a" timeout="2.5"/><Hangup/>', "timeout must be a whole number"),
        ('<Gather action="/a" timeout="٣"/><Hangup/>', "timeout must be a whole number"),
        ('<Gather action="/a" finishOnKey="##"/><Hangup/>', "finishOnKey must be one key"),
        ('<Gather action="/a" finishOnKey="x"/><Hangup/>', "finishOnKey must be one key"),
        ('<Gather action="/a" input="touch"/><Hangup/>', "input must be dtmf, speech or both"),
        ('<Gather action="/a" input=""/><Hangup/>', "input must be dtmf, speech or both"),
        ('<Gather action="/a" method="PUT"/><Hangup/>', "method must be POST or GET, not 'PUT'"),
        (
            '<Gather action="/a"><Pause length="-1"/></Gather><Hangup/>',
            "<Pause> length must be a whole number",
        ),
        ('<Pause length=""/>', "<Pause> length must be a whole number"),
        ("<Say>Hello</Say><Reject/>", "<Reject> stands behind another verb"),
        ('<Reject reason="tired"/>', "<Reject> reason must be rejected or busy"),
    ],
)
def test_faults_are_told_by_name(verbs: str, fault: str) -> None:
    found = validate(document(verbs))
    assert any(fault in each for each in found), found


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "no XML"),
        ("hello", "no XML"),
        ("<Response>", "no XML"),
        ("<Response>&nbsp;</Response>", "no XML"),
        ("<Response/><Response/>", "no XML"),
        ("<Response>\x00</Response>", "no XML"),
        ("<Response>\ud800</Response>", "no XML"),
        ("<Reply/>", "begins with <Reply>"),
        ("<Response xmlns='http://x'/>", "not with <Response>"),
        ('<!DOCTYPE r [<!ENTITY a "b">]><Response><Say>&a;</Say></Response>', "document type"),
    ],
)
def test_what_is_no_twiml_at_all(text: str, fault: str) -> None:
    (found,) = validate(text)
    assert fault in found


def test_the_length_is_counted_in_bytes() -> None:
    left = 64_000 - len(document("<Say></Say>").encode())
    assert validate(document(f"<Say>{'x' * left}</Say>")) == []
    assert validate(document(f"<Say>{'x' * (left + 1)}</Say>")) == [
        "the document has 64001 bytes, the carrier takes 64000"
    ]
    assert validate(document(f"<Say>{'ñ' * (left // 2 + 1)}</Say>")) != []


def test_every_verb_of_the_library_is_known() -> None:
    """Each method of VoiceResponse makes one element, and that element is allowed in a Response."""
    methods = [
        name
        for name, method in inspect.getmembers(VoiceResponse, inspect.isfunction)
        if name in vars(VoiceResponse) and not name.startswith("_")
    ]
    assert len(children(root().kind)) == len(methods) >= 20


def test_the_librarys_own_spelling_counts() -> None:
    gather = children(root().kind)["Gather"]
    assert gather.kind is Gather
    assert {"numDigits", "finishOnKey", "actionOnEmptyResult"} <= gather.attributes
    assert set(children(Gather)) == {"Say", "Play", "Pause"}
    assert children(children(root().kind)["Say"].kind)["say-as"].attributes == {"interpret-as", "format"}
    assert children(children(root().kind)["Say"].kind)["lang"].attributes == {"xml:lang"}
    assert children(children(root().kind)["Pay"].kind)["Prompt"].attributes >= {"for", "cardType"}
    assert children(root().kind)["Sms"].attributes >= {"from", "to"}


@given(
    st.lists(
        st.sampled_from(
            [
                lambda r: r.say("Hola & adiós", language="es-ES", voice="Polly.Lucia", loop=2),
                lambda r: r.say("x").say_as("12", interpret_as="digits"),
                lambda r: r.say("x").lang("y", xml_lang="es-ES"),
                lambda r: r.play("https://cdn.example/a.wav", loop=1),
                lambda r: r.pause(length=1),
                lambda r: r.gather(action="/a", num_digits=4, action_on_empty_result=True).say("Key it"),
                lambda r: r.redirect("/next", method="POST"),
                lambda r: r.dial(action="/d", caller_id="+1").number("+34911111111", status_callback="/s"),
                lambda r: r.dial(record="record-from-answer").conference("room", beep=False, muted=True),
                lambda r: r.record(max_length=3, play_beep=True, transcribe_callback="/t"),
                lambda r: r.enqueue("support", wait_url="/w"),
                lambda r: r.pay(payment_connector="Default", token_type="reusable").prompt(
                    for_="expiration-date"
                ),
                lambda r: r.hangup(),
            ]
        ),
        max_size=8,
    )
)
def test_whatever_the_library_builds_passes(builders: list) -> None:
    response = VoiceResponse()
    for build in builders:
        build(response)
    assert validate(str(response)) == []
