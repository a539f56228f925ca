"""The rules that are the same in every flow: misses, `*`, `0`, a lone `#`, loops with an end."""

from dataclasses import replace

import pytest

from flows.language import Transfer
from ivr.calls import machine, walk
from ivr.calls.step_result import Keys, Listen, Need, Over
from ivr.calls.waits import ask
from tests.support.small_flow import SmallFlow, all_heard, begin, everything, flow, heard, key, key_hash


def test_a_call_begins_with_everything_up_to_the_first_question() -> None:
    progress = begin()
    assert heard(progress) == ["hello", "number"]
    assert progress.stop == Listen(8, ask.TIMEOUT_S)


def test_digits_go_on_and_a_wrong_branch_asks_again() -> None:
    assert heard(key(begin(), "12345678")) == ["pick"]
    assert heard(key(begin(), "22345678")) == ["number"]


@pytest.mark.parametrize(
    ("keyed", "prompt"),
    [("", "host.no_input"), ("123", "host.wrong_length"), ("1A345678", "host.wrong_length")],
)
def test_a_first_miss_asks_again_and_a_second_goes_onward(keyed: str, prompt: str) -> None:
    once = key(begin(), keyed)
    assert heard(once) == [prompt, "number"]
    twice = key(once, keyed)
    assert heard(twice) == ["bye"]
    assert twice.stop == Over()


def test_misses_are_forgotten_at_the_next_question() -> None:
    missed = key(begin(), "")
    picked = key(missed, "12345678")
    assert heard(key(picked, "")) == ["host.no_input", "pick"]


def test_a_lone_hash_is_ignored_silently_but_not_for_ever() -> None:
    progress = begin()
    for _ in range(walk.STRAYS_MAX):
        progress = key(progress, "", elapsed_s=1.0)
        assert heard(progress) == ["number"]
    assert heard(key(progress, "", elapsed_s=1.0)) == ["host.no_input", "number"]


def test_a_lone_hash_repeats_the_question_and_is_no_miss() -> None:
    for start in (begin(), key(begin(), "12345678")):
        progress = start
        for elapsed_s in (0.5, 7.9, 8.1, 60.0) * 2:
            progress = key_hash(progress, elapsed_s)
            assert all_heard(progress) == [all_heard(start)[-1]]
        taken_as_a_key = key(progress, "#", elapsed_s=60.0)  # by a Gather in the middle of a question
        assert all_heard(taken_as_a_key) == [all_heard(start)[-1]]
        assert taken_as_a_key.session.question.misses == 0
        assert heard(key(progress, ""))[0] == "host.no_input", "it has its two misses still"


def test_asking_twice_turns_slow_speech_on_and_twice_more_turns_it_off() -> None:
    """Only where the voices can: without a word about it elsewhere."""
    session = begin().session
    progress = machine.begin(flow, replace(session, state=replace(session.state, slow_speech=True)))
    assert not any(utterance.slow for utterance in progress.said)
    told = []
    for _ in range(4):
        progress = key_hash(progress)
        told.append((all_heard(progress)[0], progress.session.slow, progress.pace_chosen))
    assert told == [
        ("number", False, False),
        ("host.slower", True, True),
        ("number", True, False),
        ("host.faster", False, True),
    ]
    slowed = key_hash(key_hash(progress))
    missed = key(slowed, "")
    assert all(utterance.slow for utterance in (*everything(missed), *key(slowed, "12345678").said))
    assert all_heard(missed)[-1] == "host.again", "who hears it slowly need not be told how"
    quick = machine.begin(flow, replace(session, state=replace(session.state, slow_speech=True)))
    assert all_heard(key(quick, ""))[-2:] == ["host.again", "host.again_slower"]
    assert not key_hash(key_hash(begin())).session.slow


def test_whoever_repeats_without_end_is_led_on() -> None:
    progress = begin()
    for _ in range(walk.REPEATS_MAX):
        progress = key_hash(progress)
        assert heard(progress) == ["number"]
    assert heard(key_hash(progress)) == ["host.no_match", "number"]
    assert heard(key_hash(key_hash(progress))) == ["bye"]


def test_the_keys_are_told_on_the_first_miss_alone_behind_the_question() -> None:
    """And star where it leads somewhere, a person where one can be rung."""
    missed = key(begin(), "")
    assert all_heard(missed) == ["host.no_input", "number", "host.again"]
    assert all_heard(key_hash(missed)) == ["number"]
    at_menu = key(begin(), "12345678")
    assert all_heard(at_menu) == ["pick"]
    assert all_heard(key(at_menu, "")) == ["host.no_input", "pick", "host.again", "host.back"]
    session = replace(at_menu.session, state=replace(at_menu.session.state, person_available=True))
    with_a_person = machine.hear(flow, session, Keys("", 30.0))
    assert all_heard(with_a_person)[-2:] == ["host.back", "host.offer_person"]


def test_behind_a_miss_every_question_waits_longer() -> None:
    for question, first_s, again_s in ((begin(), 8, 12), (key(begin(), "12345678"), 6, 10)):
        waits = [
            asked.stop.timeout_s for asked in (question, key(question, "")) if isinstance(asked.stop, Listen)
        ]
        assert waits == [first_s, again_s]


def test_a_question_read_from_a_paper_has_more_time_and_one_miss_more() -> None:
    asked = key(key(begin(), "12345678"), "5")
    assert asked.stop == Listen(8, ask.TIMEOUT_S)
    once = key(asked, "", elapsed_s=8.0)
    assert all_heard(once) == [
        "host.no_input", "host.take_your_time", "paper", "where", "host.again", "host.back",
    ]  # fmt: skip
    assert once.stop == Listen(8, ask.AGAIN_TIMEOUT_S)
    assert heard(key(once, "", elapsed_s=11.0)) == ["paper"], "a late key: the wait is longer"
    twice = key(once, "", elapsed_s=12.0)
    assert all_heard(twice) == ["host.no_input", "paper"]
    assert heard(key(twice, "", elapsed_s=12.0)) == ["bye"]


def test_the_first_miss_behind_a_question_in_two_languages_is_in_both() -> None:
    asked = key(key(begin(), "12345678"), "6")
    missed = key(asked, "")
    assert all_heard(missed)[:2] == ["host.no_input", "both"]
    assert {utterance.languages for utterance in everything(missed)} == {("en", "es")}


def test_who_may_leave_without_a_charge_is_told_so() -> None:
    missed = key(key(key(begin(), "12345678"), "6"), "")
    assert all_heard(missed)[-1] == "host.hang_up"


def test_star_goes_back_to_the_question_before() -> None:
    picked = key(begin(), "12345678")
    assert heard(key(picked, "*")) == ["number"]
    assert heard(key(begin(), "*")) == ["number"]  # there is none before the first


def test_star_behind_digits_clears_them() -> None:
    assert heard(key(begin(), "99*")) == ["number"]
    assert heard(key(begin(), "9*12345678")) == ["pick"]


@pytest.mark.parametrize(
    "gathers",
    [
        ("1234*123", "45678"),
        ("999999*1", "2345678"),
        ("9*99*123", "45678"),
        ("999*9999", "*123", "45678"),
        ("9999999*", "12345678"),
    ],
)
def test_a_slip_that_is_cleared_costs_nothing_but_its_keys(gathers: tuple[str, ...]) -> None:
    """The Gather is full before the answer is; the caller keys on, and hears nothing before they are done."""
    progress = begin()
    for count, keyed in enumerate(gathers, start=1):
        assert progress.stop == Listen(len(keyed) if count > 1 else 8, ask.TIMEOUT_S)
        progress = key(progress, keyed, elapsed_s=1.5)
        if count < len(gathers):
            assert heard(progress) in ([], ["number"])
    assert heard(progress) == ["pick"]


def test_a_zero_behind_a_cleared_slip_is_a_digit() -> None:
    assert heard(key(key(begin(), "9*123456"), "70")) == ["pick"]
    one_left = key(begin(), "*1234567")
    assert one_left.stop == Listen(1, ask.TIMEOUT_S)
    assert heard(key(one_left, "0")) == ["pick"]


def test_a_cleared_entry_without_more_keys_is_a_miss() -> None:
    assert heard(key(key(begin(), "1234*123"), "")) == ["host.wrong_length", "number"]
    assert heard(key(key(begin(), "1234*123"), "*")) == ["number"]
    progress = key(begin(), "12345*12")
    for _ in range(walk.STRAYS_MAX - 1):
        progress = key(progress, "345*12")
        assert heard(progress) == []
    assert heard(key(progress, "345*12")) == ["host.wrong_length", "number"]


def test_zero_rings_a_person_at_any_question() -> None:
    for progress in (begin(), key(begin(), "12345678")):
        stop = key(progress, "0").stop
        assert isinstance(stop, Need)
        assert isinstance(stop.wait, Transfer)


def test_loops_end_at_a_person() -> None:
    progress = begin()
    for _ in range(2):
        progress = key(progress, "22345678")
        assert heard(progress) == ["number"]
    stop = key(progress, "22345678").stop
    assert isinstance(stop, Need)
    assert isinstance(stop.wait, Transfer)


def test_a_language_chosen_is_spoken_from_then_on() -> None:
    progress = key(key(begin(), "12345678"), "2")
    assert progress.language_chosen
    assert progress.said[-1].languages == ("es",)


def test_a_wait_is_left_by_its_exit_with_its_facts() -> None:
    progress = key(key(begin(), "12345678"), "3")
    assert isinstance(progress.stop, Need)
    left = machine.leave(flow, progress.session, "one", {"times": 3})
    assert heard(left) == ["bye"]
    assert left.session.state == SmallFlow(number="12345678", times=3)
