"""Every verb that the server renders is one that the carrier takes, and says the very words it was given."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.twiml.voice_response import VoiceResponse

from ivr.carriers.twilio import twiml
from ivr.carriers.twilio.twiml import Voice
from ivr.simulators.phone.schema import validate

ENGLISH = Voice("en-GB", "Polly.Amy")
SPANISH = Voice("es-ES")

DOCUMENTS = {
    "say": [twiml.say("Hello & <welcome>", ENGLISH)],
    "say without a named voice": [twiml.say("¿Cuánto debe José?", SPANISH)],
    "play": [twiml.play("https://cdn.example/a.wav?x=1&y=2")],
    "pause": [twiml.pause(2)],
    "gather": [twiml.gather(twiml.say("Key it.", ENGLISH), action="/voice/c/t/1", num_digits=8, timeout_s=6)],
    "gather without a finish key": [
        twiml.gather("", action="/pci/e/1", num_digits=16, timeout_s=12, finish_on_key="")
    ],
    "redirect": [twiml.pause(1), twiml.redirect("/voice/c/t/2?wait=1&n=2")],
    "dial": [twiml.dial("+34911111111", action="/voice/c/t/3", timeout_s=30, caller_id="+34910000000")],
    "dial without a caller's number": [twiml.dial("+34911111111", action="/voice/c/t/3", timeout_s=30)],
    "hangup": [twiml.say("Goodbye.", ENGLISH), twiml.hangup()],
    "nothing": [],
}


@pytest.mark.parametrize("verbs", DOCUMENTS.values(), ids=DOCUMENTS)
def test_the_carrier_takes_every_verb(verbs: list[str]) -> None:
    assert validate(twiml.document(verbs)) == []


def _canonical(document: str) -> str:
    text: str = ET.canonicalize(document)
    return text


def test_it_is_what_the_twilio_library_would_have_written() -> None:
    theirs = VoiceResponse()
    gather = theirs.gather(
        input="dtmf",
        action="/t/1?a=1&b=2#rc=5&rp=ct,rt,5xx",
        method="POST",
        num_digits=8,
        timeout=6,
        finish_on_key="",
        action_on_empty_result=True,
    )
    gather.say('Señor "José" & <co>', language="es-ES", voice="Polly.Lucia")
    gather.play("https://cdn.example/a.wav")
    gather.pause(length=1)
    theirs.redirect("/t/2#rc=5&rp=ct,rt,5xx", method="POST")
    dial = theirs.dial(action="/d#rc=5&rp=ct,rt,5xx", method="POST", timeout=20, caller_id="+34910000000")
    dial.number("+34911111111")
    theirs.hangup()
    prompt = (
        twiml.say('Señor "José" & <co>', Voice("es-ES", "Polly.Lucia"))
        + twiml.play("https://cdn.example/a.wav")
        + twiml.pause(1)
    )
    ours = twiml.document(
        [
            twiml.gather(prompt, action="/t/1?a=1&b=2", num_digits=8, timeout_s=6, finish_on_key=""),
            twiml.redirect("/t/2"),
            twiml.dial("+34911111111", action="/d", timeout_s=20, caller_id="+34910000000"),
            twiml.hangup(),
        ]
    )
    assert _canonical(ours) == _canonical(str(theirs))


@given(st.text())
def test_no_text_breaks_out_of_its_verb(text: str) -> None:
    document = twiml.document([twiml.say(text, ENGLISH), twiml.redirect("/" + text)])
    tree = ET.fromstring(document)  # noqa: S314 - our own document
    assert [node.tag for node in tree] == ["Say", "Redirect"]
    sayable = "".join(
        c
        for c in text
        if c in "\t\n" or 0x20 <= ord(c) <= 0xD7FF or 0xE000 <= ord(c) <= 0xFFFD or ord(c) > 0xFFFF
    )
    assert (tree[0].text or "") == sayable
    assert tree[1].text == f"/{sayable}#rc=5&rp=ct,rt,5xx"


@given(st.text())
def test_no_value_breaks_out_of_its_attribute(value: str) -> None:
    rendered = twiml.gather("", action="/" + value, num_digits=1, timeout_s=5)
    gather = ET.fromstring(twiml.document([rendered]))[0]  # noqa: S314 - our own document
    assert gather.attrib.keys() == {
        "input",
        "action",
        "method",
        "numDigits",
        "timeout",
        "finishOnKey",
        "actionOnEmptyResult",
    }


def test_half_a_character_from_a_broken_upload_is_left_out() -> None:
    assert '<Say language="es-ES">ab</Say>' in twiml.document([twiml.say("a\ud83d\x00\ufffeb", SPANISH)])


def test_a_prompt_past_the_carriers_limit_is_a_fault_of_ours() -> None:
    fits = twiml.DOCUMENT_BYTES_MAX - len(twiml.document([twiml.say("", SPANISH)]).encode()) - len("</Say>")
    assert validate(twiml.document([twiml.say("x" * fits, SPANISH)])) == []
    with pytest.raises(ValueError, match="64 kB"):
        twiml.document([twiml.say("x" * (fits + 10), SPANISH)])
    with pytest.raises(ValueError, match="64 kB"):
        twiml.document([twiml.say("ñ" * (fits // 2 + 10), SPANISH)])
