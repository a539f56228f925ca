"""Keys that must be heard first, and the key for the next language, as the machine takes them."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.language import Ask, CallState, Choose, End, Flow, QuestionWait, Say, Transfer
from ivr.calls import machine
from ivr.calls.session import Session
from ivr.calls.step_result import Keys, Listen, Over, Progress


@dataclass(frozen=True)
class Chat(CallState):
    number: str = ""
    amount: str = ""


flow = Flow(
    "chat", state=Chat, start="number", person="person", visits_max=9, exhausted="person", folder=Path()
)


@flow.add(Ask.exits(heard="amount", gave_up="bye"))
def number(_: Chat) -> Ask:
    return Ask(Say("number"), digits=8, into="number")


@flow.add(Ask.exits(heard="agree", gave_up="bye"))
def amount(_: Chat) -> Ask:
    return Ask(Say("amount"), digits=1, into="amount", at_most=5)


@flow.add(Choose.exits({"1": "paid", "2": "amount", "7": "kept"}, gave_up="bye", heard_first="17"))
def agree(_: Chat) -> Choose:
    return Choose(Say("agree"))


@flow.add(End.exits())
def paid(_: Chat) -> End:
    return End(Say("paid"))


@flow.add(End.exits())
def kept(_: Chat) -> End:
    return End(Say("kept"))


@flow.add(Transfer.exits(unanswered="bye", nobody="bye"))
def person(_: Chat) -> Transfer:
    return Transfer(Say("person"))


@flow.add(End.exits())
def bye(_: Chat) -> End:
    return End(Say("bye"))


def at(step: str, languages: tuple[str, ...] = ("en", "es")) -> Progress:
    session = Session(step=step, state=Chat(languages=languages), language=languages[0])
    return Progress(session, Over())


def key(progress: Progress, keyed: str, named: str = "17", elapsed_s: float = 30.0) -> Progress:
    saved = Session.load(flow, progress.session.dump())
    return machine.hear(flow, saved, Keys(keyed, elapsed_s, named))


def heard(progress: Progress) -> list[str]:
    return [utterance.say.key for utterance in progress.said]


@pytest.mark.parametrize(
    ("keyed", "named", "said"),
    [
        ("1", "1", ["paid"]),
        ("7", "17", ["kept"]),
        ("2", "", ["amount"]),  # moves no money: taken at any time
        ("0", "", ["person"]),
        ("*", "", ["agree"]),
        ("1", "", []),
        ("7", "1", []),
    ],
)
def test_a_key_that_was_not_named_is_dropped(keyed: str, named: str, said: list[str]) -> None:
    progress = key(at("agree"), keyed, named)
    assert heard(progress) == (said if said != ["person"] else [])
    if said == ["person"]:
        assert progress.session.step == "person"
    if not said:  # what is pressed in one go with it is thrown away, then the question is asked again
        assert progress.stop == Listen(8, 1)
        for more in ("", "1", "77"):
            again = key(progress, more, "")
            assert (heard(again), again.session.question.misses) == (["agree"], 0)
            assert again.stop == Listen(1, 6, "17")
            assert heard(key(again, "1", "1")) == ["paid"]


def test_who_presses_ahead_without_end_is_told_to_wait_and_led_on() -> None:
    progress, said = at("agree"), []
    for _ in range(5):
        progress = key(key(progress, "1", ""), "", "")
        said.append(heard(progress))
    wait = ["host.wait_for_question", "agree"]
    assert said == [["agree"], ["agree"], wait, wait, ["bye"]]


def test_a_card_keyed_ahead_is_told_as_a_card() -> None:
    progress = key(at("agree"), "2", "", elapsed_s=0.3)  # would lead on, had it been pressed later
    for more in ("22300000", "0000000", ""):
        assert heard(progress) == []
        progress = key(progress, more, "")
    assert heard(progress) == ["host.card_too_early", "agree"]
    assert progress.card_too_early


def test_eight_changes_the_language_and_is_no_miss() -> None:
    progress = key(at("agree", ("en", "es", "ca")), "8", "")
    for language in ("es", "ca", "en"):
        assert (heard(progress), progress.language_chosen) == (["agree"], True)
        assert (progress.session.language, progress.session.question.misses) == (language, 0)
        progress = key(progress, "8", "")
    presses = 0
    while issubclass(flow.step(progress.session.step).wait, QuestionWait):
        progress, presses = key(progress, "8", ""), presses + 1
    assert heard(progress) == ["bye"], "nobody goes round for ever"
    assert presses <= machine.CHANGES_MAX


@pytest.mark.parametrize(
    ("step", "keyed", "language", "said"),
    [
        ("number", "8", "es", ["number"]),
        ("number", "8#", "es", ["number"]),
        ("number", "81234567", "en", ["amount"]),
        ("number", "88", "en", ["host.wrong_length", "number"]),
        ("number", "1*8", "en", ["host.wrong_length", "number"]),
        ("amount", "8#", "en", ["agree"]),
        ("agree", "8", "es", ["agree"]),
    ],
)
def test_eight_is_a_digit_where_it_can_be_an_answer(
    step: str, keyed: str, language: str, said: list[str]
) -> None:
    progress = key(at(step), keyed)
    assert (progress.session.language, heard(progress)) == (language, said)


def test_where_there_is_one_language_eight_is_a_wrong_key() -> None:
    assert heard(key(at("number", ("en",)), "8")) == ["host.wrong_length", "number"]
    assert heard(key(key(at("agree", ("en",)), "8"), "")) == ["host.no_match", "agree"]


def test_a_late_eight_does_not_change_the_language() -> None:
    progress = key(key(at("agree"), "8", "", elapsed_s=0.2), "", "")
    assert progress.session.language == "en"
    assert heard(progress) == ["host.no_match", "agree"]
