"""Gather as the carrier's reference has it, row by row (twilio.com/docs/voice/twiml/gather).

Each row: the Gather's attributes, what the caller keys (None: nothing), and what happens: the Digits posted
to the action, or `falls through` to the verb behind. A page of a tiny Flask app answers; nothing waits, the
clock is moved.
"""

import pytest

from ivr.simulators.phone.events import Keyed, KeysAsked, Reason, Said
from ivr.simulators.phone.keys import Collector, GatherRules
from tests.support.phone import Heard, call_settings, ring
from tests.support.time_and_ids import ManualClock
from tests.support.twiml_server import TinyServer

FALLS_THROUGH = "falls through"

TABLE: dict[str, list[tuple[str, str | None, str, int]]] = {
    "by default # finishes, there is no limit of digits, and 5 seconds pass between keys": [
        ("", "1234#", "1234", 0),
        ("", "1234", "1234", 5),
        ("", "12*34#", "12*34", 0),
        ("", None, FALLS_THROUGH, 5),
    ],
    "a finishOnKey before any other digit makes no request; the verb behind the Gather follows": [
        ("", "#", FALLS_THROUGH, 0),
        ('finishOnKey="5"', "5", FALLS_THROUGH, 0),
    ],
    "timeout: the limit in seconds that the carrier waits for another digit": [
        ('timeout="12"', None, FALLS_THROUGH, 12),
        ('timeout="12"', "9", "9", 12),
    ],
    "numDigits: once so many are keyed, the Gather ends and posts at once": [
        ('numDigits="4"', "1234", "1234", 0),
        ('numDigits="4"', "123#", "123", 0),
        ('numDigits="4"', "123", "123", 5),
        ('numDigits="1"', "*", "*", 0),
        ('numDigits="1"', "#", FALLS_THROUGH, 0),
    ],
    "finishOnKey: a digit, # or *; with the empty string only numDigits or the timeout ends it": [
        ('finishOnKey="*"', "12#3*", "12#3", 0),
        ('finishOnKey="9"', "1239", "123", 0),
        ('finishOnKey=""', "12#3*", "12#3*", 5),
        ('finishOnKey="" numDigits="3"', "#*1", "#*1", 0),
        ('finishOnKey="" numDigits="1"', "#", "#", 0),
    ],
    "actionOnEmptyResult: a webhook to the action even when there is no input": [
        ('actionOnEmptyResult="true"', None, "", 5),
        ('actionOnEmptyResult="true"', "#", "", 0),
        ('actionOnEmptyResult="true" numDigits="2" timeout="3"', None, "", 3),
        ('actionOnEmptyResult="true" numDigits="2" timeout="3"', "7", "7", 3),
        ('actionOnEmptyResult="false"', None, FALLS_THROUGH, 5),
    ],
    "speech beside keys: keys alone are heard here": [
        ('input="dtmf speech" numDigits="2"', "42", "42", 0),
    ],
}
ROWS = [pytest.param(*row, id=f"{rule}: {row[0]} {row[1]}") for rule, rows in TABLE.items() for row in rows]


@pytest.mark.parametrize(("attributes", "keyed", "expected", "waited_s"), ROWS)
def test_the_reference(
    clock: ManualClock, attributes: str, keyed: str | None, expected: str, waited_s: int
) -> None:
    server = TinyServer(
        {
            "/voice/incoming": f'<Gather action="/action" {attributes}/><Say>Nothing heard.</Say>',
            "/action": "<Say>Thank you.</Say>",
        }
    )
    began = clock.now()
    ended, heard = ring(server.transport, clock, [keyed])
    assert not ended.faults
    assert ended.reason is Reason.END_OF_DOCUMENT
    posted = [form["Digits"] for form in server.forms("/action")]
    assert posted == ([] if expected == FALLS_THROUGH else [expected])
    assert [said.text for said in heard.of(Said)] == (["Thank you."] if posted else ["Nothing heard."])
    assert (clock.now() - began).total_seconds() == waited_s


def test_what_the_action_is_told(clock: ManualClock) -> None:
    server = TinyServer({"/voice/incoming": '<Gather action="/action"/><Hangup/>', "/action": "<Hangup/>"})
    ring(server.transport, clock, ["12#"])
    (form,) = server.forms("/action")
    assert (form["Digits"], form["FinishedOnKey"], form["msg"]) == ("12", "#", "Gather End")
    assert form["CallStatus"] == "in-progress"


def asking_twice(
    clock: ManualClock, first: str, second: str, answers: list[str | None]
) -> tuple[TinyServer, Heard]:
    server = TinyServer(
        {
            "/voice/incoming": f'<Gather action="/one" {first}><Say>First?</Say><Say>Really?</Say></Gather>'
            "<Hangup/>",
            "/one": f'<Gather action="/two" actionOnEmptyResult="true" {second}><Say>Second?</Say></Gather>',
            "/two": "<Say>Done.</Say>",
        }
    )
    ended, heard = ring(server.transport, clock, answers)
    assert not ended.faults
    return server, heard


def test_keys_pressed_too_early_count_for_the_next_gather(clock: ManualClock) -> None:
    server, heard = asking_twice(clock, 'numDigits="1"', 'numDigits="3"', ["1234"])
    assert [form["Digits"] for form in server.forms("/one") + server.forms("/two")] == ["1", "234"]
    assert [said.text for said in heard.of(Said)] == ["First?", "Really?", "Done."], (
        "an early key cuts the prompt"
    )
    assert len(heard.of(KeysAsked)) == 1


def test_early_keys_that_do_not_suffice_are_waited_on(clock: ManualClock) -> None:
    server, heard = asking_twice(clock, 'numDigits="1"', 'numDigits="3"', ["12", "34"])
    assert [form["Digits"] for form in server.forms("/two")] == ["234"]
    assert [asked.wanted for asked in heard.of(KeysAsked)] == [1, 2]


def test_a_late_hash_spills_over_as_an_empty_answer(clock: ManualClock) -> None:
    """The adversary's reading of what a carrier may do: a server must take a lone # calmly."""
    server, _ = asking_twice(clock, 'numDigits="4"', 'numDigits="2"', ["1234#"])
    assert [form["Digits"] for form in server.forms("/two")] == [""]
    assert [form["FinishedOnKey"] for form in server.forms("/two")] == ["#"]


@pytest.mark.parametrize(
    ("prompt", "action", "keyed"),
    [("", "/voice/t", ""), ("<Say>Which?</Say>", "/voice/t", "1"), ("", "/pci/e/1", "1")],
)
def test_a_caller_who_listens_first_is_not_taken_for_silent(
    clock: ManualClock, prompt: str, action: str, keyed: str
) -> None:
    gather = f'<Gather action="{action}" numDigits="8" timeout="3" actionOnEmptyResult="true">'
    server = TinyServer({"/voice/incoming": f"{gather}{prompt}</Gather>", action: "<Hangup/>"})
    began = clock.now()
    ring(server.transport, clock, ["1"], settings=call_settings(reaction_s=1.5))
    assert [form["Digits"] for form in server.forms(action)] == [keyed]
    assert (clock.now() - began).total_seconds() == 3


def test_keys_under_card_entry_are_never_shown(clock: ManualClock) -> None:
    server = TinyServer(
        {
            "/voice/incoming": '<Gather action="/pci/e/1" numDigits="6"/><Hangup/>',
            "/pci/e/1": '<Gather action="../../back" numDigits="9" timeout="1"/><Hangup/>',
            "/back": "<Hangup/>",
        }
    )
    _, heard = ring(server.transport, clock, ["123456789*#", None])
    assert [keyed.shown for keyed in heard.of(Keyed)] == ["••••••", "•••*#"]
    assert "345" not in repr(heard.events)
    assert server.forms("/back")[0]["Digits"] == "789*"


class TestCollector:
    def test_a_key_that_no_keypad_has(self) -> None:
        for key in ("a", "", "12", "٣"):
            with pytest.raises(ValueError, match="not a key"):
                Collector(GatherRules()).press(key)

    def test_nothing_is_taken_after_the_end(self) -> None:
        collector = Collector(GatherRules(num_digits=1))
        assert collector.take("123") == "23"
        with pytest.raises(ValueError, match="is over"):
            collector.press("2")
